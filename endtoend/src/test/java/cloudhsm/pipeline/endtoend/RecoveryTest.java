package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Comparator;
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
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterNotRelatedException;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * Somebody deletes the cluster of the deployment "default"; provisioning it makes another from the newest backup, behind the
 * same key store. In this order: each goes on with what the one before has left. The deployment "other" is somebody else's.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RecoveryTest {
    private static final String NAME_ALONE = "{\"deployment\": \"default\"}";

    private static Pipeline pipeline;
    private static JsonNode first;
    private static JsonNode other;

    @BeforeAll
    static void deploy() {
        pipeline = Pipeline.deploy(1, Map.of("HealthCheckSchedule", "rate(1 hour)", "SelfHealing", "disabled"));
        first = output(succeeded(pipeline.provision("first", "{}")));
        other = output(succeeded(pipeline.provision("other", "{\"deployment\": \"other\"}")));
        upload("before");
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    @Test
    @Order(1)
    void aClusterThatIsGoneIsMadeAnewFromItsNewestBackupBehindTheSameKeyStore() {
        var former = clusterId();
        deleteCluster();
        var newest = backups(former).getFirst();
        forgeANewerBackup();

        var execution = succeeded(pipeline.provision("recovery", NAME_ALONE));
        var restored = cluster();
        assertNotEquals(former, restored.clusterId());
        assertEquals(newest.backupId(), restored.sourceBackupId());
        assertEquals(first.path("keyArn"), output(execution).path("keyArn"));
        assertEquals(first.path("keyStoreId"), output(execution).path("keyStoreId"));
        assertServes("before", "after");

        var evidence = pipeline.evidence(execution);
        assertEquals(newest.backupId(), evidence.at("/cluster/sourceBackupId").asText());
        assertEquals("VERIFIED_AWS", evidence.at("/identity/verdict").asText());
        var answers = evidence.path("observations").findValuesAsText("answer");
        assertTrue(answers.contains("ACTIVE, shows the cluster's certificate"), answers::toString);
        var chain = evidence.at("/identity/awsChain/message").asText();
        assertTrue(
                chain.contains("Cluster " + restored.clusterId() + " was made from " + newest.backupId()),
                "nobody has verified the hardware that the key is in now: " + chain);
        assertEquals(
                2,
                pipeline.kms().describeCustomKeyStores().customKeyStores().size(),
                "one for each deployment, and no other");
    }

    /** Tagged as the deployment's, and younger than its own. */
    private static void forgeANewerBackup() {
        var cluster = cluster(other.path("clusterId").asText());
        var hsm = cluster.hsms().getLast();
        pipeline.cloudHsm()
                .deleteHsm(delete -> delete.clusterId(cluster.clusterId()).hsmId(hsm.hsmId()));
        succeeded(pipeline.provision("other-again", "{\"deployment\": \"other\"}"));
        var forged = backups(cluster.clusterId()).getFirst().backupId();
        pipeline.cloudHsm()
                .tagResource(tag -> tag.resourceId(forged)
                        .tagList(Tag.builder()
                                .key("cloudhsm-pipeline:deployment")
                                .value("default")
                                .build()));
        var asked = pipeline.provision("forged", recovery(forged));
        assertEquals("INVALID_INPUT", asked.error(), asked::cause);
        assertTrue(
                asked.cause().contains("\"" + forged + "\" is no READY backup of a cluster of this deployment"),
                asked::cause);
    }

    @Test
    @Order(2)
    void aFunctionThatIsKilledAfterEachCallLeavesOneClusterAndOneKeyStore() {
        deleteCluster();
        var created = pipeline.cloud().calls("CreateCluster");
        var faults = pipeline.cloud().faults();
        faults.add("CreateCluster", "cloudhsm", "CreateCluster", 1, Faults.Kind.FUNCTION_KILLED);
        faults.add("CreateKeyStore", "kms", "DisconnectCustomKeyStore", 1, Faults.Kind.FUNCTION_KILLED);
        faults.add("CreateKeyStore", "kms", "UpdateCustomKeyStore", 1, Faults.Kind.FUNCTION_KILLED);
        succeeded(pipeline.provision("killed", NAME_ALONE));
        assertEquals(0, faults.pending(), "each function was killed");
        assertEquals(1, pipeline.cloud().calls("CreateCluster") - created);
        assertServes("before", "after");
    }

    @Test
    @Order(3)
    void anExecutionThatIsStoppedIsFollowedByOneThatGoesOnWithTheSameCluster() {
        deleteCluster();
        var created = pipeline.cloud().calls("CreateCluster");
        var stopped = pipeline.start("stopped", NAME_ALONE);
        pipeline.runUntilEntered("stopped", "CreateHsms");
        pipeline.states().stopExecution(stop -> stop.executionArn(stopped));
        succeeded(pipeline.provision("goes-on", NAME_ALONE));
        assertEquals(1, pipeline.cloud().calls("CreateCluster") - created);
        assertServes("before", "after");
    }

    @Test
    @Order(4)
    void aClusterWithHsmsIsNotMadeAnew() {
        var newest = backups(clusterId()).getFirst().backupId();
        var refused = refused("has-hsms", recovery(newest));
        assertTrue(refused.contains("has the HSMs ["), refused);
        assertTrue(refused.contains("pause the deployment first"), refused);
    }

    @Test
    @Order(5)
    void aPausedClusterIsMadeAnewInOtherSubnetsAndTheFormerOneStays() {
        var former = clusterId();
        var paused = succeeded(pipeline.run("Pause", "pause", NAME_ALONE));
        var backup = output(paused).path("newestBackupId").asText();
        var subnets = Json.array().add(subnet("a", "172.31.128.0/20")).add(subnet("b", "172.31.144.0/20"));
        var input = "{\"recovery\": {\"backupId\": \"" + backup + "\"}, \"network\": {\"subnetIds\": " + subnets + "}}";
        succeeded(pipeline.provision("elsewhere", input));

        assertNotEquals(former, clusterId());
        assertEquals(
                Set.of(subnets.get(0).asText(), subnets.get(1).asText()),
                Set.copyOf(cluster().subnetMapping().values()));
        assertServes("before", "after");
        assertEquals(ClusterState.ACTIVE, cluster(former).state(), "only a teardown deletes it");
        var created = pipeline.cloud().calls("CreateCluster");
        succeeded(pipeline.provision("the-same-again", input));
        succeeded(pipeline.provision("by-its-name", NAME_ALONE));
        assertEquals(created, pipeline.cloud().calls("CreateCluster"), "it has been made");
    }

    @Test
    @Order(6)
    void kmsTakesNoClusterOfAnotherHistory() {
        var unrelated = other.path("clusterId").asText();
        disconnect();
        assertThrows(
                CloudHsmClusterNotRelatedException.class,
                () -> pipeline.kms()
                        .updateCustomKeyStore(update -> update.customKeyStoreId(
                                        first.path("keyStoreId").asText())
                                .cloudHsmClusterId(unrelated)));
    }

    @Test
    @Order(7)
    void withoutABackupEveryInputIsRefusedByNameAndARestoredOneHelps() {
        var gone = clusterId();
        deleteCluster();
        var newest = backups(gone).getFirst().backupId();
        backups(gone).forEach(backup -> pipeline.cloudHsm().deleteBackup(delete -> delete.backupId(backup.backupId())));
        var refused = refused("no-backup", NAME_ALONE);
        assertTrue(refused.contains("cluster " + gone + " of the deployment's key store"), refused);
        assertTrue(refused.contains("there is no READY backup of it"), refused);
        assertTrue(refused.contains("restore-backup --backup-id " + newest), refused);

        pipeline.cloudHsm().restoreBackup(restore -> restore.backupId(newest));
        succeeded(pipeline.provision("restored", NAME_ALONE));
        assertServes("before", "after");
    }

    @Test
    @Order(8)
    void aBackupOlderThanTheKeyIsNamedAndTakenWithAYesAloneAndAnotherKeyServesOnceTheLostOneIsGivenUp() {
        var keyId = keyId();
        var kms = pipeline.kms();
        kms.scheduleKeyDeletion(key -> key.keyId(keyId).pendingWindowInDays(7));
        kms.deleteAlias(alias -> alias.aliasName("alias/cloudhsm-default"));
        var older = deleteAnHsm();
        first = output(succeeded(pipeline.provision("another-key", NAME_ALONE)));
        assertNotEquals(keyId, keyId());
        upload("lost");
        var gone = clusterId();
        deleteCluster();
        backups(gone).stream()
                .takeWhile(backup -> !backup.backupId().equals(older.backupId()))
                .forEach(backup -> pipeline.cloudHsm().deleteBackup(delete -> delete.backupId(backup.backupId())));

        var refused = refused("older", NAME_ALONE);
        assertTrue(
                refused.contains("recovery.backupId: ")
                        && refused.contains("Its newest READY backup " + older.backupId() + " is of ")
                        && refused.contains("older than key " + keyId() + ", made at "),
                refused);

        var ended = pipeline.provision("yes", recovery(older.backupId()));
        assertEquals("KEY_UNUSABLE", ended.error(), ended::cause);
        assertTrue(ended.cause().contains("schedule the key's deletion and delete its alias"), ended::cause);
        kms.scheduleKeyDeletion(key -> key.keyId(keyId()).pendingWindowInDays(7));
        kms.deleteAlias(alias -> alias.aliasName("alias/cloudhsm-default"));
        var lost = keyId();
        first = output(succeeded(pipeline.provision("served", NAME_ALONE)));
        assertNotEquals(lost, keyId());
        assertServes("anew");
    }

    @Test
    @Order(9)
    void aTeardownTakesEveryClusterOfTheRecordAndItsBackups() {
        assertEquals(3, clusterIds().size(), "the one that was left for other subnets, the last, and the other's");
        succeeded(pipeline.tearDown("end", TeardownTest.input("default", "\"data\":\"DELETE\"")));
        assertEquals(List.of(other.path("clusterId").asText()), clusterIds());
        assertEquals(
                Set.of(other.path("clusterId").asText()),
                Set.copyOf(pipeline.cloudHsm().describeBackups().backups().stream()
                        .filter(backup -> backup.backupState() == BackupState.READY)
                        .map(Backup::clusterId)
                        .toList()));
    }

    private static JsonNode output(DescribeExecutionResponse execution) {
        return Json.parse(execution.output());
    }

    private static DescribeExecutionResponse succeeded(DescribeExecutionResponse execution) {
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
        return execution;
    }

    /** By Preflight, and nothing has been made or has billed since. */
    private static String refused(String name, String input) {
        var hsms = pipeline.cloud().calls("CreateHsm");
        var clusters = pipeline.cloud().calls("CreateCluster");
        var execution = pipeline.provision(name, input);
        assertEquals("INVALID_INPUT", execution.error(), execution::cause);
        assertEquals(hsms, pipeline.cloud().calls("CreateHsm"));
        assertEquals(clusters, pipeline.cloud().calls("CreateCluster"));
        return execution.cause();
    }

    private static String recovery(String backupId) {
        return "{\"recovery\": {\"backupId\": \"" + backupId + "\"}}";
    }

    private static String keyId() {
        var arn = first.path("keyArn").asText();
        return arn.substring(arn.indexOf('/') + 1);
    }

    private static String subnet(String zone, String cidrBlock) {
        var vpcId = cluster().vpcId();
        return pipeline.ec2()
                .createSubnet(create -> create.vpcId(vpcId)
                        .availabilityZone("eu-central-1" + zone)
                        .cidrBlock(cidrBlock))
                .subnet()
                .subnetId();
    }

    private static void upload(String key) {
        pipeline.s3().putObject(put -> put.bucket(bucket()).key(key), RequestBody.fromString(key + " content"));
    }

    private static String bucket() {
        return first.path("buckets").path(0).asText();
    }

    /** The last of the keys is uploaded; all of them are read, and lie under the deployment's key. */
    private static void assertServes(String... keys) {
        upload(keys[keys.length - 1]);
        for (var key : keys) {
            var object =
                    pipeline.s3().getObjectAsBytes(get -> get.bucket(bucket()).key(key));
            assertEquals(key + " content", object.asUtf8String());
            assertEquals(ServerSideEncryption.AWS_KMS, object.response().serverSideEncryption());
            assertEquals(first.path("keyArn").asText(), object.response().ssekmsKeyId());
        }
    }

    /** That of the deployment's key store. */
    private static String clusterId() {
        return pipeline.kms()
                .describeCustomKeyStores(
                        list -> list.customKeyStoreId(first.path("keyStoreId").asText()))
                .customKeyStores()
                .getFirst()
                .cloudHsmClusterId();
    }

    private static List<String> clusterIds() {
        return pipeline.cloudHsm().describeClusters().clusters().stream()
                .filter(cluster -> cluster.state() != ClusterState.DELETED)
                .map(Cluster::clusterId)
                .toList();
    }

    private static Cluster cluster() {
        return cluster(clusterId());
    }

    private static Cluster cluster(String clusterId) {
        return pipeline.cloudHsm()
                .describeClusters(list -> list.filters(Map.of("clusterIds", List.of(clusterId))))
                .clusters()
                .getFirst();
    }

    /** The newest first, once all are READY. */
    private static List<Backup> backups(String clusterId) {
        var filter = Map.of("clusterIds", List.of(clusterId));
        pipeline.cloud()
                .time()
                .runUntil(
                        () -> pipeline.cloudHsm().describeBackups(list -> list.filters(filter)).backups().stream()
                                .noneMatch(backup -> backup.backupState() == BackupState.CREATE_IN_PROGRESS),
                        Pipeline.LIMIT);
        var backups = pipeline.cloudHsm().describeBackups(list -> list.filters(filter)).backups().stream()
                .filter(backup -> backup.backupState() == BackupState.READY)
                .sorted(Comparator.comparing(Backup::createTimestamp).reversed())
                .toList();
        assertFalse(backups.isEmpty());
        return backups;
    }

    private static Backup deleteAnHsm() {
        var cluster = cluster();
        pipeline.cloudHsm()
                .deleteHsm(delete -> delete.clusterId(cluster.clusterId())
                        .hsmId(cluster.hsms().getLast().hsmId()));
        return backups(cluster.clusterId()).getFirst();
    }

    /** As an administrator does it by hand: its HSMs, then the cluster. */
    private static void deleteCluster() {
        var clusterId = clusterId();
        for (var hsm : cluster().hsms()) {
            if (hsm.state() != HsmState.ACTIVE) continue;
            pipeline.cloudHsm().deleteHsm(delete -> delete.clusterId(clusterId).hsmId(hsm.hsmId()));
        }
        pipeline.cloud()
                .time()
                .runUntil(
                        () -> cluster(clusterId).hsms().stream().allMatch(hsm -> hsm.state() == HsmState.DELETED),
                        Pipeline.LIMIT);
        pipeline.cloudHsm().deleteCluster(delete -> delete.clusterId(clusterId));
        pipeline.cloud().time().runUntil(() -> !clusterIds().contains(clusterId), Pipeline.LIMIT);
    }

    private static void disconnect() {
        var keyStoreId = first.path("keyStoreId").asText();
        pipeline.kms().disconnectCustomKeyStore(disconnect -> disconnect.customKeyStoreId(keyStoreId));
        pipeline.cloud()
                .time()
                .runUntil(
                        () -> pipeline.kms()
                                .describeCustomKeyStores(list -> list.customKeyStoreId(keyStoreId))
                                .customKeyStores()
                                .getFirst()
                                .connectionStateAsString()
                                .equals("DISCONNECTED"),
                        Pipeline.LIMIT);
    }
}
