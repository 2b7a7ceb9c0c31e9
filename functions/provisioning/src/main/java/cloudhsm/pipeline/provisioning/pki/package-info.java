/** Certificates: is the HSM genuine, and who signs its cluster's CSR. JDK and Bouncy Castle only. */
package cloudhsm.pipeline.provisioning.pki;
