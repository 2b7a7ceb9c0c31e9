package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sfn.model.ExecutionListItem;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;
import software.amazon.awssdk.services.sfn.model.HistoryEventType;

/** An account that may run 10 functions at a time, as many new ones. */
class LittleConcurrencyTest {
    private static final Duration LIMIT = Duration.ofHours(2);

    /** How long after the limit the account is still busy: the old retries were over after a minute. */
    private static final Duration BUSY_FOR = Duration.ofMinutes(20);

    /** Until the last of the busy functions has ended, and a stage has come back after at most a minute. */
    private static final Duration AFTERWARDS = Duration.ofMinutes(7);

    /** From the start of the pause to deleted HSMs, as in {@link LimitsTest}. */
    private static final Duration PAUSE = Duration.ofMinutes(10);

    private final Pipeline pipeline = Pipeline.deploy();

    @AfterEach
    void close() {
        pipeline.close();
    }

    private String function(String logicalId) {
        return pipeline.deployment().stack().resource(logicalId);
    }

    private Instant now() {
        return pipeline.cloud().time().now();
    }

    private void repeat(Duration period, Instant until, Runnable work) {
        pipeline.cloud().time().scheduleUnlocked(period, "a busy account", () -> {
            work.run();
            if (now().isBefore(until)) repeat(period, until, work);
        });
    }

    private void upload(String bucket) {
        pipeline.s3()
                .putObject(
                        put -> put.bucket(bucket).key("at " + now()).serverSideEncryption(ServerSideEncryption.AES256),
                        RequestBody.fromString("text"));
    }

    /** What else the account does takes every execution that is free. */
    private void takeAllExecutions() {
        try {
            while (true) {
                pipeline.cloud()
                        .lambda()
                        .invoke(function("SummarizeReencryptionFunction"), "{}".getBytes(StandardCharsets.UTF_8));
            }
        } catch (AwsException throttled) {
            assertEquals("TooManyRequestsException", throttled.code());
        }
    }

    private List<ExecutionListItem> executions(String stateMachine) {
        var arn = pipeline.deployment().stack().outputs().get(stateMachine + "StateMachineArn");
        return pipeline.states()
                .listExecutions(request -> request.stateMachineArn(arn))
                .executions();
    }

    @Test
    void limitPausesAlthoughUploadsAndOthersTakeEveryExecutionForManyMinutes() {
        var lambda = pipeline.cloud().lambda();
        lambda.concurrencyQuota(10);
        var started = now();
        var provisioned = pipeline.provision("first", "{\"teardownAfter\": \"PT2H\"}");
        assertEquals(ExecutionStatus.SUCCEEDED, provisioned.status(), provisioned::cause);
        var bucket = Json.parse(provisioned.output()).path("buckets").path(0).asText();
        var limit = started.plus(LIMIT);

        pipeline.cloud().advance(Duration.between(now(), limit.minus(Duration.ofMinutes(7))));
        lambda.takes(function("ReencryptObjectsFunction"), Duration.ofMinutes(2));
        repeat(Duration.ofSeconds(20), limit.plus(BUSY_FOR), () -> upload(bucket));
        pipeline.cloud().advance(Duration.ofMinutes(5));
        assertTrue(
                pipeline.s3().listObjectsV2(list -> list.bucket(bucket)).contents().stream()
                        .anyMatch(object -> pipeline.s3()
                                        .headObject(head -> head.bucket(bucket).key(object.key()))
                                        .serverSideEncryption()
                                == ServerSideEncryption.AWS_KMS),
                "uploads have their share");

        lambda.takes(function("SummarizeReencryptionFunction"), Duration.ofMinutes(5));
        repeat(Duration.ofSeconds(1), limit.plus(BUSY_FOR), this::takeAllExecutions);
        pipeline.cloud()
                .advance(Duration.between(
                        now(), limit.plus(BUSY_FOR).plus(AFTERWARDS).plus(PAUSE)));

        var pause = executions("Pause").getFirst();
        assertEquals(
                ExecutionStatus.SUCCEEDED,
                pause.status(),
                () -> pipeline.describe(pause.executionArn()).cause());
        var throttled = pipeline.history(pause.executionArn()).stream()
                .filter(event -> event.type() == HistoryEventType.TASK_FAILED)
                .filter(event -> event.taskFailedEventDetails().error().equals("Lambda.TooManyRequestsException"))
                .count();
        assertTrue(throttled > 15, () -> "throttled " + throttled + " times: that was no test");
        for (var hsm : pipeline.cloud().cloudHsm().everCreated()) {
            var end = hsm.deletedAt().orElseThrow();
            assertTrue(
                    end.isBefore(limit.plus(BUSY_FOR).plus(AFTERWARDS).plus(PAUSE)),
                    () -> hsm.hsmId() + " until " + end);
        }
    }
}
