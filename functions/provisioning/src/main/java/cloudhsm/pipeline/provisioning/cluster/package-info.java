/** The stages that make a CloudHSM cluster, from CreateCluster to its second HSM. */
package cloudhsm.pipeline.provisioning.cluster;
