/** Reads the input of an execution: all that is wrong with it is told at once. */
package cloudhsm.pipeline.provisioning.input;
