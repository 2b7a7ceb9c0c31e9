package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
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
    void aClusterWhoseSubnetIsDeletedIsLeftForAnotherFromItsBackupInOtherSubnets() {
        var first = pipeline.start("first", INPUT);
        pipeline.runUntil(() -> pipeline.cloud().calls("ConnectCustomKeyStore") == 1);
        pipeline.cloud().kms().failNextConnection("SUBNET_NOT_FOUND");
        var failed = pipeline.end(first);
        assertEquals("SUBNET_NOT_FOUND", failed.error(), failed::cause);

        var former = cluster().clusterId();
        var paused = pipeline.run("Pause", "before-it-moves", "{}");
        succeeded(paused);
        var backup = Json.parse(paused.output()).path("newestBackupId").asText();
        var subnets = Json.array().add(subnet("eu-central-1a", "172.31.128.0/20"));
        subnets.add(subnet("eu-central-1b", "172.31.144.0/20"));
        var moved = pipeline.provision(
                "after-the-subnet",
                "{\"recovery\": {\"backupId\": \"" + backup + "\"}, \"network\": {\"subnetIds\": " + subnets
                        + "}, \"bucket\": {\"adopt\": true}}");
        succeeded(moved);
        assertNotEquals(former, cluster().clusterId());
        var output = Json.parse(moved.output());
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
        provisioned("restored");
        assertReadable();
    }

    @Test
    @Order(7)
    void aClusterThatAPersonHasMadeFromABackupAndToldTheKeyStoreIsTaken() {
        deleteHsms();
        deleteCluster();
        disconnect();
        restoreCluster();
        provisioned("restored-by-hand");
        assertReadable();
    }

    @Test
    @Order(8)
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
    @Order(9)
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
    @Order(10)
    void withoutABackupADeploymentWhoseClusterIsGoneBeginsAnewAsAnotherDeployment() {
        provisioned("up");
        deleteHsms();
        deleteCluster();
        pipeline.cloudHsm().describeBackups().backups().stream()
                .filter(backup -> backup.backupState() == BackupState.READY)
                .forEach(backup -> pipeline.cloudHsm().deleteBackup(delete -> delete.backupId(backup.backupId())));
        var refused = pipeline.provision("gone", INPUT);
        assertEquals("INVALID_INPUT", refused.error(), refused::cause);
        assertTrue(refused.cause().contains("there is no READY backup of it"), refused::cause);
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

    /** That of the key store. */
    private static Cluster cluster() {
        return cluster(pipeline.kms()
                .describeCustomKeyStores()
                .customKeyStores()
                .getFirst()
                .cloudHsmClusterId());
    }

    private static Cluster cluster(String clusterId) {
        return pipeline.cloudHsm().describeClusters().clusters().stream()
                .filter(cluster -> cluster.clusterId().equals(clusterId))
                .findFirst()
                .orElseThrow();
    }

    private static String subnet(String zone, String cidrBlock) {
        var vpcId = cluster().vpcId();
        return pipeline.ec2()
                .createSubnet(
                        create -> create.vpcId(vpcId).availabilityZone(zone).cidrBlock(cidrBlock))
                .subnet()
                .subnetId();
    }

    private static List<Hsm> active() {
        return active(cluster());
    }

    private static List<Hsm> active(Cluster cluster) {
        return cluster.hsms().stream()
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

    /** What the road does, by hand, in the subnets to which the deployment has moved. */
    private static void restoreCluster() {
        var backup = pipeline.cloudHsm().describeBackups(list -> list.sortAscending(false)).backups().stream()
                .filter(each -> each.backupState() == BackupState.READY)
                .findFirst()
                .orElseThrow()
                .backupId();
        var subnets = pipeline.cloud().ec2().subnets().stream()
                .filter(subnet -> !subnet.availabilityZone().endsWith("c"))
                .map(subnet -> subnet.subnetId())
                .skip(2)
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
        pipeline.runUntil(() -> cluster(clusterId).state() == ClusterState.ACTIVE);
        for (var zone : List.of("eu-central-1a", "eu-central-1b")) {
            var before = active(cluster(clusterId)).size();
            pipeline.cloudHsm().createHsm(create -> create.clusterId(clusterId).availabilityZone(zone));
            pipeline.runUntil(() -> active(cluster(clusterId)).size() > before);
        }
        pipeline.kms()
                .updateCustomKeyStore(
                        update -> update.customKeyStoreId(storeId()).cloudHsmClusterId(clusterId));
    }
}
