package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.time.Duration;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;

/** What befalls a complete deployment, by an administrator's hands or AWS's. */
final class Damage {
    private static final Duration LOOK = Duration.ofSeconds(15);

    private Damage() {}

    /** One of its HSMs is deleted. */
    static void loseAnHsm(LocalCloud cloud) {
        try (var cloudHsm = cloud.client(CloudHsmV2Client.builder())) {
            var hsm = cloudHsm.describeClusters().clusters().getFirst().hsms().getLast();
            cloudHsm.deleteHsm(delete -> delete.clusterId(hsm.clusterId()).hsmId(hsm.hsmId()));
        }
    }

    /** Its HSMs are deleted, and the cluster; their backups stay. */
    static void deleteTheCluster(LocalCloud cloud) {
        try (var cloudHsm = cloud.client(CloudHsmV2Client.builder())) {
            var cluster = cloudHsm.describeClusters().clusters().getFirst();
            for (var hsm : cluster.hsms())
                cloudHsm.deleteHsm(
                        delete -> delete.clusterId(cluster.clusterId()).hsmId(hsm.hsmId()));
            while (cloudHsm.describeClusters().clusters().getFirst().hsms().stream()
                    .anyMatch(hsm -> hsm.state() != HsmState.DELETED)) cloud.advance(LOOK);
            cloudHsm.deleteCluster(delete -> delete.clusterId(cluster.clusterId()));
            while (cloudHsm.describeClusters().clusters().stream()
                    .anyMatch(left -> left.state() != ClusterState.DELETED)) cloud.advance(LOOK);
        }
    }

    /** The password of kmsuser is changed in the HSMs, so that the key store, connected anew, is FAILED. */
    static void failToConnect(LocalCloud cloud) {
        try (var kms = cloud.client(KmsClient.builder())) {
            var store =
                    kms.describeCustomKeyStores().customKeyStores().getFirst().customKeyStoreId();
            kms.disconnectCustomKeyStore(disconnect -> disconnect.customKeyStoreId(store));
            runUntil(cloud, kms, ConnectionStateType.DISCONNECTED);
            cloud.cloudHsm().changePassword("kmsuser", "changedByHand1");
            kms.connectCustomKeyStore(connect -> connect.customKeyStoreId(store));
            runUntil(cloud, kms, ConnectionStateType.FAILED);
        }
    }

    private static void runUntil(LocalCloud cloud, KmsClient kms, ConnectionStateType state) {
        while (kms.describeCustomKeyStores().customKeyStores().getFirst().connectionState() != state)
            cloud.advance(LOOK);
    }
}
