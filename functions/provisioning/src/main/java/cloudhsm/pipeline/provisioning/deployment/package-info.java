/** What is known of a deployment between executions, and which execution may work on it. */
package cloudhsm.pipeline.provisioning.deployment;
