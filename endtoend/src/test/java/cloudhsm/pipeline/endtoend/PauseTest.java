package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** The meter can be stopped and started again without losing an object. */
class PauseTest {
    private final Pipeline pipeline = Pipeline.deploy();

    @AfterEach
    void close() {
        pipeline.close();
    }

    @Test
    void aPausedDeploymentBillsNoHsmsAndComesBackReadable() {
        var provisioned = pipeline.provision("first", "{}");
        assertSucceeded(provisioned);
        assertEquals(
                "DEPLOYMENT_UNKNOWN",
                pipeline.run("Pause", "misspelt", "{\"deployment\": \"defalt\"}")
                        .error());
        var bucket = Json.parse(provisioned.output()).path("buckets").path(0).asText();
        pipeline.s3().putObject(put -> put.bucket(bucket).key("kept"), RequestBody.fromString("kept content"));

        var refused = pipeline.run("Pause", "mistyped", "{\"deployment\": \"default\", \"interupt\": true}");
        assertEquals("INVALID_INPUT", refused.error());
        assertTrue(refused.cause().contains("interupt: is not a known field"), refused::cause);
        var paused = pipeline.run("Pause", "pause", "{\"deployment\": \"default\"}");
        assertSucceeded(paused);
        assertTrue(Json.parse(paused.output()).path("newestBackupId").asText().startsWith("backup-"), paused.output());
        assertTrue(
                Duration.between(paused.startDate(), paused.stopDate()).compareTo(Duration.ofMinutes(15)) < 0,
                "every minute more bills two HSMs");
        var hoursWhenPaused = pipeline.hsmTime();
        pipeline.cloud().advance(Duration.ofHours(6));
        assertEquals(hoursWhenPaused, pipeline.hsmTime(), "no HSM-hours while paused");

        var unreadable = assertThrows(S3Exception.class, () -> content(bucket));
        assertEquals(
                "KMS.KMSInvalidStateException", unreadable.awsErrorDetails().errorCode());
        assertTrue(unreadable.getMessage().contains("CloudHSM cluster"), unreadable.getMessage());

        assertSucceeded(pipeline.provision("resume", "{\"deployment\": \"default\"}"));
        assertEquals("kept content", content(bucket));
        var zones = pipeline.cluster().hsms().stream()
                .map(hsm -> hsm.availabilityZone() + " " + hsm.stateAsString())
                .sorted()
                .toList();
        assertEquals(List.of("eu-central-1a ACTIVE", "eu-central-1b ACTIVE"), zones);
        var told = pipeline.cloud().sns().published();
        assertEquals(4, told.size(), "both failures, one mail for the pause, one for the return");
        assertTrue(told.get(2).message().contains("cannot be read"), told.get(2).message());
        assertTrue(
                told.getLast().message().contains("The HSMs bill 3.84 USD an hour"),
                told.getLast().message());
    }

    @Test
    void aWrongInputIsRefusedWholeAndPausesNothing() {
        refused("Pause", "{\"deployment\": null}", "deployment: must be text, not null");
        refused("Pause", "null", "input: the execution input must be a JSON object, not null");
        refused(
                "Pause",
                "{\"deployment\": \"\", \"interupt\": true, \"interrupt\": \"yes\"}",
                "deployment: \"\" must have 1 to 32 characters, all lower-case letters, digits or hyphens",
                "interrupt: must be true or false, not the text \"yes\"",
                "interupt: is not a known field; here are deployment, interrupt");
    }

    private void refused(String stateMachine, String input, String... problems) {
        var execution = pipeline.run(stateMachine, "wrong-" + Integer.toHexString(input.hashCode()), input);
        assertEquals("INVALID_INPUT", execution.error(), execution::cause);
        var lines = execution.cause().split("\n");
        var numbered = new ArrayList<String>();
        for (var problem : problems) numbered.add(numbered.size() + 1 + ". " + problem);
        assertEquals(numbered, List.of(lines).subList(1, lines.length), execution::cause);
        assertTrue(lines[0].contains("Nothing was changed."), execution::cause);
    }

    @Test
    void anExecutionThatIsAtWorkIsRespectedUnlessALimitAsks() {
        var execution = pipeline.start("first", "{}");
        pipeline.runUntilEntered("first", "CreateHsms");

        var refused = pipeline.run("Pause", "polite", "{}");
        assertEquals("DEPLOYMENT_LOCKED", refused.error());
        assertEquals(ExecutionStatus.RUNNING, pipeline.describe(execution).status());

        assertSucceeded(pipeline.run("Pause", "firm", "{\"interrupt\": true}"));
        var interrupted = pipeline.describe(execution);
        assertEquals(ExecutionStatus.ABORTED, interrupted.status());
        assertEquals("INTERRUPTED", interrupted.error(), "a person may ask for it as well as a limit");
        var billed = pipeline.hsmTime();
        pipeline.cloud().advance(Duration.ofHours(1));
        assertEquals(billed, pipeline.hsmTime(), "a stopped execution creates no more HSMs");
        assertSucceeded(pipeline.provision("second", "{}"));
    }

    private String content(String bucket) {
        return pipeline.s3()
                .getObjectAsBytes(get -> get.bucket(bucket).key("kept"))
                .asUtf8String();
    }

    private static void assertSucceeded(DescribeExecutionResponse execution) {
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
    }
}
