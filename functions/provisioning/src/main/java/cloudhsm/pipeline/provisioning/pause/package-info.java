/** Stops the meter of a deployment and starts it again. */
package cloudhsm.pipeline.provisioning.pause;
