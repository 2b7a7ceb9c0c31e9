/** What every stage is: it looks, does what can be done now, and ends its task or waits for a resource. */
package cloudhsm.pipeline.provisioning.stage;
