/** The stages that make a CloudHSM cluster, from CreateCluster to the last of its HSMs. */
package cloudhsm.pipeline.provisioning.cluster;
