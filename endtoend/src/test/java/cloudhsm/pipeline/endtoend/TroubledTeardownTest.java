package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.Holdings;
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
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.kms.model.OriginType;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionByDefault;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * One deployment that is hard to take down: others use its key and its key store, which has failed or is just
 * connecting, an HSM is DEGRADED, and somebody changes their mind. Then one that somebody takes down by hand. The steps follow each other, because a provisioning is dear.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TroubledTeardownTest {
    private static final String OTHERS = "others-quarterly-reports";

    /** Longer than any connection takes to end. */
    private static final Duration CONNECTION = Duration.ofMinutes(30);

    private static Pipeline pipeline;
    private static Set<String> before;
    private static String bucket;
    private static String keyArn;
    private static String othersKey;

    @BeforeAll
    static void provision() {
        // Self-healing would mend the key store before the teardown sees it.
        pipeline = Pipeline.deploy(1, Map.of("HealthCheckSchedule", "rate(12 hours)", "SelfHealing", "disabled"));
        pipeline.s3()
                .createBucket(create -> create.bucket(OTHERS)
                        .createBucketConfiguration(configuration ->
                                configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        before = Holdings.of(pipeline.cloud());
        var provisioned = pipeline.provision("up", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, provisioned.status(), provisioned::cause);
        var output = Json.parse(provisioned.output());
        bucket = output.path("buckets").path(0).asText();
        keyArn = output.path("keyArn").asText();
        pipeline.s3().putObject(put -> put.bucket(bucket).key("a"), RequestBody.fromString("text"));
        othersKey = pipeline.kms()
                .createKey(
                        create -> create.origin(OriginType.AWS_CLOUDHSM).customKeyStoreId(store().customKeyStoreId()))
                .keyMetadata()
                .keyId();
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    @Test
    @Order(1)
    void aKeyThatAnotherBucketUsesIsNotDeletedBeforeAPersonSaysSo() {
        pipeline.s3()
                .putBucketEncryption(encryption -> encryption
                        .bucket(OTHERS)
                        .serverSideEncryptionConfiguration(
                                configuration -> configuration.rules(ServerSideEncryptionRule.builder()
                                        .applyServerSideEncryptionByDefault(ServerSideEncryptionByDefault.builder()
                                                .sseAlgorithm(ServerSideEncryption.AWS_KMS)
                                                .kmsMasterKeyID(keyArn)
                                                .build())
                                        .build())));

        var refused = pipeline.tearDown("shared", TeardownTest.input("default", "\"data\":\"DELETE\""));
        assertEquals("DEPLOYMENT_SHARED", refused.error());
        assertTrue(refused.cause().contains("s3://" + OTHERS + " is encrypted under the key"), refused::cause);
        assertTrue(refused.cause().contains("key " + othersKey + " is in key store"), refused::cause);
        for (var destructive : List.of("ScheduleKeyDeletion", "DisconnectCustomKeyStore", "DeleteHsm", "DeleteObjects"))
            assertEquals(0, pipeline.cloud().calls(destructive), destructive);
    }

    /** As the schedule of a limit asks for it. */
    @Test
    @Order(2)
    void atALimitTheMeterOfASharedDeploymentStopsAndNothingElse() {
        var ended = pipeline.tearDown(
                "limit", TeardownTest.input("default", "\"data\":\"KEEP_READABLE\",\"interrupt\":true"));
        assertEquals("DEPLOYMENT_SHARED", ended.error());
        assertTrue(ended.cause().contains("s3://" + OTHERS + " is encrypted under the key"), ended::cause);
        assertNoHsmBills();
        for (var destructive :
                List.of("ScheduleKeyDeletion", "DisconnectCustomKeyStore", "CopyObject", "DeleteObjects"))
            assertEquals(0, pipeline.cloud().calls(destructive), destructive);

        var resumed = pipeline.provision("resume", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, resumed.status(), () -> resumed.error() + ": " + resumed.cause());
    }

    @Test
    @Order(3)
    void aKeyStoreThatIsJustConnectingIsDisconnectedAfterwardsAndACancelledDeletionLeavesAPausedDeployment() {
        disconnect();
        pipeline.kms().connectCustomKeyStore(connect -> connect.customKeyStoreId(store().customKeyStoreId()));
        assertEquals(ConnectionStateType.CONNECTING, store().connectionState());

        var execution = pipeline.startTeardown(
                "cancelled",
                TeardownTest.input(
                        "default",
                        "\"data\":\"KEEP\",\"confirmUnreadable\":\"the objects of default become unreadable\","
                                + "\"evenIfShared\":true,\"meter\":\"STOP_NOW\""));
        pipeline.runUntilEntered("cancelled", "AwaitKeyDeletion");
        assertEquals(ConnectionStateType.DISCONNECTED, store().connectionState());
        assertNoHsmBills();
        pipeline.cloud().advance(Duration.ofDays(2));
        pipeline.kms().cancelKeyDeletion(cancel -> cancel.keyId(keyArn));

        var ended = pipeline.endOfTeardown(execution);
        assertEquals("KEY_DELETION_CANCELLED", ended.error());
        assertTrue(ended.cause().contains("nothing under the key can be read until HSMs exist again"), ended::cause);
        assertTrue(ended.cause().contains("KMS still deletes"), ended::cause);
        assertTrue(ended.cause().contains(othersKey), ended::cause);
        var restored = pipeline.provision("up-again", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, restored.status(), restored::cause);
        assertEquals(
                "text",
                pipeline.s3()
                        .getObjectAsBytes(get -> get.bucket(bucket).key("a"))
                        .asUtf8String(),
                "the backup held the key's material");
        assertEquals(0, pipeline.cloud().calls("DeleteObjects"), "KEEP keeps every version");
    }

    @Test
    @Order(4)
    void aFailedKeyStoreADegradedHsmAndTheKeysOfOthersAreTakenDownAndTheirBucketStays() {
        pipeline.cloud().cloudHsm().nextHsmDegrades("eu-central-1a");
        pipeline.cloudHsm()
                .createHsm(create ->
                        create.clusterId(pipeline.cluster().clusterId()).availabilityZone("eu-central-1a"));
        disconnect();
        assertTrue(
                pipeline.cluster().hsms().stream().anyMatch(hsm -> hsm.state() == HsmState.DEGRADED),
                () -> pipeline.cluster().hsms().toString());
        pipeline.cloud().kms().failNextConnection("NETWORK_ERRORS");
        pipeline.kms().connectCustomKeyStore(connect -> connect.customKeyStoreId(store().customKeyStoreId()));
        pipeline.cloud().advance(CONNECTION);
        assertEquals(ConnectionStateType.FAILED, store().connectionState());

        var ended =
                pipeline.tearDown("down", TeardownTest.input("default", "\"data\":\"DELETE\",\"evenIfShared\":true"));
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        pipeline.cloud().advance(TeardownTest.RESTORABLE);
        assertEquals("", TeardownTest.leftSince(before, pipeline));
        pipeline.s3().headBucket(head -> head.bucket(OTHERS)); // throws where it is gone
        var taken = pipeline.evidence(ended).path("takenFromOthers");
        assertEquals(2, taken.size(), taken::toString);
        assertTrue(taken.toString().contains("key " + othersKey), taken::toString);
        assertTrue(taken.toString().contains("s3://" + OTHERS), taken::toString);
    }

    /** The bucket, the client and the HSMs before the teardown; the cluster and the secrets while KMS waits. */
    @Test
    @Order(5)
    void whatSomebodyHasDeletedByHandIsNotMissed() {
        var provisioned = pipeline.provision("by-hand", "{\"deployment\":\"by-hand\", \"client\": {\"keep\": true}}");
        assertEquals(ExecutionStatus.SUCCEEDED, provisioned.status(), provisioned::cause);
        var ownBucket = Json.parse(provisioned.output()).path("buckets").path(0).asText();
        var clusterId = Json.parse(provisioned.output()).path("clusterId").asText();
        pipeline.s3().deleteBucket(delete -> delete.bucket(ownBucket));
        pipeline.ec2()
                .terminateInstances(
                        terminate -> terminate.instanceIds(pipeline.client().instanceId()));
        hsms(clusterId)
                .forEach(hsm -> pipeline.cloudHsm()
                        .deleteHsm(delete -> delete.clusterId(clusterId).hsmId(hsm.hsmId())));
        pipeline.cloud().advance(CONNECTION);

        var execution = pipeline.startTeardown("by-hand", TeardownTest.input("by-hand", "\"data\":\"DELETE\""));
        pipeline.runUntilEntered("by-hand", "AwaitKeyDeletion");
        pipeline.cloudHsm().deleteCluster(delete -> delete.clusterId(clusterId));
        pipeline.secretsManager()
                .deleteSecret(delete -> delete.secretId("cloudhsm-pipeline/by-hand/admin-password")
                        .forceDeleteWithoutRecovery(true));
        var ended = pipeline.endOfTeardown(execution);
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        pipeline.cloud().advance(TeardownTest.RESTORABLE);
        assertEquals("", TeardownTest.leftSince(before, pipeline));
    }

    private static List<Hsm> hsms(String clusterId) {
        return pipeline.cloudHsm().describeClusters().clusters().stream()
                .filter(cluster -> cluster.clusterId().equals(clusterId))
                .findFirst()
                .orElseThrow()
                .hsms();
    }

    private static void assertNoHsmBills() {
        assertTrue(
                pipeline.cluster().hsms().stream().allMatch(hsm -> hsm.state() == HsmState.DELETED),
                () -> pipeline.cluster().hsms().toString());
    }

    private static void disconnect() {
        pipeline.kms().disconnectCustomKeyStore(disconnect -> disconnect.customKeyStoreId(store().customKeyStoreId()));
        pipeline.cloud().advance(CONNECTION);
        assertEquals(ConnectionStateType.DISCONNECTED, store().connectionState());
    }

    private static CustomKeyStoresListEntry store() {
        return pipeline.kms().describeCustomKeyStores().customKeyStores().getFirst();
    }
}
