/** What an HSM costs, and where that figure comes from. */
package cloudhsm.pipeline.provisioning.price;
