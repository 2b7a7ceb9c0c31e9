package cloudhsm.pipeline.localcloud.cloudhsm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

class TeardownTest {
    private final CloudHsmScenario scenario = new CloudHsmScenario();

    @AfterEach
    void close() {
        scenario.close();
    }

    @Test
    void clusterWithAnHsmCannotBeDeleted() {
        var cluster = scenario.clusterWithCsr();
        assertThrows(
                CloudHsmInvalidRequestException.class,
                () -> scenario.cloudHsm.deleteCluster(request -> request.clusterId(cluster)));
    }

    @Test
    void deletedHsmStaysListedForAWhile() {
        var cluster = scenario.clusterWithCsr();
        var hsm = scenario.describe(cluster).hsms().getFirst();
        scenario.cloudHsm.deleteHsm(request -> request.clusterId(cluster).eniId(hsm.eniId()));
        assertEquals(
                HsmState.DELETE_IN_PROGRESS,
                scenario.describe(cluster, hsm.hsmId()).state());
        scenario.waitForHsm(cluster, hsm.hsmId(), HsmState.DELETED);
        scenario.aws.advance(Duration.ofMinutes(6));
        assertEquals(List.of(), scenario.describe(cluster).hsms());
    }

    @Test
    void deletedClusterVanishesAtOnceWhereSwitchedSo() {
        scenario.aws.cloudHsm().deletedStaysListed(false);
        var cluster = scenario.uninitializedCluster();
        var answer = scenario.cloudHsm.deleteCluster(request -> request.clusterId(cluster));
        assertEquals(ClusterState.DELETE_IN_PROGRESS, answer.cluster().state());
        scenario.aws.advance(Duration.ofMinutes(3));
        assertEquals(List.of(), scenario.cloudHsm.describeClusters().clusters());
    }

    @Test
    void keysLiveAsLongAsAnHsmOrABackupHoldsThem() {
        var id = scenario.activeCluster(scenario.instance());
        var cluster = scenario.aws.cloudHsm().cluster(id).orElseThrow();
        cluster.createKey("key");
        var key = cluster.key("key").orElseThrow();
        var hsm = scenario.describe(id).hsms().getFirst().hsmId();

        scenario.cloudHsm.deleteHsm(request -> request.clusterId(id).hsmId(hsm));

        assertTrue(cluster.key("key").isEmpty(), "without an ACTIVE HSM nobody can use the key");
        scenario.waitForHsm(id, hsm, HsmState.DELETED);
        scenario.createActiveHsm(id, CloudHsmScenario.ZONE_B);
        assertEquals(key, cluster.key("key").orElseThrow(), "the next HSM is built from the backup of the last");
    }

    @Test
    void clusterFromBackupIsActiveWithoutInitialization() {
        var id = scenario.activeCluster(scenario.instance());
        var hsm = scenario.describe(id).hsms().getFirst().hsmId();
        scenario.cloudHsm.deleteHsm(request -> request.clusterId(id).hsmId(hsm));
        scenario.aws.advance(Duration.ofMinutes(10));
        var backup = backups().getFirst();
        assertEquals(BackupState.READY, backup.backupState());

        var certificate = scenario.describe(id).certificates().clusterCertificate();

        var answer = scenario.cloudHsm
                .createCluster(scenario.clusterRequest()
                        .sourceBackupId(backup.backupId())
                        .build())
                .cluster();
        assertEquals(certificate, answer.certificates().clusterCertificate(), "the answer has it already");
        assertEquals(backup.backupId(), answer.sourceBackupId());
        var restored = answer.clusterId();
        scenario.waitForCluster(restored, ClusterState.INITIALIZE_IN_PROGRESS);
        scenario.waitForCluster(restored, ClusterState.ACTIVE);

        scenario.cloudHsm.createHsm(request -> request.clusterId(restored).availabilityZone(CloudHsmScenario.ZONE_A));
        assertThrows(
                CloudHsmInvalidRequestException.class,
                () -> scenario.cloudHsm.createHsm(
                        request -> request.clusterId(restored).availabilityZone(CloudHsmScenario.ZONE_B)),
                "the first one comes from the backup, by itself");
    }

    @Test
    void deletedBackupCanBeRestoredForSevenDays() {
        var id = scenario.activeCluster(scenario.instance());
        scenario.createActiveHsm(id, CloudHsmScenario.ZONE_B);
        var backup = backups().getFirst().backupId();
        scenario.cloudHsm.deleteBackup(request -> request.backupId(backup));
        scenario.aws.advance(Duration.ofDays(6));
        assertEquals(BackupState.PENDING_DELETION, backups().getFirst().backupState());
        scenario.cloudHsm.restoreBackup(request -> request.backupId(backup));
        scenario.aws.advance(Duration.ofDays(2));
        assertEquals(BackupState.READY, backups().getFirst().backupState());

        scenario.cloudHsm.deleteBackup(request -> request.backupId(backup));
        scenario.aws.advance(Duration.ofDays(8));

        assertEquals(List.of(), backups());
    }

    @Test
    void kmsSeesEachHsmsAnswerToALogin() {
        var instance = scenario.instance();
        var id = scenario.activeCluster(instance);
        scenario.createActiveHsm(id, CloudHsmScenario.ZONE_B);
        instance.createUser("kmsuser", "kmsPassword1");
        var cluster = scenario.aws.cloudHsm().cluster(id).orElseThrow();
        var first = cluster.activeHsms().getFirst().hsmId();
        var second = cluster.activeHsms().getLast().hsmId();

        var results = cluster.login("kmsuser", "kmsPassword1");

        assertEquals(Map.of(first, LoginResult.OK, second, LoginResult.USER_NOT_FOUND), results);
        assertEquals(
                LoginResult.ALREADY_LOGGED_IN,
                cluster.login("kmsuser", "kmsPassword1").get(first));
        cluster.changePassword("kmsuser", "onlyKmsKnows");
        cluster.logout("kmsuser");
        for (int i = 0; i < 5; i++) {
            assertEquals(
                    LoginResult.WRONG_PASSWORD,
                    cluster.login("kmsuser", "kmsPassword1").get(first));
        }
        assertEquals(
                LoginResult.LOCKED, cluster.login("kmsuser", "onlyKmsKnows").get(first));
    }

    private List<Backup> backups() {
        return scenario.cloudHsm.describeBackups().backups();
    }
}
