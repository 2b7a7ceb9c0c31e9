package cloudhsm.pipeline.localcloud.states;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.Stack;
import cloudhsm.pipeline.localcloud.template.TemplateException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A state machine whose task waits in vain for its token, deployed with each LoggingConfiguration. */
class ExecutionLogTest {
    private static final String LOG_GROUP = "/aws/vendedlogs/states/demo";

    private static final String DELIVERY = """
        - logs:CreateLogDelivery
                            - logs:GetLogDelivery
                            - logs:UpdateLogDelivery
                            - logs:DeleteLogDelivery
                            - logs:ListLogDeliveries
                            - logs:PutResourcePolicy
                            - logs:DescribeResourcePolicies
                            - logs:DescribeLogGroups\
        """;

    private static final String TEMPLATE = """
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Logs: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /aws/vendedlogs/states/demo } }
          Tasks: { Type: AWS::SQS::Queue }
          Machine:
            Type: AWS::Serverless::StateMachine
            Properties:
              Name: machine
              Logging: LOGGING
              Policies:
                - Statement:
                    - { Effect: Allow, Action: "sqs:SendMessage", Resource: !GetAtt Tasks.Arn }
                    - Effect: Allow
                      Action:
                            DELIVERY
                      Resource: "*"
              Definition:
                QueryLanguage: JSONata
                StartAt: Assign
                States:
                  Assign: { Type: Pass, Assign: { kept: an assigned value }, Output: an output, Next: Ask }
                  Ask:
                    Type: Task
                    Resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
                    Arguments: { QueueUrl: !Ref Tasks, MessageBody: "{% 'token ' & $states.context.Task.Token %}" }
                    TimeoutSeconds: 60
                    Catch: [{ ErrorEquals: [States.Timeout], Next: GiveUp }]
                    End: true
                  GiveUp: { Type: Fail, Error: Late, Cause: nobody answered }
        """;

    private static final String DESTINATION =
            "Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: !GetAtt Logs.Arn } }]";

