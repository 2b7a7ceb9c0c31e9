package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;

/** Finds clusters. What is absent, DELETED or answered under another id counts as not there. */
public final class Clusters {
    /**
     * The tag of everything the pipeline makes; its value is the deployment's name. A label for people: anybody may set it,
     * so it says nothing of what belongs to a deployment.
     */
    public static final String DEPLOYMENT_TAG = "cloudhsm-pipeline:deployment";

    /** From CreateCluster to UNINITIALIZED, or from a backup to ACTIVE: a few minutes are usual. */
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
        return listed(clusterId).filter(cluster -> cluster.state() != ClusterState.DELETED);
    }

    /** The cluster of this id, also where it is DELETED and still listed. */
    public Optional<Cluster> listed(String clusterId) {
        return cloudHsm
                .describeClustersPaginator(request -> request.filters(Map.of("clusterIds", List.of(clusterId))))
                .stream()
                .flatMap(page -> page.clusters().stream())
                .filter(cluster -> cluster.clusterId().equals(clusterId))
                .findFirst();
    }

    /**
     * The deployment's cluster, unless it is being deleted: one that its open intent has made from a backup, in the place of
     * another; else of those that its record names, the one with HSMs, then the older, the same one in every run; else the one
     * that its open intent has made.
     *
     * @param clusters of the Region
     */
    public static Optional<Cluster> ofDeployment(Deployment record, List<Cluster> clusters) {
        var usable = clusters.stream()
                .filter(cluster -> cluster.state() != ClusterState.DELETE_IN_PROGRESS)
                .toList();
        var intended = intended(record, usable);
        return intended.filter(cluster -> cluster.sourceBackupId() != null)
                .or(() -> usable.stream()
                        .filter(cluster -> record.hasCluster(cluster.clusterId()))
                        .min(Comparator.<Cluster>comparingInt(
                                        cluster -> -hsms(cluster).size())
                                .thenComparing(Cluster::createTimestamp)
                                .thenComparing(Cluster::clusterId)))
                .or(() -> intended);
    }

    /** Has the record name the cluster. */
    public static void remember(Deployments deployments, Deployment record, Cluster cluster) {
        if (cluster.sourceBackupId() == null) deployments.made(record.name(), Made.CLUSTER, cluster.clusterId());
        else deployments.madeFromBackup(record, cluster.clusterId());
    }

    /**
     * Every cluster of the deployment, former ones and those that are being deleted included.
     *
     * @param clusters of the Region
     */
    public static List<Cluster> allOfDeployment(Deployment record, List<Cluster> clusters) {
        return Stream.concat(
                        clusters.stream().filter(cluster -> record.clusterIds().contains(cluster.clusterId())),
                        intended(record, clusters).stream())
                .toList();
    }

    /** Whether the tag of that key is there and has that value. */
    public static boolean isTagged(List<Tag> tags, String key, String value) {
        return tags.stream().anyMatch(tag -> key.equals(tag.key()) && value.equals(tag.value()));
    }

    /** The newest that carries the intent's value: whoever copies it onto a cluster that was there before gets nothing. */
    private static Optional<Cluster> intended(Deployment record, List<Cluster> clusters) {
        return record.intent(Made.CLUSTER)
                .flatMap(value -> clusters.stream()
                        .filter(cluster -> isTagged(cluster.tagList(), Deployments.INTENT_TAG, value))
                        .max(Comparator.comparing(Cluster::createTimestamp).thenComparing(Cluster::clusterId)));
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
