package cloudhsm.pipeline.provisioning.health;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.keystore.KeyStores;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;

/** Reads a deployment's health. */
public final class HealthCheck {
    private final Clusters clusters;
    private final KeyStores keyStores;

    public HealthCheck(CloudHsmV2Client cloudHsm, KmsClient kms) {
        this.clusters = new Clusters(cloudHsm);
        this.keyStores = new KeyStores(kms);
    }

    /** @param deployment one that has been RUNNING, so that its cluster and key store are known */
    public DeploymentHealth of(Deployment deployment) {
        var clusterId = deployment.resources().at("/cluster/clusterId").asText();
        var keyStoreId = deployment.resources().at("/keyStore/keyStoreId").asText();
        var cluster = clusters.find(clusterId);
        var hsms = cluster.map(Clusters::hsms).orElse(List.of());
        var store = keyStores.find(keyStoreId);
        return new DeploymentHealth(
                deployment.name(),
                clusterId,
                cluster.map(Cluster::stateAsString).orElse(Resource.ABSENT),
                deployment.plan().path("hsmCount").asInt(),
                (int) in(HsmState.ACTIVE, hsms).count(),
                in(HsmState.ACTIVE, hsms)
                        .map(Hsm::availabilityZone)
                        .distinct()
                        .sorted()
                        .toList(),
                in(HsmState.DEGRADED, hsms).map(Hsm::hsmId).toList(),
                keyStoreId,
                store.map(CustomKeyStoresListEntry::connectionStateAsString).orElse(Resource.ABSENT),
                error(store));
    }

    private static Stream<Hsm> in(HsmState state, List<Hsm> hsms) {
        return hsms.stream().filter(hsm -> hsm.state() == state);
    }

    private static String error(Optional<CustomKeyStoresListEntry> store) {
        return store.map(CustomKeyStoresListEntry::connectionErrorCodeAsString).orElse("");
    }
}
