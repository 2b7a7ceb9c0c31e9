/** What can be known to be wrong before anything billable exists. */
package cloudhsm.pipeline.provisioning.preflight;
