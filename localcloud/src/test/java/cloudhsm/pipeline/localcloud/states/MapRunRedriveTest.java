package cloudhsm.pipeline.localcloud.states;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.lambda.TestFunctions;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.ExecutionRedriveStatus;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;
import software.amazon.awssdk.services.sfn.model.MapRunStatus;
import software.amazon.awssdk.services.sqs.SqsClient;

/**
 * What AWS says of redriving Map Runs.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html">Redriving Map Runs</a>
 */
class MapRunRedriveTest {
    private static final String START = allow("states:StartExecution") + "," + allow("states:DescribeExecution") + ","
            + allow("states:StopExecution");
    private static final String REDRIVE = allow("states:RedriveExecution");
    private static final String SEND = allow("sqs:SendMessage");

    private final LocalCloud cloud = LocalCloud.start();
    private final SfnClient sfn = cloud.client(SfnClient.builder());
    private final SqsClient sqs = cloud.client(SqsClient.builder());

    @AfterEach
    void close() {
        sqs.close();
        sfn.close();
        cloud.close();
    }

    private static String allow(String action) {
        return "{\"Effect\": \"Allow\", \"Action\": \"" + action + "\", \"Resource\": \"*\"}";
    }

    /** Each item waits, then sends itself to the queue that it names: that fails while there is no such queue. */
    private String start(String fields, String items, String... statements) {
        var role = TestFunctions.role(
                cloud, "machine", "states.amazonaws.com", "{\"Statement\": [" + String.join(",", statements) + "]}");
        var machine = cloud.states().createStateMachine("objects", """
            {"QueryLanguage": "JSONata", "StartAt": "M", "States": {
             "M": {"Type": "Map", "Label": "each", "Next": "After", %s
              "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
               "StartAt": "W", "States": {
                "W": {"Type": "Wait", "Seconds": 60, "Next": "Send"},
                "Send": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true,
                 "Arguments": {"MessageBody": "x", "QueueUrl":
                  "{%% 'http://sqs.eu-central-1.amazonaws.com/111122223333/' & $states.input %%}"},
                 "Output": "{%% $states.input %%}"}}}},
             "After": {"Type": "Pass", "End": true}}}\
            """.formatted(fields), role);
        return cloud.states().startExecution(machine, "run", Json.parse(items));
    }

    private void queue(String name) {
        sqs.createQueue(create -> create.queueName(name));
    }

    private Execution end(String arn) {
        var execution = cloud.states().execution(arn);
        cloud.time().runUntil(() -> execution.status() != Execution.Status.RUNNING, Duration.ofDays(1));
        return execution;
    }

    private Execution redrive(String arn) {
        sfn.redriveExecution(request -> request.executionArn(arn));
        return end(arn);
    }

    private String mapRun(String arn) {
        return sfn.listMapRuns(list -> list.executionArn(arn))
                .mapRuns()
                .getFirst()
                .mapRunArn();
    }

    private List<software.amazon.awssdk.services.sfn.model.ExecutionListItem> children(String arn) {
        return sfn.listExecutions(list -> list.mapRunArn(mapRun(arn))).executions();
    }

    private static List<String> texts(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }

    @Test
    void childrenThatFailedGoOnWhereTheyFailedAndThoseThatSucceededDoNotRunAgain() {
        queue("a");
        queue("c");
        var arn = start(
                "\"ToleratedFailureCount\": 0, \"MaxConcurrency\": 3,", "[\"a\", \"b\", \"c\"]", START, REDRIVE, SEND);
        assertEquals("States.ExceedToleratedFailureThreshold", end(arn).error().orElseThrow());
        var succeededBefore = children(arn).stream()
                .filter(child -> child.status() == ExecutionStatus.SUCCEEDED)
                .count();
        queue("b");
        cloud.advance(Duration.ofMinutes(1));
        var before = cloud.time().now();

        var redriven = redrive(arn);
        assertEquals(Execution.Status.SUCCEEDED, redriven.status(), () -> redriven.error() + ": " + redriven.cause());
        assertEquals(List.of("a", "b", "c"), texts(redriven.output().orElseThrow()));
        assertEquals(
                true,
                Duration.between(before, cloud.time().now()).toSeconds() < 60,
                "the failed child goes on with its task, not with the Wait before it");
        var run = sfn.describeMapRun(describe -> describe.mapRunArn(mapRun(arn)));
        assertEquals(MapRunStatus.SUCCEEDED, run.status());
        assertEquals(1, run.redriveCount());
        assertEquals(3, run.itemCounts().succeeded());
        assertEquals(3, children(arn).size(), "the same executions");
        assertEquals(
                3 - succeededBefore,
                children(arn).stream()
                        .filter(child -> child.redriveCount() == 1)
                        .count());
        assertEquals(
                1,
                redriven.historyEvents().stream()
                        .filter(event -> event.path("type").asText().equals("MapRunRedriven"))
                        .count());
    }

    @Test
    void childrenThatWereStoppedOrNeverStartedRunToo() {
        queue("c");
        var arn = start("\"MaxConcurrency\": 1,", "[\"a\", \"b\", \"c\"]", START, REDRIVE, SEND);
        assertEquals(Execution.Status.FAILED, end(arn).status());
        assertEquals(1, children(arn).size(), "one failure is one too many");
        queue("a");
        queue("b");
        assertEquals(List.of("a", "b", "c"), texts(redrive(arn).output().orElseThrow()));
    }

    @Test
    void childThatFailsAgainFailsTheRunAgain() {
        var arn = start("", "[\"a\"]", START, REDRIVE, SEND);
        end(arn);
        assertEquals(
                "States.ExceedToleratedFailureThreshold", redrive(arn).error().orElseThrow());
        queue("a");
        assertEquals(Execution.Status.SUCCEEDED, redrive(arn).status());
        assertEquals(
                2,
                sfn.describeMapRun(describe -> describe.mapRunArn(mapRun(arn))).redriveCount());
    }

    @Test
    void roleNeedsTheRightToRedrive() {
        var arn = start("", "[\"a\"]", START, SEND);
        end(arn);
        queue("a");
        var redriven = redrive(arn);
        assertEquals("States.Permissions", redriven.error().orElseThrow());
        assertEquals(true, redriven.cause().orElseThrow().contains("states:RedriveExecution"));
    }

    @Test
    void onlyTheMapRunRedrivesAChild() {
        var arn = start("", "[\"a\"]", START, REDRIVE, SEND);
        end(arn);
        var child = children(arn).getFirst().executionArn();
        assertEquals(
                ExecutionRedriveStatus.REDRIVABLE_BY_MAP_RUN,
                sfn.describeExecution(describe -> describe.executionArn(child)).redriveStatus());
    }
}
