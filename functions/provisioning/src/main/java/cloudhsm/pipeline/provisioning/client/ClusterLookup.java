package cloudhsm.pipeline.provisioning.client;

import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/** Reads a cluster and its HSMs from the CloudHSM API. */
final class ClusterLookup {
    private final CloudHsmV2Client cloudHsm;

    ClusterLookup(CloudHsmV2Client cloudHsm) {
        this.cloudHsm = cloudHsm;
    }

    /** The cluster; empty if it is deleted or unknown, or if AWS answers with another one. */
    Optional<Cluster> find(String clusterId) {
        return cloudHsm
                .describeClusters(request -> request.filters(java.util.Map.of("clusterIds", List.of(clusterId))))
                .clusters()
                .stream()
                .filter(cluster -> clusterId.equals(cluster.clusterId()) && cluster.state() != ClusterState.DELETED)
                .findFirst();
    }

    /** The addresses at which clients reach the cluster's ACTIVE HSMs. */
    static List<String> activeAddresses(Cluster cluster) {
        return cluster.hsms().stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .map(Hsm::eniIp)
                .toList();
    }
}
