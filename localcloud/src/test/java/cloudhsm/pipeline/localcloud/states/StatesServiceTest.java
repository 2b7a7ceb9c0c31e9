package cloudhsm.pipeline.localcloud.states;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.lambda.TestFunctions;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.ExecutionAlreadyExistsException;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;
import software.amazon.awssdk.services.sfn.model.HistoryEventType;
import software.amazon.awssdk.services.sfn.model.InvalidDefinitionException;
import software.amazon.awssdk.services.sfn.model.InvalidTokenException;
import software.amazon.awssdk.services.sfn.model.SfnException;
import software.amazon.awssdk.services.sfn.model.TaskTimedOutException;

class StatesServiceTest {
    @TempDir
    private Path directory;

    private final LocalCloud cloud = LocalCloud.start();
    private SfnClient sfn;
    private Path artifact;
    private final List<String> tokens = new ArrayList<>();

    @BeforeEach
    void build() {
        artifact = TestFunctions.artifact(directory, false);
        sfn = client(cloud.iam().administrator());
        cloud.states().onHistoryEvent((execution, event) -> {
            var parameters = event.path("taskScheduledEventDetails").path("parameters");
            var token = Json.parse(parameters.asText("{}")).path("Payload").path("token");
            if (!token.isMissingNode()) tokens.add(token.asText());
        });
    }

    @AfterEach
    void close() {
        sfn.close();
        cloud.close();
    }

