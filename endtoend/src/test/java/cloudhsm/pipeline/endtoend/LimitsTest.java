package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.cloudhsm.Hsm;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** A limit holds although nobody is there to see it. */
class LimitsTest {
    /** An execution starts within a minute, and CloudHSM deletes an HSM within 6 minutes. */
    private static final Duration PAUSE = Duration.ofMinutes(10);

    /** Two minutes for uploads under way, the objects, 10 minutes to disconnect the key store, then as a pause. */
    private static final Duration TEARDOWN = Duration.ofMinutes(35);

    private final Pipeline pipeline = Pipeline.deploy();

    @AfterEach
    void close() {
        pipeline.close();
    }

    @Test
    void twoHoursBillTwoHoursAndThePausesOwnTime() {
        var started = pipeline.cloud().time().now();
        var execution = pipeline.provision("first", "{\"teardownAfter\": \"PT2H\"}");
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());

        pipeline.cloud().advance(Duration.ofHours(3));

        var hsms = pipeline.cloud().cloudHsm().everCreated();
        assertEquals(2, hsms.size());
        for (var hsm : hsms) {
            var end = hsm.deletedAt().orElseThrow();
            assertTrue(
                    end.isBefore(started.plus(Duration.ofHours(2)).plus(PAUSE)), () -> describe(hsm) + " until " + end);
        }
        var told = pipeline.cloud().sns().published();
        assertEquals(2, told.size(), "a warning, and the pause");
        assertTrue(
                told.getFirst().message().contains("(teardownAfter PT2H)"),
                told.getFirst().message());
        assertTrue(
                told.getLast().message().contains("is paused"), told.getLast().message());
    }

    /** First where a previous version is in the way, then, after a resume, where nothing is. */
    @Test
    void atItsLimitADeploymentIsTornDownWithoutLosingAVersion() {
        var started = pipeline.cloud().time().now();
        var provisioned = pipeline.provision("first", "{\"teardownAfter\": \"PT2H\", \"atLimit\": \"TEARDOWN\"}");
        assertEquals(ExecutionStatus.SUCCEEDED, provisioned.status(), provisioned::cause);
        var bucket = Json.parse(provisioned.output()).path("buckets").path(0).asText();
        var old = put(bucket, "old");
        put(bucket, "new");

        pipeline.cloud().advance(Duration.ofHours(3));
        var versions = pipeline.s3()
                .listObjectVersions(list -> list.bucket(bucket).encodingType(EncodingType.URL))
                .versions();
        assertEquals(2, versions.size());
        assertEquals(0, pipeline.cloud().calls("ScheduleKeyDeletion"), "the old version would become unreadable");
        assertAllGoneBy(started.plus(Duration.ofHours(2)).plus(PAUSE));
        assertTold("reaches its limit (teardownAfter PT2H)");
        assertTold("OBJECTS_NOT_RETURNED");

        var resumed = pipeline.provision("resume", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, resumed.status(), () -> resumed.error() + ": " + resumed.cause());
        assertEquals("new", content(bucket));
        pipeline.s3().deleteObject(delete -> delete.bucket(bucket).key("kept").versionId(old));
        pipeline.cloud().advance(Duration.ofHours(3));
        assertAllGoneBy(resumed.startDate().plus(Duration.ofHours(2)).plus(TEARDOWN));
        assertEquals("new", content(bucket));
        assertEquals(
                ServerSideEncryption.AES256,
                pipeline.s3()
                        .headObject(head -> head.bucket(bucket).key("kept"))
                        .serverSideEncryption());
        assertEquals(1, pipeline.cloud().calls("ScheduleKeyDeletion"));
    }

    @Test
    void aLimitWhoseStateMachineIsGoneLiesInTheDeadLetterQueue() {
        var provisioned = pipeline.provision("first", "{\"teardownAfter\": \"PT2H\"}");
        assertEquals(ExecutionStatus.SUCCEEDED, provisioned.status(), provisioned::cause);
        var stack = pipeline.deployment().stack();
        pipeline.states()
                .deleteStateMachine(
                        delete -> delete.stateMachineArn(stack.outputs().get("PauseStateMachineArn")));

        pipeline.cloud().advance(Duration.ofHours(2));

        var aside = pipeline.sqs()
                .receiveMessage(receive -> receive.queueUrl(stack.resource("LimitsDeadLetterQueue"))
                        .messageAttributeNames("All"))
                .messages();
        assertEquals(1, aside.size(), "the alarm LimitsPutAside counts it; HSMs bill on");
        assertEquals(
                "StateMachineDoesNotExist",
                aside.getFirst().messageAttributes().get("ERROR_CODE").stringValue());
        assertEquals(
                "{\"deployment\":\"default\",\"interrupt\":true}",
                aside.getFirst().body());
    }

    private String put(String bucket, String content) {
        return pipeline.s3()
                .putObject(put -> put.bucket(bucket).key("kept"), RequestBody.fromString(content))
                .versionId();
    }

    private String content(String bucket) {
        return pipeline.s3()
                .getObjectAsBytes(get -> get.bucket(bucket).key("kept"))
                .asUtf8String();
    }

    private void assertAllGoneBy(Instant limit) {
        for (var hsm : pipeline.cloud().cloudHsm().everCreated()) {
            var end = hsm.deletedAt().orElseThrow(() -> new AssertionError(describe(hsm) + " bills on"));
            assertTrue(end.isBefore(limit), () -> describe(hsm) + " until " + end);
        }
    }

    private void assertTold(String text) {
        var told = pipeline.cloud().sns().published();
        assertTrue(told.stream().anyMatch(message -> message.message().contains(text)), told::toString);
    }

    private static String describe(Hsm hsm) {
        return hsm.hsmId() + " from " + hsm.createdAt();
    }
}
