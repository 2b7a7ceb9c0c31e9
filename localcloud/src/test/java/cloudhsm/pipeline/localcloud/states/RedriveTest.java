package cloudhsm.pipeline.localcloud.states;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.lambda.TestFunctions;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionNotRedrivableException;
import software.amazon.awssdk.services.sfn.model.ExecutionRedriveStatus;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;
import software.amazon.awssdk.services.sfn.model.HistoryEvent;
import software.amazon.awssdk.services.sfn.model.HistoryEventType;
import software.amazon.awssdk.services.sfn.model.SfnException;
import software.amazon.awssdk.services.sqs.SqsClient;

/**
 * What AWS says of redriving.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html">Redriving executions</a>
 */
class RedriveTest {
    private final LocalCloud cloud = LocalCloud.start();
    private final SfnClient sfn = cloud.client(SfnClient.builder());
    private final List<String> tokens = new ArrayList<>();
    private final String queue;

    RedriveTest() {
        try (var sqs = cloud.client(SqsClient.builder())) {
            queue = sqs.createQueue(request -> request.queueName("tasks")).queueUrl();
        }
    }

    @BeforeEach
    void listen() {
        cloud.states().onHistoryEvent((execution, event) -> {
            var parameters = event.path("taskScheduledEventDetails").path("parameters");
            var token = Json.parse(parameters.asText("{}")).path("MessageBody");
            if (!token.isMissingNode()) tokens.add(token.asText());
        });
    }

    @AfterEach
    void close() {
        sfn.close();
        cloud.close();
    }

    private String start(String definition) {
        var role = TestFunctions.role(cloud, "machine-role", "states.amazonaws.com", """
            {"Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}}\
            """);
        var machine = cloud.states().createStateMachine("machine", definition, role);
        return cloud.states().startExecution(machine, "run", Json.parse("{\"from\": \"the start\"}"));
    }

    /** A task whose token the test sends back; its message names the attempt's retries and redrives. */
    private String task(String more) {
        return """
            {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Arguments": {
              "QueueUrl": "%s", "MessageBody": "{%% $states.context.Task.Token %%}",
              "MessageAttributes": {"attempt": {"DataType": "String", "StringValue":
               "{%% $states.context.State.RetryCount & '/' & $states.context.Execution.RedriveCount %%}"}}},
             %s}\
            """.formatted(queue, more);
    }

    private String machine(String states) {
        return "{\"QueryLanguage\": \"JSONata\", \"StartAt\": \"A\", \"States\": {" + states + "}}";
    }

    private DescribeExecutionResponse describe(String execution) {
        return sfn.describeExecution(request -> request.executionArn(execution));
    }

    private DescribeExecutionResponse end(String execution) {
        cloud.time().runUntil(() -> describe(execution).status() != ExecutionStatus.RUNNING, Duration.ofDays(400));
        return describe(execution);
    }

    private void redrive(String execution) {
        sfn.redriveExecution(request -> request.executionArn(execution));
    }

    private void fail(int which) {
        runUntilTokens(which + 1);
        sfn.sendTaskFailure(request -> request.taskToken(tokens.get(which)).error("BROKEN"));
    }

    private void succeed(int which, String output) {
        runUntilTokens(which + 1);
        sfn.sendTaskSuccess(request -> request.taskToken(tokens.get(which)).output(output));
    }

    private void runUntilTokens(int count) {
        cloud.time().runUntil(() -> tokens.size() >= count, Duration.ofDays(1));
        assertEquals(count, tokens.size());
        cloud.advance(Duration.ofSeconds(1));
    }

    private List<HistoryEvent> history(String execution) {
        return sfn.getExecutionHistory(request -> request.executionArn(execution))
                .events();
    }

    private long count(String execution, HistoryEventType type) {
        return history(execution).stream().filter(event -> event.type() == type).count();
    }

