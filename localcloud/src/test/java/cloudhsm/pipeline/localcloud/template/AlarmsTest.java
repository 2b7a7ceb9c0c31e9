package cloudhsm.pipeline.localcloud.template;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Alarms, dashboards and snapshots that CloudWatch or Lambda would refuse, or that could never work. */
class AlarmsTest {
    private static final String ALARM = """
        Resources:
          Topic: { Type: AWS::SNS::Topic }
          Alarm:
            Type: AWS::CloudWatch::Alarm
            Properties:
              Namespace: Ours
              MetricName: Left
              Statistic: Sum
              Period: 300
              EvaluationPeriods: 1
              Threshold: 0
              ComparisonOperator: GreaterThanThreshold
              AlarmActions: [!Ref Topic]
        """;

    private final LocalCloud cloud = LocalCloud.start();

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        cloud.close();
    }

    private void deploy(String template) throws IOException {
        Files.writeString(directory.resolve("template.yaml"), template);
        Stack.deploy(cloud, directory.resolve("template.yaml"), "demo", Map.of());
    }

    private String refusal(String template) {
        return assertThrows(TemplateException.class, () -> deploy(template)).getMessage();
    }

    @Test
    void aCompleteAlarmIsDeployed() {
        assertDoesNotThrow(() -> deploy(ALARM));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "Statistic: Sum            | Statistic: Total                  | Statistic must be one of",
                "Period: 300               | Period: 45                        | Period must be",
                "Period: 300               | Unit: Count                       | Period is required",
                "EvaluationPeriods: 1      | EvaluationPeriods: 0              | EvaluationPeriods must be",
                "Threshold: 0              | Threshold: many                   | Threshold must be a number",
                "GreaterThanThreshold      | Greater                           | ComparisonOperator must be one of",
                "MetricName: Left          | Unit: Count                       | either Metrics or MetricName",
                "{ Type: AWS::SNS::Topic } | { Type: AWS::SNS::Topic, Properties: { KmsMasterKeyId: alias/aws/sns } } "
                        + "| whose policy does not admit CloudWatch"
            })
    void whatCloudWatchWouldNotTakeOrCouldNotDeliverIsRefused(String right, String wrong, String message) {
        var refused = refusal(ALARM.replace(right, wrong));
        assertTrue(refused.contains("Resource Alarm") && refused.contains(message), refused);
    }

    @Test
    void whatTellsOfSilenceMustReachItsTopicToo() {
        var alarm = ALARM.replace("AlarmActions", "InsufficientDataActions")
                .replace(
                        "{ Type: AWS::SNS::Topic }",
                        "{ Type: AWS::SNS::Topic, Properties: { KmsMasterKeyId: alias/aws/sns } }");
        var refused = refusal(alarm);
        assertTrue(refused.contains("whose policy does not admit CloudWatch"), refused);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{                                                                        | is not JSON",
                "{}                                                                       | no list of widgets",
                "{\"widgets\":[{\"type\":\"chart\"}]}                                     | type of a widget must be"
                        + " one of",
                "{\"widgets\":[{\"type\":\"text\",\"x\":0,\"y\":0,\"width\":6}]}          | has no height",
                "{\"widgets\":[{\"type\":\"text\",\"x\":20,\"y\":0,\"width\":6,\"height\":6,\"properties\":{}}]} "
                        + "| beyond the 24 columns",
                "{\"widgets\":[{\"type\":\"metric\",\"x\":0,\"y\":0,\"width\":6,\"height\":6,\"properties\":{}}]} "
                        + "| needs its region"
            })
    void aDashboardThatWouldShowErrorsIsRefused(String body, String message) {
        var refused = refusal("Resources: { Board: { Type: AWS::CloudWatch::Dashboard, Properties: { DashboardBody: '"
                + body + "' } } }");
        assertTrue(refused.contains(message), refused);
    }
}
