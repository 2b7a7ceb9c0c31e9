package cloudhsm.pipeline.provisioning.pki;

import java.util.Objects;

/**
 * What DescribeClusters shows of an uninitialised cluster's first HSM, each as PEM; empty where it shows nothing.
 *
 * @param hsm the HSM's own certificate, issued under both hardware certificates
 * @param awsHardware issued by the AWS CloudHSM root
 * @param manufacturerHardware issued by the manufacturer's root
 * @param clusterCsr made by the HSM, to be signed by the cluster's owner
 */
public record HsmCertificates(String hsm, String awsHardware, String manufacturerHardware, String clusterCsr) {
    public HsmCertificates {
        hsm = Objects.requireNonNullElse(hsm, "");
        awsHardware = Objects.requireNonNullElse(awsHardware, "");
        manufacturerHardware = Objects.requireNonNullElse(manufacturerHardware, "");
        clusterCsr = Objects.requireNonNullElse(clusterCsr, "");
    }
}
