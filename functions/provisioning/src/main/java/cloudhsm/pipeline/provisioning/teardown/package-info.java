/** The way back to nothing: reverse order of provisioning, every stage re-runnable, data lost only where it was asked for. */
package cloudhsm.pipeline.provisioning.teardown;
