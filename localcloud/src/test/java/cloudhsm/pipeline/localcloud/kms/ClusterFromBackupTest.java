package cloudhsm.pipeline.localcloud.kms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.cloudhsm.Cluster;
import cloudhsm.pipeline.localcloud.cloudhsm.ClusterState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterInUseException;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterInvalidConfigurationException;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterNotActiveException;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreInvalidStateException;
import software.amazon.awssdk.services.kms.model.DataKeySpec;
import software.amazon.awssdk.services.kms.model.KmsInvalidStateException;

/** A cluster from a backup takes the place of the key store's former one, as KMS and CloudHSM let it. */
class ClusterFromBackupTest {
    private final KeyStoreScenario aws = KeyStoreScenario.connected();
    private final String store = aws.store().customKeyStoreId();

    @AfterEach
    void close() {
        aws.close();
    }

    @Test
    void aStoreTakesTheClusterDisconnectedAndWithTwoHsmsInTwoZones() {
        var key = aws.createKeyInStore();
        aws.deleteHsms();
        assertThrows(CustomKeyStoreInvalidStateException.class, () -> update(aws.clusterId), "it is CONNECTED");
        aws.disconnect(store);
        var restored = restore(newestBackup());
        assertThrows(CloudHsmClusterNotActiveException.class, () -> update(restored));
        aws.waitUntil(() -> cluster(restored).state() == ClusterState.ACTIVE);
        createHsm(restored, "eu-central-1a");
        assertThrows(CloudHsmClusterInvalidConfigurationException.class, () -> update(restored), "one zone");
        createHsm(restored, "eu-central-1b");

        deleteFormer();
        assertThrows(
                CloudHsmClusterInUseException.class,
                () -> aws.kms.createCustomKeyStore(aws.storeRequest()
                        .customKeyStoreName("another")
                        .cloudHsmClusterId(restored)
                        .build()),
                "it shares its history with a cluster of a key store, though that one is gone");
        update(restored);
        aws.connect(store);
        assertEquals(ConnectionStateType.CONNECTED, aws.store().connectionState());
        use(key);
    }

    @Test
    void keysAreThoseOfTheBackupsMoment() {
        var older = aws.createKeyInStore();
        deleteOneHsm();
        var backup = newestBackup();
        aws.createHsm("eu-central-1b");
        var younger = aws.createKeyInStore();
        aws.deleteHsms();
        aws.disconnect(store);
        connectTo(backup);
        assertEquals(ConnectionStateType.CONNECTED, aws.store().connectionState());
        use(older);
        var refused = assertThrows(KmsInvalidStateException.class, () -> use(younger));
        assertTrue(refused.getMessage().contains("is not in CloudHSM cluster"), refused::getMessage);
    }

    @Test
    void passwordsAreThoseOfTheBackupsMoment() {
        deleteOneHsm();
        var backup = newestBackup();
        aws.disconnect(store);
        aws.connect(store);
        aws.disconnect(store);
        aws.deleteHsms();
        connectTo(backup);
        assertEquals(
                "INVALID_CREDENTIALS",
                aws.store().connectionErrorCodeAsString(),
                "KMS has changed kmsuser's password since");
    }

    private void connectTo(String backup) {
        var restored = restore(backup);
        aws.waitUntil(() -> cluster(restored).state() == ClusterState.ACTIVE);
        createHsm(restored, "eu-central-1a");
        createHsm(restored, "eu-central-1b");
        update(restored);
        aws.connect(store);
    }

    private String restore(String backup) {
        var subnets = aws.cloud.ec2().subnets().stream()
                .map(subnet -> subnet.subnetId())
                .toList();
        return aws.cloudHsm
                .createCluster(request -> request.hsmType("hsm2m.medium")
                        .mode("FIPS")
                        .sourceBackupId(backup)
                        .subnetIds(subnets))
                .cluster()
                .clusterId();
    }

    private String newestBackup() {
        aws.waitUntil(() -> aws.cloudHsm.describeBackups().backups().stream()
                .allMatch(backup -> backup.backupState() == BackupState.READY));
        return aws.cloudHsm.describeBackups().backups().getFirst().backupId();
    }

    private Cluster cluster(String clusterId) {
        return aws.cloud.cloudHsm().cluster(clusterId).orElseThrow();
    }

    private void createHsm(String clusterId, String zone) {
        var before = cluster(clusterId).activeHsms().size();
        aws.cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(zone));
        aws.waitUntil(() -> cluster(clusterId).activeHsms().size() > before);
    }

    private void deleteOneHsm() {
        var hsm = aws.cluster().activeHsms().getLast().hsmId();
        aws.cloudHsm.deleteHsm(request -> request.clusterId(aws.clusterId).hsmId(hsm));
    }

    private void deleteFormer() {
        aws.waitUntil(() -> aws.cluster().hsms().isEmpty());
        aws.cloudHsm.deleteCluster(request -> request.clusterId(aws.clusterId));
        aws.waitUntil(() -> aws.cloud.cloudHsm().cluster(aws.clusterId).isEmpty());
    }

    private void update(String clusterId) {
        aws.kms.updateCustomKeyStore(request -> request.customKeyStoreId(store).cloudHsmClusterId(clusterId));
    }

    private void use(String key) {
        aws.kms.generateDataKey(request -> request.keyId(key).keySpec(DataKeySpec.AES_256));
    }
}
