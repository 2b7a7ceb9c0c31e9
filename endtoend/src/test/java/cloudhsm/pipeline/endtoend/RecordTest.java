package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.kms.model.KeyState;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * Somebody gives another's cluster, backups and key the tag of the deployment "default"; its executions leave them alone.
 * One account, in this order: the other is the deployment "default-2", which is older.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RecordTest {
    private static final String TAG = "cloudhsm-pipeline:deployment";

    private static Pipeline pipeline;
    private static JsonNode other;
    private static JsonNode own;

    @BeforeAll
    static void forgeTheTags() {
        pipeline = Pipeline.deploy(1, TeardownTest.SELDOM);
        other = Json.parse(succeeded(pipeline.provision("other", "{\"deployment\": \"default-2\"}"))
                .output());
        var forged = Tag.builder().key(TAG).value("default").build();
        pipeline.cloudHsm().tagResource(tag -> tag.resourceId(clusterId(other)).tagList(forged));
        assertFalse(backups(other).isEmpty());
        backups(other)
                .forEach(backup -> pipeline.cloudHsm()
                        .tagResource(tag -> tag.resourceId(backup.backupId()).tagList(forged)));
        tagKey(other.path("keyArn").asText());
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    private static DescribeExecutionResponse succeeded(DescribeExecutionResponse execution) {
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
        return execution;
    }

    private static void tagKey(String keyId) {
        pipeline.kms()
                .tagResource(tag -> tag.keyId(keyId).tags(one -> one.tagKey(TAG).tagValue("default")));
    }

    private static CustomKeyStoresListEntry store(JsonNode deployment) {
        return pipeline.kms()
                .describeCustomKeyStores(list ->
                        list.customKeyStoreId(deployment.path("keyStoreId").asText()))
                .customKeyStores()
                .getFirst();
    }

    private static String clusterId(JsonNode deployment) {
        return store(deployment).cloudHsmClusterId();
    }

    private static List<Backup> backups(JsonNode deployment) {
        return pipeline.cloudHsm()
                .describeBackups(list -> list.filters(Map.of("clusterIds", List.of(clusterId(deployment)))))
                .backups();
    }

    private static long activeHsms(String clusterId) {
        return pipeline
                .cloudHsm()
                .describeClusters(list -> list.filters(Map.of("clusterIds", List.of(clusterId))))
                .clusters()
                .getFirst()
                .hsms()
                .stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .count();
    }

    private static KeyState keyState(String keyId) {
        return pipeline.kms().describeKey(key -> key.keyId(keyId)).keyMetadata().keyState();
    }

    @Test
    @Order(1)
    void aProvisioningAdoptsNothingForItsTagAndAFunctionThatIsKilledAfterACreationLeavesOneOfEach() {
        var faults = pipeline.cloud().faults();
        faults.add("CreateCluster", "cloudhsm", "CreateCluster", 1, Faults.Kind.FUNCTION_KILLED);
        faults.add("CreateKeyStore", "kms", "CreateCustomKeyStore", 1, Faults.Kind.FUNCTION_KILLED);
        faults.add("CreateKey", "kms", "CreateKey", 1, Faults.Kind.FUNCTION_KILLED);
        own = Json.parse(succeeded(pipeline.provision("own", "{}")).output());

        assertEquals(0, faults.pending(), "each function was killed");
        assertNotEquals(clusterId(other), clusterId(own));
        assertNotEquals(other.path("keyStoreId"), own.path("keyStoreId"));
        assertNotEquals(other.path("keyArn"), own.path("keyArn"));
        assertEquals(2, pipeline.cloudHsm().describeClusters().clusters().size(), "one for each deployment");
        assertEquals(
                2, pipeline.kms().describeCustomKeyStores().customKeyStores().size());
        assertEquals(
                1,
                pipeline.kms().listKeys().keys().stream()
                        .map(key -> pipeline.kms()
                                .describeKey(describe -> describe.keyId(key.keyId()))
                                .keyMetadata())
                        .filter(key -> own.path("keyStoreId").asText().equals(key.customKeyStoreId()))
                        .count());
    }

    @Test
    @Order(2)
    void aTeardownDoesNotTakeAForeignKeyInTheStoreForItsTagOrItsAlias() {
        var kms = pipeline.kms();
        var foreign = kms.createKey(create -> create.origin("AWS_CLOUDHSM")
                        .customKeyStoreId(own.path("keyStoreId").asText()))
                .keyMetadata()
                .keyId();
        tagKey(foreign);
        kms.updateAlias(alias -> alias.aliasName("alias/cloudhsm-default").targetKeyId(foreign));

        var refused = pipeline.tearDown("shared", TeardownTest.input("default", "\"data\":\"DELETE\""));
        assertEquals("DEPLOYMENT_SHARED", refused.error(), refused::cause);
        assertTrue(refused.cause().contains("key " + foreign + " is in key store"), refused::cause);
        assertEquals(KeyState.ENABLED, keyState(foreign));
        assertEquals(0, pipeline.cloud().calls("ScheduleKeyDeletion"));

        var held = pipeline.provision("held", "{}");
        assertEquals("INVALID_INPUT", held.error(), held::cause);
        assertTrue(held.cause().contains("names key " + foreign), held::cause);
        kms.updateAlias(alias -> alias.aliasName("alias/cloudhsm-default")
                .targetKeyId(own.path("keyArn").asText()));
        kms.scheduleKeyDeletion(key -> key.keyId(foreign).pendingWindowInDays(7));
        pipeline.cloud().advance(Duration.ofDays(9));
    }

    @Test
    @Order(3)
    void aPauseDeletesTheHsmsOfTheRecordsClusterAlone() {
        succeeded(pipeline.run("Pause", "pause", "{\"deployment\": \"default\"}"));
        assertEquals(0, activeHsms(clusterId(own)));
        assertEquals(2, activeHsms(clusterId(other)), "the tag of a label is no right to delete");
    }

    @Test
    @Order(4)
    void aTeardownLeavesAForeignClusterItsBackupsAndItsKeyAndListsThem() {
        var clusterId = clusterId(other);
        var backups = backups(other);
        var ownCluster = clusterId(own);
        var ended = succeeded(pipeline.tearDown("down", TeardownTest.input("default", "\"data\":\"DELETE\"")));

        assertEquals(2, activeHsms(clusterId));
        assertEquals(KeyState.ENABLED, keyState(other.path("keyArn").asText()));
        assertEquals(ConnectionStateType.CONNECTED, store(other).connectionState());
        assertEquals(
                ids(backups),
                backups(other).stream()
                        .filter(backup -> backup.backupState() == BackupState.READY)
                        .map(Backup::backupId)
                        .filter(ids(backups)::contains)
                        .collect(Collectors.toSet()));
        assertEquals(
                List.of(clusterId),
                pipeline.cloudHsm().describeClusters().clusters().stream()
                        .filter(cluster -> !cluster.stateAsString().equals("DELETED"))
                        .map(Cluster::clusterId)
                        .toList(),
                () -> "and " + ownCluster + " is gone");
        var kept = Json.parse(ended.output()).at("/report/keptByChoice").toString();
        assertTrue(kept.contains("cluster " + clusterId + " carries the deployment's tag"), kept);
        assertTrue(kept.contains("backup " + backups.getFirst().backupId() + " carries"), kept);
        assertTrue(
                kept.contains(
                        "key " + other.path("keyArn").asText().replaceAll(".*/", "") + " carries the deployment's tag"),
                kept);
    }

    private static Set<String> ids(List<Backup> backups) {
        return backups.stream()
                .filter(backup -> backup.backupState() == BackupState.READY)
                .map(Backup::backupId)
                .collect(Collectors.toSet());
    }

    @Test
    @Order(5)
    void theOtherDeploymentIsTornDownByItsOwnRecord() {
        succeeded(pipeline.tearDown("other-down", TeardownTest.input("default-2", "\"data\":\"DELETE\"")));
        assertEquals(
                List.of(),
                pipeline.cloudHsm().describeClusters().clusters().stream()
                        .filter(cluster -> !cluster.stateAsString().equals("DELETED"))
                        .map(Cluster::clusterId)
                        .toList());
    }
}
