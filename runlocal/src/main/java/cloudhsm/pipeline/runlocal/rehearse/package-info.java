/** Tries the re-encryption of a deployed stack on AWS without an HSM, and removes what it has made. */
package cloudhsm.pipeline.runlocal.rehearse;
