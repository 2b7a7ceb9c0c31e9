package cloudhsm.pipeline.localcloud.cloudhsm;

/**
 * What the first HSM shows before initialisation, all PEM.
 *
 * @param clusterCsr for the same key as hsmCertificate
 */
record HsmIdentity(
        String clusterCsr,
        String hsmCertificate,
        String awsHardwareCertificate,
        String manufacturerHardwareCertificate) {}
