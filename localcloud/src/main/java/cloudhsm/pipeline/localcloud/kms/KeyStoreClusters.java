package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.cloudhsm.CloudHsmService;
import cloudhsm.pipeline.localcloud.cloudhsm.Cluster;
import cloudhsm.pipeline.localcloud.cloudhsm.ClusterState;
import cloudhsm.pipeline.localcloud.cloudhsm.Hsm;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.Optional;

/**
 * What KMS demands of a cluster.
 *
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/create-keystore.html#before-keystore">Assemble
 *     the prerequisites</a>
 */
final class KeyStoreClusters {
    /** For CreateCustomKeyStore, UpdateCustomKeyStore and CreateKey; a connection needs one. */
    private static final int HSMS_FOR_KEYS = 2;

    private final CloudHsmService cloudHsm;
    private final Ec2Service ec2;
    private boolean rootAlone;

    KeyStoreClusters(CloudHsmService cloudHsm, Ec2Service ec2) {
        this.cloudHsm = cloudHsm;
        this.ec2 = ec2;
    }

    /** Empty where the cluster does not exist or has been deleted. */
    Optional<Cluster> find(String clusterId) {
        return cloudHsm.cluster(clusterId)
                .filter(cluster ->
                        cluster.state() != ClusterState.DELETED && cluster.state() != ClusterState.DELETE_IN_PROGRESS);
    }

    /** @throws AwsException CloudHsmClusterNotFoundException or CloudHsmClusterNotActiveException */
    Cluster findActive(String clusterId) {
        var cluster = find(clusterId)
                .orElseThrow(() -> AwsException.badRequest(
                        "CloudHsmClusterNotFoundException",
                        "CloudHSM cluster " + clusterId + " was not found in this account and Region."));
        requireActive(cluster);
        return cluster;
    }

    static void requireActive(Cluster cluster) {
        if (cluster.state() == ClusterState.ACTIVE) return;
        throw AwsException.badRequest(
                "CloudHsmClusterNotActiveException",
                "CloudHSM cluster " + cluster.id() + " is " + cluster.state() + "; it must be ACTIVE.");
    }

    /** @throws AwsException CloudHsmClusterInvalidConfigurationException */
    void requireFitForKeyStore(Cluster cluster) {
        if (cluster.subnetsByAvailabilityZone().size() < 2) {
            throw unfit(cluster, "needs private subnets in at least two Availability Zones.");
        }
        requireFitForKeys(cluster);
        requireNetwork(cluster);
        if (cluster.mtlsEnforced()) {
            throw unfit(cluster, "enforces mutual TLS between clients and HSMs, which custom key stores cannot use.");
        }
    }

    /** @throws AwsException CloudHsmClusterInvalidConfigurationException */
    static void requireFitForKeys(Cluster cluster) {
        var active = cluster.activeHsms();
        var zones = active.stream().map(Hsm::availabilityZone).distinct().count();
        if (active.size() >= HSMS_FOR_KEYS && zones >= HSMS_FOR_KEYS) return;
        throw unfit(
                cluster,
                "needs at least two active HSMs in different Availability Zones; it has " + active.size()
                        + " active in " + zones + " Availability Zones.");
    }

    /** @throws AwsException CloudHsmClusterInvalidConfigurationException */
    void requireFitForConnection(Cluster cluster) {
        if (cluster.activeHsms().isEmpty()) throw unfit(cluster, "needs at least one active HSM.");
        requireNetwork(cluster);
    }

    private void requireNetwork(Cluster cluster) {
        if (cluster.securityGroup().filter(ec2::admitsCluster).isPresent()) return;
        throw unfit(
                cluster,
                "needs its own security group with rules that allow TCP 2223-2225 from and to the group itself.");
    }

    /** @param wanted whether key stores want the root of a chain, not the chain that the cluster was initialized with */
    void wantTheRootAlone(boolean wanted) {
        rootAlone = wanted;
    }

    /** @throws AwsException IncorrectTrustAnchorException */
    void requireTrustAnchor(Cluster cluster, String trustAnchor) {
        // Assumed: trust-anchor-of-a-key-store
        var expected = cluster.trustAnchorPem()
                .map(KeyStoreClusters::certificates)
                .<List<?>>map(chain -> rootAlone ? List.of(chain.getLast()) : chain);
        var given = certificates(trustAnchor);
        if (!given.isEmpty() && expected.isPresent() && expected.get().equals(given)) return;
        throw AwsException.badRequest(
                "IncorrectTrustAnchorException",
                "The trust anchor certificate is not the one that CloudHSM cluster " + cluster.id()
                        + " was initialized with.");
    }

    /** Line breaks and text around the PEM do not matter, the certificates and their order do. */
    private static List<?> certificates(String pem) {
        try {
            return List.copyOf(CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.UTF_8))));
        } catch (CertificateException notPem) {
            return List.of();
        }
    }

    private static AwsException unfit(Cluster cluster, String why) {
        return AwsException.badRequest(
                "CloudHsmClusterInvalidConfigurationException", "CloudHSM cluster " + cluster.id() + " " + why);
    }
}