    @Test
    void theFailedStateRunsAgainWithTheVariablesAndTheInputThatItHad() {
        var execution = start(machine("""
            "A": {"Type": "Pass", "Assign": {"kept": "a variable"}, "Output": {"to": "T"}, "Next": "T"}, "T": %s\
            """.formatted(task("""
                "Output": ["{% $kept %}", "{% $states.input.to %}", "{% $states.context.Execution.Input.from %}"],
                "End": true\
                """))));
        fail(0);
        var failed = end(execution);
        assertEquals("BROKEN", failed.error());
        assertEquals(ExecutionRedriveStatus.REDRIVABLE, failed.redriveStatus());
        assertEquals(0, failed.redriveCount());

        redrive(execution);
        var running = describe(execution);
        assertEquals(ExecutionStatus.RUNNING, running.status());
        assertEquals(1, running.redriveCount());
        assertNotNull(running.redriveDate());
        assertEquals(ExecutionRedriveStatus.NOT_REDRIVABLE, running.redriveStatus());
        assertEquals("Execution is RUNNING and cannot be redriven", running.redriveStatusReason());
        succeed(1, "{}");
        assertEquals("[\"a variable\",\"T\",\"the start\"]", end(execution).output());
        assertEquals(
                List.of(
                        HistoryEventType.EXECUTION_STARTED,
                        HistoryEventType.PASS_STATE_ENTERED,
                        HistoryEventType.PASS_STATE_EXITED,
                        HistoryEventType.TASK_STATE_ENTERED,
                        HistoryEventType.TASK_SCHEDULED,
                        HistoryEventType.TASK_STARTED,
                        HistoryEventType.TASK_SUBMITTED,
                        HistoryEventType.TASK_FAILED,
                        HistoryEventType.EXECUTION_FAILED,
                        HistoryEventType.EXECUTION_REDRIVEN,
                        HistoryEventType.TASK_SCHEDULED,
                        HistoryEventType.TASK_STARTED,
                        HistoryEventType.TASK_SUBMITTED,
                        HistoryEventType.TASK_SUCCEEDED,
                        HistoryEventType.TASK_STATE_EXITED,
                        HistoryEventType.EXECUTION_SUCCEEDED),
                history(execution).stream().map(HistoryEvent::type).toList());
    }