    private SfnClient client(Identity identity) {
        return SfnClient.builder()
                .endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .httpClientBuilder(UrlConnectionHttpClient.builder())
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(identity.accessKeyId(), identity.secretAccessKey())))
                .overrideConfiguration(override -> override.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build();
    }

    private String machine(String name, String policy, String definition) {
        var role = TestFunctions.role(cloud, name + "-role", "states.amazonaws.com", policy);
        return cloud.states().createStateMachine(name, definition, role);
    }

    @Test
    void eventBridgeHearsOfEveryStatusOfAnExecution() {
        var machine = machine("fails", null, """
            {"QueryLanguage": "JSONata", "StartAt": "F",
             "States": {"F": {"Type": "Fail", "Error": "Bad", "Cause": "no reason"}}}\
            """);
        var execution = sfn.startExecution(
                        start -> start.stateMachineArn(machine).name("one").input("{}"))
                .executionArn();
        cloud.advance(Duration.ofSeconds(1));
        var events = cloud.events().published().stream()
                .filter(event -> event.path("source").asText().equals("aws.states"))
                .toList();
        assertEquals(
                List.of("RUNNING", "FAILED"),
                events.stream()
                        .map(event -> event.at("/detail/status").asText())
                        .toList());
        var failed = events.getLast();
        assertEquals(
                "Step Functions Execution Status Change",
                failed.path("detail-type").asText());
        assertEquals(execution, failed.at("/detail/executionArn").asText());
        assertEquals(machine, failed.at("/detail/stateMachineArn").asText());
        assertEquals("Bad", failed.at("/detail/error").asText());
        assertEquals("no reason", failed.at("/detail/cause").asText());
    }

    @Test
    void whoeverWaitsInVainReadsWhichExecutionFailedAndWhy() {
        var machine = machine("fails", null, """
            {"QueryLanguage": "JSONata", "StartAt": "F",
             "States": {"F": {"Type": "Fail", "Error": "Bad", "Cause": "no reason"}}}\
            """);
        var execution = cloud.states().startExecution(machine, "one", Json.object());
        var inVain = assertThrows(
                IllegalStateException.class, () -> cloud.time().runUntil(() -> false, Duration.ofHours(5)));
        assertTrue(
                inVain.getMessage().endsWith("Execution " + execution + " ended FAILED under Bad: no reason"),
                inVain.getMessage());
    }

    private static String allowing(String action, String resource) {
        return "{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"" + action + "\", \"Resource\": \"" + resource
                + "\"}}";
    }

    /** A machine of one task that hands its token to the function "echo". */
    private String waiting(String more) {
        var function = TestFunctions.create(cloud, artifact, "echo", "Echo", "one");
        return machine("waiting", allowing("lambda:InvokeFunction", function), """
            {"QueryLanguage": "JSONata", "StartAt": "T", "States": {
             "T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": true,
              "Arguments": {"FunctionName": "%s", "Payload": {"token": "{%% $states.context.Task.Token %%}"}}%s}}}\
            """.formatted(function, more));
    }

    private Execution start(String machine, String input) {
        return cloud.states().execution(cloud.states().startExecution(machine, "run", Json.parse(input)));
    }

    private void finish(Execution execution) {
        cloud.time().runUntil(() -> execution.status() != Execution.Status.RUNNING, Duration.ofDays(400));
    }

    private static JsonNode event(Execution execution, String type) {
        return execution.historyEvents().stream()
                .filter(event -> event.path("type").asText().equals(type))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void lambdaTaskAnswersPayloadVersionAndStatus() {
        var function = TestFunctions.create(cloud, artifact, "echo", "Echo", "one");
        var machine = machine("lambda", allowing("lambda:InvokeFunction", function), """
            {"QueryLanguage": "JSONata", "StartAt": "T", "States": {
             "T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
              "Arguments": {"FunctionName": "%s", "Payload": "{%% $states.input %%}"}}}}\
            """.formatted(function));
        var execution = start(machine, "{\"a\": 1}");
        finish(execution);
        assertEquals(
                "{\"ExecutedVersion\":\"$LATEST\",\"Payload\":{\"a\":1},\"StatusCode\":200}",
                Json.text(execution.output().orElseThrow()));
        var types = sfn.getExecutionHistory(request -> request.executionArn(execution.arn())).events().stream()
                .map(event -> event.type())
                .toList();
        assertEquals(
                List.of(
                        HistoryEventType.EXECUTION_STARTED,
                        HistoryEventType.TASK_STATE_ENTERED,
                        HistoryEventType.TASK_SCHEDULED,
                        HistoryEventType.TASK_STARTED,
                        HistoryEventType.TASK_SUCCEEDED,
                        HistoryEventType.TASK_STATE_EXITED,
                        HistoryEventType.EXECUTION_SUCCEEDED),
                types);
    }

    @Test
    void functionErrorIsRetriedAndCaughtByItsClassName() {
        var function = TestFunctions.create(cloud, artifact, "failing", "Failing", "one");
        var machine = machine("catching", allowing("lambda:InvokeFunction", function), """
            {"QueryLanguage": "JSONata", "StartAt": "T", "States": {
             "T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
              "Arguments": {"FunctionName": "%s"},
              "Retry": [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 10, "MaxAttempts": 2}],
              "Catch": [{"ErrorEquals": ["cloudhsm.pipeline.localcloud.lambda.handlers.Failing$ClusterNotFound"],
               "Assign": {"why": "{%% $parse($states.errorOutput.Cause).errorMessage %%}"}, "Next": "Caught"}]},
             "Caught": {"Type": "Pass", "Output": "{%% $why %%}", "End": true}}}\
            """.formatted(function));
        var execution = start(machine, "{}");
        finish(execution);
        assertEquals("\"there is no cluster-abc\"", Json.text(execution.output().orElseThrow()));
        assertEquals(
                3,
                execution.historyEvents().stream()
                        .filter(event -> event.path("type").asText().equals("TaskFailed"))
                        .count());
        assertEquals(
                Duration.ofMillis(30_600),
                Duration.between(execution.started(), execution.stopped().orElseThrow()),
                "10 s and 20 s of backoff, three calls of 200 ms");
    }

    @Test
    void machineWithoutTheRightCannotInvoke() {
        TestFunctions.create(cloud, artifact, "echo", "Echo", "one");
        var machine = machine("denied", null, """
            {"QueryLanguage": "JSONata", "StartAt": "T", "States": {
             "T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
              "Arguments": {"FunctionName": "echo"}}}}\
            """);
        var execution = start(machine, "{}");
        finish(execution);
        assertEquals("Lambda.AWSLambdaException", execution.error().orElseThrow());
        assertTrue(execution.cause().orElseThrow().contains("lambda:InvokeFunction"), execution.cause()::toString);
    }

    @Test
    void tokenEndsTheTask() {
        var execution = start(waiting(""), "{}");
        cloud.advance(Duration.ofHours(1));
        assertEquals(Execution.Status.RUNNING, execution.status());
        sfn.sendTaskSuccess(request -> request.taskToken(tokens.getFirst()).output("{\"state\":\"ACTIVE\"}"));
        finish(execution);
        assertEquals("{\"state\":\"ACTIVE\"}", Json.text(execution.output().orElseThrow()));
        assertThrows(
                TaskTimedOutException.class,
                () -> sfn.sendTaskSuccess(
                        request -> request.taskToken(tokens.getFirst()).output("{}")),
                "a token ends once");
        assertThrows(
                InvalidTokenException.class, () -> sfn.sendTaskHeartbeat(request -> request.taskToken("no token")));
    }

    @Test
    void failureByTokenNamesTheError() {
        var execution = start(waiting(""), "{}");
        cloud.advance(Duration.ofSeconds(1));
        sfn.sendTaskFailure(request ->
                request.taskToken(tokens.getFirst()).error("HsmDegraded").cause("hsm-abc is DEGRADED"));
        finish(execution);
        assertEquals("HsmDegraded", execution.error().orElseThrow());
        assertEquals("hsm-abc is DEGRADED", execution.cause().orElseThrow());
    }

    @Test
    void timeoutRetryHasANewTokenAndTheOldOneIsDead() {
        var execution = start(waiting("""
            , "TimeoutSeconds": 60, "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1}]\
            """), "{}");
        cloud.advance(Duration.ofSeconds(62));
        assertEquals(2, tokens.size());
        assertNotEquals(tokens.get(0), tokens.get(1));
        assertThrows(
                TaskTimedOutException.class,
                () -> sfn.sendTaskSuccess(
                        request -> request.taskToken(tokens.get(0)).output("{}")));
        sfn.sendTaskSuccess(request -> request.taskToken(tokens.get(1)).output("{}"));
        finish(execution);
        assertEquals(Execution.Status.SUCCEEDED, execution.status());
    }

    @Test
    void timeoutIsCaughtWithAnEmptyCause() {
        var execution = start(waiting("""
            , "TimeoutSeconds": 60, "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Late",
             "Output": "{%% $states.errorOutput %%}"}]}, "Late": {"Type": "Succeed"\
            """.formatted()), "{}");
        finish(execution);
        assertEquals(
                "{\"Error\":\"States.Timeout\",\"Cause\":\"\"}",
                Json.text(execution.output().orElseThrow()));
    }

    @Test
    void definitionWithFaultsIsRefusedWithAllOfThemAndNothingIsCreated() {
        var role = TestFunctions.role(cloud, "machine-role", "states.amazonaws.com", null);
        var refusal = assertThrows(
                InvalidDefinitionException.class,
                () -> sfn.createStateMachine(
                        request -> request.name("machine").roleArn(role.arn()).definition("""
                            {"QueryLanguage": "JSONata", "StartAt": "E", "States": {
                             "E": {"Type": "Pass", "Output": {"v": "{% phone[0] %}"}, "End": true},
                             "F": {"Type": "Succeed"}}}\
                            """)));
        assertEquals(
                "Invalid State Machine Definition: 'UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top"
                    + " level is not supported. at /States/E/Output/v, MISSING_TRANSITION_TARGET: State \"F\" is not"
                    + " reachable. at /States/F'",
                refusal.awsErrorDetails().errorMessage());
        assertEquals(List.of(), sfn.listStateMachines().stateMachines());
    }

    @Test
    void heartbeatKeepsTheTaskAliveAndItsAbsenceEndsIt() {
        var execution = start(waiting(", \"HeartbeatSeconds\": 60, \"TimeoutSeconds\": 600"), "{}");
        for (var beat = 0; beat < 3; beat++) {
            cloud.advance(Duration.ofSeconds(50));
            sfn.sendTaskHeartbeat(request -> request.taskToken(tokens.getFirst()));
        }
        assertEquals(Execution.Status.RUNNING, execution.status());
        finish(execution);
        assertEquals("States.HeartbeatTimeout", execution.error().orElseThrow());
        assertEquals(
                Duration.ofSeconds(210),
                Duration.between(execution.started(), execution.stopped().orElseThrow()));
    }

    @Test
    void sendingATokenNeedsTheRightOnItsMachine() {
        var machine = waiting("");
        start(machine, "{}");
        cloud.advance(Duration.ofSeconds(1));
        var role = TestFunctions.role(
                cloud, "other", "lambda.amazonaws.com", allowing("states:SendTaskSuccess", machine + "-other"));
        try (var stranger = client(cloud.iam().session(role, "test"))) {
            var denied = assertThrows(
                    SfnException.class,
                    () -> stranger.sendTaskSuccess(
                            request -> request.taskToken(tokens.getFirst()).output("{}")));
            assertEquals("AccessDeniedException", denied.awsErrorDetails().errorCode());
        }
    }

    @Test
    void startingAgainWithTheSameNameAndInputIsTheSameExecutionWhileItRuns() {
        var machine = waiting("");
        var first = sfn.startExecution(
                request -> request.stateMachineArn(machine).name("run").input("{\"a\":1}"));
        var again = sfn.startExecution(
                request -> request.stateMachineArn(machine).name("run").input("{ \"a\": 1 }"));
        assertEquals(first.executionArn(), again.executionArn());
        assertThrows(
                ExecutionAlreadyExistsException.class,
                () -> sfn.startExecution(
                        request -> request.stateMachineArn(machine).name("run").input("{}")));
        sfn.stopExecution(request -> request.executionArn(first.executionArn()).error("Stopped"));
        assertThrows(
                ExecutionAlreadyExistsException.class,
                () -> sfn.startExecution(
                        request -> request.stateMachineArn(machine).name("run").input("{\"a\":1}")),
                "a finished execution keeps its name for 90 days");
        assertEquals(
                ExecutionStatus.ABORTED,
                sfn.describeExecution(request -> request.executionArn(first.executionArn()))
                        .status());
    }

    @Test
    void sdkTaskReadsPascalCaseAndNamesErrorsByTheClientsPrefix() {
        var child = machine("child", null, """
            {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": {"Type": "Succeed"}}}\
            """);
        var parent = machine("parent", allowing("states:*", "*"), """
            {"QueryLanguage": "JSONata", "StartAt": "T", "States": {
             "T": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution",
              "Arguments": {"StateMachineArn": "%s", "Name": "same", "Input": {"n": "{%% $exists($again) ? 2 : 1 %%}"}},
              "Assign": {"again": true}, "Next": "T2"},
             "T2": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:startExecution",
              "Arguments": {"StateMachineArn": "%s", "Name": "same", "Input": {"n": 2}}, "End": true}}}\
            """.formatted(child, child));
        var execution = start(parent, "{}");
        finish(execution);
        var result = Json.parse(event(execution, "TaskSucceeded")
                .path("taskSucceededEventDetails")
                .path("output")
                .asText());
        assertTrue(result.path("ExecutionArn").asText().endsWith(":child:same"), result.toString());
        assertTrue(result.path("StartDate").isTextual(), "Step Functions shows timestamps as text");
        assertEquals("Sfn.ExecutionAlreadyExistsException", execution.error().orElseThrow());
    }

    @Test
    void syncTaskEndsWithTheExecutionItStarted() {
        var child = machine("child", null, """
            {"QueryLanguage": "JSONata", "StartAt": "W", "States": {
             "W": {"Type": "Wait", "Seconds": 90, "Output": {"done": true}, "End": true}}}\
            """);
        var parent = machine("parent", allowing("states:StartExecution", child), """
            {"QueryLanguage": "JSONata", "StartAt": "T", "States": {
             "T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
              "Arguments": {"StateMachineArn": "%s"}, "Output": "{%% $states.result.Output %%}", "End": true}}}\
            """.formatted(child));
        var execution = start(parent, "{}");
        finish(execution);
        assertEquals("{\"done\":true}", Json.text(execution.output().orElseThrow()));
    }

    @Test
    void historyComesInPagesAndBackwards() {
        var machine = machine("pages", null, """
            {"QueryLanguage": "JSONata", "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}\
            """);
        var execution = start(machine, "{}");
        finish(execution);
        var ids = new ArrayList<Long>();
        sfn.getExecutionHistoryPaginator(request -> request.executionArn(execution.arn())
                        .maxResults(1)
                        .reverseOrder(true)
                        .includeExecutionData(false))
                .events()
                .forEach(event -> ids.add(event.id()));
        assertEquals(List.of(4L, 3L, 2L, 1L), ids);
    }

    @Test
    void startingNeedsTheRightOnTheMachine() {
        var machine = machine("guarded", null, """
            {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": {"Type": "Succeed"}}}\
            """);
        var role = TestFunctions.role(cloud, "nobody", "lambda.amazonaws.com", null);
        try (var stranger = client(cloud.iam().session(role, "test"))) {
            var denied = assertThrows(
                    SfnException.class, () -> stranger.startExecution(request -> request.stateMachineArn(machine)));
            assertEquals("AccessDeniedException", denied.awsErrorDetails().errorCode());
        }
    }
}
