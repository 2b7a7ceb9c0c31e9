package cloudhsm.pipeline.provisioning.deployment;

import java.util.List;
import java.util.Objects;

/**
 * A cluster that a person initialized by hand and that an input asked to take over. It stays its owner's: neither it nor its
 * backups are ever deleted, nor as many HSMs as it came with.
 *
 * @param clusterCertificate PEM, as AWS showed it when the cluster was taken over
 * @param trustAnchor PEM of the root that the cluster was initialized with, or of the chain: the issuer of its certificate
 *     first, the root last
 * @param adminSecretArn the owner's secret with the password of {@code admin}
 * @param hsmIds of the HSMs that it came with
 */
public record AdoptedCluster(
        String clusterId, String clusterCertificate, String trustAnchor, String adminSecretArn, List<String> hsmIds) {
    public AdoptedCluster {
        Objects.requireNonNull(clusterId, "clusterId");
        Objects.requireNonNull(clusterCertificate, "clusterCertificate");
        Objects.requireNonNull(trustAnchor, "trustAnchor");
        Objects.requireNonNull(adminSecretArn, "adminSecretArn");
        hsmIds = List.copyOf(hsmIds);
    }
}
