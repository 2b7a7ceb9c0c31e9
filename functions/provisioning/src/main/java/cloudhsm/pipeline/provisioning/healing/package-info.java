/** Keeps a complete deployment healthy: two HSMs in two zones, kmsuser on each, a connected key store. */
package cloudhsm.pipeline.provisioning.healing;