    @Test
    void retriesAreCountedAnewAndTheContextTellsTheRedrive() {
        var execution = start(machine("\"A\": " + task("""
            "Retry": [{"ErrorEquals": ["BROKEN"], "MaxAttempts": 1}], "End": true\
            """)));
        fail(0);
        fail(1);
        assertEquals(ExecutionStatus.FAILED, end(execution).status());
        redrive(execution);
        fail(2);
        succeed(3, "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, end(execution).status());
        assertEquals(
                List.of("0/0", "1/0", "0/1", "1/1"),
                history(execution).stream()
                        .filter(event -> event.type() == HistoryEventType.TASK_SCHEDULED)
                        .map(event -> Json.parse(
                                        event.taskScheduledEventDetails().parameters())
                                .at("/MessageAttributes/attempt/StringValue")
                                .asText())
                        .toList());
    }

    @Test
    void aFailStateFailsAgain() {
        var execution = start(machine("\"A\": {\"Type\": \"Fail\", \"Error\": \"ON_PURPOSE\"}"));
        end(execution);
        redrive(execution);
        assertEquals("ON_PURPOSE", end(execution).error(), "a machine that ends in Fail cannot be helped by a redrive");
    }

    @Test
    void ofAParallelOnlyTheBranchesRunAgainThatDidNotSucceed() {
        var execution = start(machine("""
            "A": {"Type": "Parallel", "End": true, "Branches": [
             {"StartAt": "Done", "States": {"Done": {"Type": "Pass", "Output": "kept", "End": true}}},
             {"StartAt": "Failing", "States": {"Failing": %s}},
             {"StartAt": "Cancelled", "States": {"Cancelled": %s}}]}\
            """.formatted(task("\"End\": true"), task("\"End\": true"))));
        runUntilTokens(2);
        sfn.sendTaskFailure(request -> request.taskToken(tokens.getFirst()).error("BROKEN"));
        end(execution);
        redrive(execution);
        runUntilTokens(4);
        sfn.sendTaskSuccess(request -> request.taskToken(tokens.get(2)).output("2"));
        sfn.sendTaskSuccess(request -> request.taskToken(tokens.get(3)).output("3"));
        assertEquals("[\"kept\",2,3]", end(execution).output());
        assertEquals(1, count(execution, HistoryEventType.PASS_STATE_ENTERED));
    }

    @Test
    void ofAnInlineMapTheIterationsRunThatDidNotSucceedAndThoseThatHadNotBegun() {
        var execution = start(machine("""
            "A": {"Type": "Map", "End": true, "Items": [1, 2, 3], "MaxConcurrency": 1, "ItemProcessor": {
             "StartAt": "T", "States": {"T": %s}}}\
            """.formatted(task("\"Output\": \"{% $states.input * 10 %}\", \"End\": true"))));
        succeed(0, "{}");
        fail(1);
        end(execution);
        redrive(execution);
        succeed(2, "{}");
        succeed(3, "{}");
        assertEquals("[10,20,30]", end(execution).output());
    }

    @Test
    void aStoppedExecutionGoesOnInTheStateThatWasAborted() {
        var execution = start(machine("\"A\": " + task("\"End\": true")));
        runUntilTokens(1);
        sfn.stopExecution(request -> request.executionArn(execution));
        assertEquals(ExecutionStatus.ABORTED, end(execution).status());
        redrive(execution);
        succeed(1, "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, end(execution).status());
    }

    @Test
    void theMachinesTimeoutStartsAnew() {
        var execution =
                start(machine("\"A\": " + task("\"End\": true")).replaceFirst("\\{", "{\"TimeoutSeconds\": 600, "));
        assertEquals(ExecutionStatus.TIMED_OUT, end(execution).status());
        redrive(execution);
        cloud.advance(Duration.ofSeconds(590));
        succeed(1, "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, end(execution).status());
    }

    @Test
    void executionsThatRunOrSucceededAreNotRedrivable() {
        var execution = start(machine("\"A\": " + task("\"End\": true")));
        refused(execution, "Execution is RUNNING and cannot be redriven");
        succeed(0, "{}");
        end(execution);
        refused(execution, "Execution is SUCCEEDED and cannot be redriven");
    }

    @Test
    void theRedrivablePeriodIsFourteenDays() {
        var execution = start(machine("\"A\": " + task("\"End\": true")));
        fail(0);
        end(execution);
        cloud.advance(Duration.ofDays(14).minusMinutes(1));
        redrive(execution);
        fail(1);
        end(execution);
        cloud.advance(Duration.ofDays(14).plusMinutes(1));
        refused(execution, "Execution redrivable period exceeded");
    }

    @Test
    void aRepeatedRequestRedrivesOnce() {
        var execution = start(machine("\"A\": " + task("\"End\": true")));
        fail(0);
        end(execution);
        var first =
                sfn.redriveExecution(request -> request.executionArn(execution).clientToken("once"));
        cloud.advance(Duration.ofMinutes(1));
        var repeated =
                sfn.redriveExecution(request -> request.executionArn(execution).clientToken("once"));
        assertEquals(first.redriveDate(), repeated.redriveDate());
        assertEquals(1, describe(execution).redriveCount());
        fail(1);
        end(execution);
        cloud.advance(Duration.ofMinutes(16));
        sfn.redriveExecution(request -> request.executionArn(execution).clientToken("once"));
        assertEquals(2, describe(execution).redriveCount(), "AWS remembers a client token for 15 minutes");
    }

    @Test
    void redrivingNeedsTheRightOnTheExecution() {
        var execution = start(machine("\"A\": " + task("\"End\": true")));
        fail(0);
        end(execution);
        var nobody = TestFunctions.role(cloud, "nobody", "lambda.amazonaws.com", null);
        try (var stranger = cloud.client(SfnClient.builder(), cloud.iam().session(nobody, "test"))) {
            var denied = assertThrows(
                    SfnException.class, () -> stranger.redriveExecution(request -> request.executionArn(execution)));
            assertEquals("AccessDeniedException", denied.awsErrorDetails().errorCode());
        }
        assertFalse(describe(execution).status() == ExecutionStatus.RUNNING);
    }

    private void refused(String execution, String why) {
        var refusal = assertThrows(ExecutionNotRedrivableException.class, () -> redrive(execution));
        assertEquals(why, refusal.awsErrorDetails().errorMessage());
        assertEquals(why, describe(execution).redriveStatusReason());
    }
}
