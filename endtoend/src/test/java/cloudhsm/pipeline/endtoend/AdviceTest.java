package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterInvalidConfigurationException;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * One deployment that everything happens to which the runbook has advice for; each time the advice is followed to the
 * letter, and the object that was stored in the beginning must be readable afterwards. In this order: each continues
 * what the one before has left.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class AdviceTest {
    private static final String INPUT = "{\"bucket\": {\"adopt\": true}}";
    private static final String TEARDOWN = TeardownTest.input(
            "default", "\"data\":\"KEEP\",\"confirmUnreadable\":\"the objects of default become unreadable\"");

    private static Pipeline pipeline;
    private static String bucket;
    private static String keyArn;

    @BeforeAll
    static void deploy() {
        // Self-healing would repair what the advice is for.
        pipeline = Pipeline.deploy(1, Map.of("HealthCheckSchedule", "rate(1 hour)", "SelfHealing", "disabled"));
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    @Test
    @Order(1)
    void aClusterWhoseSubnetIsDeletedGoesAndItsBackupTakesItsPlace() {
        var first = pipeline.start("first", INPUT);
        pipeline.runUntil(() -> pipeline.cloud().calls("ConnectCustomKeyStore") == 1);
        pipeline.cloud().kms().failNextConnection("SUBNET_NOT_FOUND");
        var failed = pipeline.end(first);
        assertEquals("SUBNET_NOT_FOUND", failed.error(), failed::cause);

        deleteHsms();
        deleteCluster();
        restoreCluster();
        var output = provisioned("after-the-subnet");
        bucket = output.path("buckets").path(0).asText();
        keyArn = output.path("keyArn").asText();
        pipeline.s3().putObject(put -> put.bucket(bucket).key("kept"), RequestBody.fromString("kept content"));
    }

    @Test
    @Order(2)
    void aKeyThatSomebodyDisabledIsSaidBeforeAnythingIsMadeAndTakenOnceItIsEnabled() {
        pipeline.kms().disableKey(disable -> disable.keyId(keyArn));
        var refused = pipeline.provision("disabled", INPUT);
        assertEquals("INVALID_INPUT", refused.error(), refused::cause);
        assertTrue(refused.cause().contains("which somebody has disabled; enable it"), refused::cause);
        pipeline.kms().enableKey(enable -> enable.keyId(keyArn));
        provisioned("enabled");
        assertReadable();
    }

    @Test
    @Order(3)
    void aPausedDeploymentWhoseStoreIsDisconnectedAndWhosePasswordIsWrongComesBackByItsName() {
        succeeded(pipeline.run("Pause", "pause", "{}"));
        disconnect();
        var back = pipeline.start("wrong-password", "{}");
        pipeline.runUntilEntered("wrong-password", "ConnectKeyStore");
        pipeline.cloud().cloudHsm().changePassword("kmsuser", "changedByHand1");
        succeeded(pipeline.end(back));
        assertReadable();
    }

    @Test
    @Order(4)
    void aBucketWhoseDefaultSomebodyChangedIsSetBackByAProvisioning() {
        succeeded(pipeline.run("Pause", "pause-again", "{}"));
        pipeline.s3()
                .putBucketEncryption(encryption -> encryption
                        .bucket(bucket)
                        .serverSideEncryptionConfiguration(
                                configuration -> configuration.rules(rule -> rule.applyServerSideEncryptionByDefault(
                                        by -> by.sseAlgorithm(ServerSideEncryption.AES256)))));
        succeeded(pipeline.provision("set-back", "{}"));
        assertReadable();
    }

    @Test
    @Order(5)
    void aKeyStoreThatWasDisconnectedAndLostItsHsmsIsConnectedByAProvisioning() {
        disconnect();
        deleteHsms();
        assertThrows(
                CloudHsmClusterInvalidConfigurationException.class,
                () -> pipeline.kms().connectCustomKeyStore(connect -> connect.customKeyStoreId(storeId())),
                "KMS refuses without an ACTIVE HSM");
        provisioned("connected");
        assertReadable();
    }

    @Test
    @Order(6)
    void aClusterThatIsGoneComesBackFromItsBackup() {
        deleteHsms();
        deleteCluster();
        var refused = pipeline.provision("same-input", INPUT);
        assertEquals("INVALID_INPUT", refused.error(), refused::cause);
        disconnect();
        pipeline.kms().connectCustomKeyStore(connect -> connect.customKeyStoreId(storeId()));
        pipeline.cloud().advance(Duration.ofMinutes(40));
        assertEquals(
                "CLUSTER_NOT_FOUND",
                pipeline.kms()
                        .describeCustomKeyStores()
                        .customKeyStores()
                        .getFirst()
                        .connectionErrorCodeAsString());
        disconnect();
        restoreCluster();
        provisioned("restored");
        assertReadable();
    }

    @Test
    @Order(7)
    void aTeardownThatWasStoppedLeavesHsmsThatAPauseDeletesAndADeploymentThatCanBeTakenBack() {
        var teardown = pipeline.startTeardown("stopped", TEARDOWN);
        pipeline.runUntilEntered("stopped", "DisconnectKeyStore");
        pipeline.states().stopExecution(stop -> stop.executionArn(teardown));
        assertEquals(2, active().size());

        var paused = pipeline.run("Pause", "meter", "{}");
        succeeded(paused);
        assertTrue(paused.output().contains("start the teardown again"), paused::output);
        assertEquals(List.of(), active(), "nothing else stops the meter");
        var refused = pipeline.provision("too-early", "{}");
        assertEquals("INVALID_INPUT", refused.error(), refused::cause);
        assertTrue(refused.cause().contains("cancel its deletion and enable it"), refused::cause);

        pipeline.kms().cancelKeyDeletion(cancel -> cancel.keyId(keyArn));
        pipeline.kms().enableKey(enable -> enable.keyId(keyArn));
        provisioned("taken-back");
        assertReadable();
    }

    /** The pause of a limit of time or cost. */
    @Test
    @Order(8)
    void atALimitTheMeterOfATeardownStopsAndAnotherTeardownEndsWhatItInterrupted() {
        var teardown = pipeline.startTeardown("interrupted", TEARDOWN);
        pipeline.runUntilEntered("interrupted", "DisconnectKeyStore");
        succeeded(pipeline.run("Pause", "limit", "{\"interrupt\": true}"));
        assertEquals(List.of(), active());
        var interrupted = pipeline.describe(teardown);
        assertEquals("INTERRUPTED", interrupted.error(), interrupted::cause);
        assertTrue(
                interrupted.cause().contains("if this was a teardown, start it again with the same input"),
                "a provisioning is refused, because the key is to be deleted: " + interrupted.cause());
        assertEquals("INVALID_INPUT", pipeline.provision("too-late", INPUT).error());

        succeeded(pipeline.tearDown("again", TEARDOWN));
        assertEquals(
                0, pipeline.kms().describeCustomKeyStores().customKeyStores().size());
    }

    @Test
    @Order(9)
    void withoutItsObjectsADeploymentWhoseClusterIsGoneBeginsAnewAsAnotherDeployment() {
        provisioned("up");
        deleteHsms();
        deleteCluster();
        var refused = pipeline.provision("gone", INPUT);
        assertEquals("INVALID_INPUT", refused.error(), refused::cause);
        assertTrue(refused.cause().contains("key stores: "), refused::cause);
        succeeded(pipeline.provision("anew", "{\"deployment\": \"another\"}"));
        succeeded(pipeline.tearDown("the-old-one", TEARDOWN));
    }

    private static JsonNode provisioned(String name) {
        var execution = pipeline.provision(name, INPUT);
        succeeded(execution);
        return Json.parse(execution.output());
    }

    private static void succeeded(DescribeExecutionResponse execution) {
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
    }

    private static void assertReadable() {
        assertEquals(
                "kept content",
                pipeline.s3()
                        .getObjectAsBytes(get -> get.bucket(bucket).key("kept"))
                        .asUtf8String());
    }

    private static Cluster cluster() {
        return pipeline.cloudHsm().describeClusters().clusters().stream()
                .filter(cluster -> !Set.of(ClusterState.DELETED, ClusterState.DELETE_IN_PROGRESS)
                        .contains(cluster.state()))
                .findFirst()
                .orElseThrow();
    }

    private static List<Hsm> active() {
        return cluster().hsms().stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .toList();
    }

    private static String storeId() {
        return pipeline.kms()
                .describeCustomKeyStores()
                .customKeyStores()
                .getFirst()
                .customKeyStoreId();
    }

    private static void disconnect() {
        pipeline.kms().disconnectCustomKeyStore(disconnect -> disconnect.customKeyStoreId(storeId()));
        pipeline.runUntil(() -> pipeline.kms()
                        .describeCustomKeyStores()
                        .customKeyStores()
                        .getFirst()
                        .connectionState()
                == ConnectionStateType.DISCONNECTED);
    }

    private static void deleteHsms() {
        var clusterId = cluster().clusterId();
        for (var hsm : active())
            pipeline.cloudHsm().deleteHsm(delete -> delete.clusterId(clusterId).hsmId(hsm.hsmId()));
        pipeline.runUntil(() -> cluster().hsms().stream().allMatch(hsm -> hsm.state() == HsmState.DELETED));
    }

    private static void deleteCluster() {
        var clusterId = cluster().clusterId();
        pipeline.cloudHsm().deleteCluster(delete -> delete.clusterId(clusterId));
        pipeline.runUntil(() -> pipeline.cloudHsm().describeClusters().clusters().stream()
                .noneMatch(
                        cluster -> cluster.clusterId().equals(clusterId) && cluster.state() != ClusterState.DELETED));
    }

    /** The commands of the runbook's section "The cluster is gone". */
    private static void restoreCluster() {
        var backup = pipeline.cloudHsm().describeBackups(list -> list.sortAscending(false)).backups().stream()
                .filter(each -> each.backupState() == BackupState.READY)
                .findFirst()
                .orElseThrow()
                .backupId();
        var subnets = pipeline.cloud().ec2().subnets().stream()
                .filter(subnet -> !subnet.availabilityZone().endsWith("c"))
                .map(subnet -> subnet.subnetId())
                .toList();
        var clusterId = pipeline.cloudHsm()
                .createCluster(create -> create.hsmType("hsm2m.medium")
                        .mode("FIPS")
                        .sourceBackupId(backup)
                        .subnetIds(subnets)
                        .tagList(Tag.builder()
                                .key("cloudhsm-pipeline:deployment")
                                .value("default")
                                .build()))
                .cluster()
                .clusterId();
        pipeline.runUntil(() -> !Set.of(ClusterState.CREATE_IN_PROGRESS, ClusterState.UPDATE_IN_PROGRESS)
                .contains(cluster().state()));
        for (var zone : cluster().subnetMapping().keySet().stream().sorted().toList()) {
            var before = active().size();
            pipeline.cloudHsm().createHsm(create -> create.clusterId(clusterId).availabilityZone(zone));
            pipeline.runUntil(() -> active().size() > before);
        }
        pipeline.runUntil(() -> cluster().state() == ClusterState.ACTIVE);
        pipeline.kms()
                .updateCustomKeyStore(
                        update -> update.customKeyStoreId(storeId()).cloudHsmClusterId(clusterId));
    }
}
