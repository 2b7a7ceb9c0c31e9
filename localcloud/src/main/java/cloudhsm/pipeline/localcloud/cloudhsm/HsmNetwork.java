package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.cert.X509CertificateHolder;

/** Who reaches which HSM: over the network, and with the trust anchor that the client has. */
final class HsmNetwork {
    private final Clusters clusters;
    private final Ec2Service ec2;

    /**
     * What a client is connected to.
     *
     * @param configured how many HSMs the client knows
     * @param hsms those of them that answer; never empty
     */
    record Connections(Cluster cluster, int configured, List<Hsm> hsms) {}

    HsmNetwork(Clusters clusters, Ec2Service ec2) {
        this.clusters = clusters;
        this.ec2 = ec2;
    }

    /** @throws CliException failed, where no configured HSM answers */
    Connections connect(String instanceId, ClientConfiguration configuration, InstanceFiles files) {
        if (configuration.hostnames().isEmpty()) {
            throw CliException.failed("No HSM is configured; run configure-cli first");
        }
        var trusted = trustedCertificates(configuration, files);
        var instance = ec2.instance(instanceId)
                .orElseThrow(() -> CliException.failed("There is no running instance " + instanceId));
        var connected = new ArrayList<Hsm>();
        var owner = Optional.<Cluster>empty();
        var failure = "";
        for (var hostname : configuration.hostnames()) {
            var cluster = clusterBehind(hostname, instance);
            if (cluster.isEmpty()) {
                failure = hostname + ":2223: connection timed out";
            } else if (!trusts(trusted, cluster.get())) {
                failure = hostname + ":2223: certificate verify failed: unable to get local issuer certificate";
            } else if (cluster.get().mtlsEnforced()) {
                failure = hostname + ":2223: the HSM requires a client certificate";
            } else {
                if (owner.isPresent() && owner.get() != cluster.get()) {
                    throw CliException.failed("The configured HSMs belong to different clusters");
                }
                owner = cluster;
                connected.add(hsmAt(cluster.get(), hostname).orElseThrow());
            }
        }
        if (connected.isEmpty()) throw CliException.failed("Unable to connect to any HSM: " + failure);
        return new Connections(owner.orElseThrow(), configuration.hostnames().size(), connected);
    }

    private static List<X509CertificateHolder> trustedCertificates(
            ClientConfiguration configuration, InstanceFiles files) {
        var file = files.locate(configuration.hsmCaFile());
        if (!Files.isRegularFile(file)) {
            throw CliException.failed("The HSM trust anchor " + configuration.hsmCaFile() + " does not exist");
        }
        try {
            return ClusterCertificateCheck.certificates(Files.readString(file), configuration.hsmCaFile());
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        } catch (AwsException noCertificate) {
            throw CliException.failed("The HSM trust anchor is unusable: " + noCertificate.getMessage());
        }
    }

    /** The cluster whose HSM answers at the address, if packets from the instance get there. */
    private Optional<Cluster> clusterBehind(String address, Ec2Service.InstanceView instance) {
        return clusters.all().stream()
                .filter(cluster -> cluster.vpcId().equals(instance.vpcId()))
                .filter(cluster -> cluster.securityGroup()
                        .filter(group -> instance.securityGroupIds().contains(group) && ec2.admitsCluster(group))
                        .isPresent())
                .filter(cluster -> hsmAt(cluster, address).isPresent())
                .findFirst();
    }

    /** Before initialisation an HSM has no certificate that a client could trust, and nobody to log in. */
    private static Optional<Hsm> hsmAt(Cluster cluster, String address) {
        return cluster.activeHsms().stream()
                .filter(hsm -> hsm.partition().isPresent())
                .filter(hsm -> hsm.eniIp().equals(Optional.of(address)))
                .findFirst();
    }

    private static boolean trusts(List<X509CertificateHolder> trusted, Cluster cluster) {
        return cluster.trustAnchorPem()
                .map(pem -> ClusterCertificateCheck.certificates(pem, "TrustAnchor"))
                .filter(trusted::containsAll)
                .isPresent();
    }
}
