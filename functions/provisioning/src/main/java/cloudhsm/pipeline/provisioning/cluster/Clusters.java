package cloudhsm.pipeline.provisioning.cluster;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/** Finds clusters. What is absent, DELETED or answered under another id counts as not there. */
public final class Clusters {
    /** The tag of everything the pipeline makes; its value is the deployment's name. */
    public static final String DEPLOYMENT_TAG = "cloudhsm-pipeline:deployment";

    /** From CreateCluster to UNINITIALIZED: a few minutes are usual. */
    static final Duration CREATION_BUDGET = Duration.ofMinutes(15);

    /** From an ACTIVE first HSM to its CSR: moments are usual. */
    static final Duration CSR_BUDGET = Duration.ofMinutes(15);

    private final CloudHsmV2Client cloudHsm;

    public Clusters(CloudHsmV2Client cloudHsm) {
        this.cloudHsm = cloudHsm;
    }

    /** Every cluster of the Region that is not DELETED. */
    public List<Cluster> all() {
        return cloudHsm.describeClustersPaginator().stream()
                .flatMap(page -> page.clusters().stream())
                .filter(cluster -> cluster.state() != ClusterState.DELETED)
                .toList();
    }

    /** The cluster of this id. */
    public Optional<Cluster> find(String clusterId) {
        return cloudHsm
                .describeClustersPaginator(request -> request.filters(Map.of("clusterIds", List.of(clusterId))))
                .stream()
                .flatMap(page -> page.clusters().stream())
                .filter(cluster -> cluster.clusterId().equals(clusterId))
                .filter(cluster -> cluster.state() != ClusterState.DELETED)
                .findFirst();
    }

    /**
     * The deployment's cluster, unless it is being deleted. Should a lost answer have left two, the one with HSMs, then
     * the older: the same one in every run.
     */
    public Optional<Cluster> ofDeployment(String deployment) {
        return ofDeployment(deployment, all());
    }

    /** Like {@link #ofDeployment(String)}, among clusters read before. */
    public static Optional<Cluster> ofDeployment(String deployment, List<Cluster> clusters) {
        return clusters.stream()
                .filter(cluster -> cluster.state() != ClusterState.DELETE_IN_PROGRESS)
                .filter(cluster -> cluster.tagList().stream()
                        .anyMatch(tag ->
                                tag.key().equals(DEPLOYMENT_TAG) && tag.value().equals(deployment)))
                .min(Comparator.<Cluster>comparingInt(cluster -> -hsms(cluster).size())
                        .thenComparing(Cluster::createTimestamp)
                        .thenComparing(Cluster::clusterId));
    }

    /** The cluster's HSMs without those that are DELETED but still listed. */
    public static List<Hsm> hsms(Cluster cluster) {
        return cluster.hsms().stream()
                .filter(hsm -> hsm.state() != HsmState.DELETED)
                .toList();
    }

    /** The CSR of the first HSM, as PEM; empty until it is there and after initialization. */
    public static Optional<String> csr(Cluster cluster) {
        if (cluster.state() != ClusterState.UNINITIALIZED || cluster.certificates() == null) return Optional.empty();
        return Optional.ofNullable(cluster.certificates().clusterCsr()).filter(csr -> !csr.isBlank());
    }

    /** AWS's own words on a state, as the end of a sentence; empty if it has none. */
    static String awsSays(String stateMessage) {
        return stateMessage == null || stateMessage.isBlank() ? "" : " AWS says: \"" + stateMessage + "\".";
    }
}
