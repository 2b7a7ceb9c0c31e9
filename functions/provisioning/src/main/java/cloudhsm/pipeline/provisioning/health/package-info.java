/** The look at everything, every few minutes: is each deployment healthy, what does it cost, what belongs to nobody. */
package cloudhsm.pipeline.provisioning.health;
