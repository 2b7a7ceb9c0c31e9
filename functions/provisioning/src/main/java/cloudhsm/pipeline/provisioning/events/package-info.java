/** AWS tells of no change of a cluster, an HSM or a key store: looks, publishes what is new, has stages look again. */
package cloudhsm.pipeline.provisioning.events;