    private final LocalCloud cloud = LocalCloud.start();

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        cloud.close();
    }

    private void deploy(LocalCloud target, String logging, String delivery) throws IOException {
        var file = Files.writeString(
                directory.resolve("template.yaml"),
                TEMPLATE.replace("LOGGING", logging).replace("DELIVERY", delivery));
        Stack.deploy(target, file, "demo", Map.of());
    }

    /** Runs an execution under the configuration. Returns the entries of the log. */
    private List<JsonNode> logged(String level, boolean includeExecutionData) throws IOException {
        deploy(
                cloud,
                "{ Level: \"%s\", IncludeExecutionData: %s, %s }".formatted(level, includeExecutionData, DESTINATION),
                DELIVERY);
        cloud.states().startExecution(machine(), "run", Json.parse("{\"given\": \"an input\"}"));
        cloud.advance(Duration.ofMinutes(2));
        var found = cloud.endpoint()
                .call(
                        cloud.iam().administrator(),
                        "logs",
                        "FilterLogEvents",
                        Json.object().put("logGroupName", LOG_GROUP));
        return StreamSupport.stream(found.path("events").spliterator(), false)
                .map(event -> Json.parse(event.path("message").asText()))
                .toList();
    }

    private String machine() {
        return cloud.account().arn("states", "stateMachine:machine");
    }

    private static List<String> types(List<JsonNode> entries) {
        return entries.stream().map(entry -> entry.path("type").asText()).toList();
    }

    private List<String> history() {
        return cloud.states().execution(cloud.account().arn("states", "execution:machine:run")).historyEvents().stream()
                .map(event -> event.path("type").asText())
                .toList();
    }

    @Test
    void levelAllShowsEveryEvent() throws IOException {
        var entries = logged("ALL", false);
        assertEquals(history(), types(entries));
        assertTrue(entries.size() > 8, entries.toString());
    }

    @Test
    void levelErrorShowsWhatFailed() throws IOException {
        assertEquals(List.of("TaskTimedOut", "FailStateEntered", "ExecutionFailed"), types(logged("ERROR", false)));
    }

    @Test
    void levelFatalShowsHowTheExecutionEnded() throws IOException {
        assertEquals(List.of("ExecutionFailed"), types(logged("FATAL", false)));
    }

    @Test
    void levelOffShowsNothing() throws IOException {
        assertEquals(List.of(), logged("OFF", true));
    }

    @Test
    void anEntryHoldsTextsOnlyAndNamesItsExecution() throws IOException {
        var first = logged("ALL", true).getFirst();
        var execution = cloud.states().execution(cloud.account().arn("states", "execution:machine:run"));
        assertEquals(
                Json.parse("""
                    {"id": "1", "type": "ExecutionStarted", "previous_event_id": "0", "redrive_count": "0",
                     "details": {"input": "{\\"given\\":\\"an input\\"}", "inputDetails": {"truncated": "false"},
                      "roleArn": "%s"}, "event_timestamp": "%d", "execution_arn": "%s"}\
                    """.formatted(
                                first.at("/details/roleArn").asText(),
                                execution.started().toEpochMilli(),
                                execution.arn())),
                first);
    }

    @Test
    void aStreamIsThatOfTheMachineAndTheHour() throws IOException {
        logged("ALL", false);
        var streams = cloud.endpoint()
                .call(
                        cloud.iam().administrator(),
                        "logs",
                        "DescribeLogStreams",
                        Json.object().put("logGroupName", LOG_GROUP));
        var name = streams.at("/logStreams/0/logStreamName").asText();
        assertTrue(name.matches("states/machine/\\d{4}-\\d\\d-\\d\\d-\\d\\d/00000000"), name);
    }

    @Test
    void withoutExecutionDataNoValueIsShownButErrorsAndCausesAre() throws IOException {
        var text = logged("ALL", false).toString();
        for (var value : List.of("an input", "an output", "an assigned value", "token AQC")) {
            assertFalse(text.contains(value), value + " in " + text);
        }
        assertTrue(
                text.contains("\"cause\":\"nobody answered\",\"error\":\"Late\"")
                        || text.contains("\"error\":\"Late\",\"cause\":\"nobody answered\""),
                text);
    }

    @Test
    void withExecutionDataEveryValueIsShown() throws IOException {
        var text = logged("ALL", true).toString();
        for (var value : List.of("an input", "an output", "an assigned value", "token AQC")) {
            assertTrue(text.contains(value), value + " not in " + text);
        }
    }

    @Test
    void aLoggingConfigurationThatAwsRefusesIsNotDeployed() throws IOException {
        refused("Level SOME is none of [ALL, ERROR, FATAL, OFF]", "{ Level: SOME, " + DESTINATION + " }", DELIVERY);
        refused("Level ERROR needs exactly one of Destinations", "{ Level: ERROR }", DELIVERY);
        refused(
                "ends with :*",
                "{ Level: ERROR, Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn: !Ref Logs } }] }",
                DELIVERY);
        refused(
                "Log Destination elsewhere not found",
                "{ Level: ERROR, Destinations: [{ CloudWatchLogsLogGroup: { LogGroupArn:"
                        + " !Sub \"arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:elsewhere:*\" } }] }",
                DELIVERY);
        refused(
                "lacks logs:PutResourcePolicy",
                "{ Level: ERROR, " + DESTINATION + " }",
                DELIVERY.replace("PutResourcePolicy", "PutRetentionPolicy"));
        refused("does not support the property Levels", "{ Levels: ERROR }", DELIVERY);
    }

    private void refused(String because, String logging, String delivery) {
        try (var other = LocalCloud.start()) {
            var refusal = assertThrows(TemplateException.class, () -> deploy(other, logging, delivery));
            assertTrue(refusal.getMessage().contains(because), refusal.getMessage());
        }
    }
}
