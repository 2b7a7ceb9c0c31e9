/** Limits of time and cost that a deployment is stopped at. */
package cloudhsm.pipeline.provisioning.limits;
