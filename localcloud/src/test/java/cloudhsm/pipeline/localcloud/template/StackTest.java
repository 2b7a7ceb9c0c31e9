package cloudhsm.pipeline.localcloud.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.lambda.TestFunctions;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

class StackTest {
    private final LocalCloud cloud = LocalCloud.start();

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        cloud.close();
    }

    private Stack small(Map<String, String> overrides) throws URISyntaxException {
        var root = Path.of(StackTest.class.getResource("/templates/small").toURI());
        return Stack.deploy(cloud, root.resolve("template.yaml"), "demo", overrides);
    }

    private String refusal(String template, Map<String, String> overrides) throws IOException {
        Files.writeString(directory.resolve("template.yaml"), template);
        return assertThrows(
                        TemplateException.class,
                        () -> Stack.deploy(cloud, directory.resolve("template.yaml"), "demo", overrides))
                .getMessage();
    }

    @Test
    void outputsAreTheValuesOfTheirFunctions() throws URISyntaxException {
        var stack = small(Map.of());
        assertEquals(stack.resource("Uploads"), stack.outputs().get("QueueUrl"));
        assertEquals(
                "demo." + stack.resource("Waits") + "-b-no", stack.outputs().get("Text"));
        assertFalse(stack.outputs().containsKey("Email"), "its condition does not hold");
        assertTrue(stack.resource("Waits").matches("demo-Waits-[a-z2-7]{12}"), stack.resource("Waits"));
    }

    @Test
    void conditionCreatesTheSubscription() throws URISyntaxException {
        var stack = small(Map.of("Email", "ops@example.com"));
        assertEquals("ops@example.com", stack.outputs().get("Email"));
        assertTrue(stack.resource("AlertsByEmail").startsWith(stack.resource("Alerts")));
        assertThrows(
                TemplateException.class,
                () -> small(Map.of()).resource("AlertsByEmail"),
                "without an address nobody must be subscribed");
    }

    @Test
    void deployedRuleReachesTheDeployedQueueThroughItsPolicy() throws URISyntaxException {
        var stack = small(Map.of());
        var queue = stack.attribute("Uploads", "Arn");
        cloud.events()
                .publish(
                        "cloudhsm.pipeline",
                        "HSM State Change",
                        List.of(),
                        Json.object().put("current", "ACTIVE"));
        cloud.events()
                .publish(
                        "cloudhsm.pipeline",
                        "HSM State Change",
                        List.of(),
                        Json.object().put("current", "FAILED"));
        cloud.advance(Duration.ofSeconds(1));
        assertEquals(List.of(), cloud.events().failedDeliveries());
        assertEquals(1, cloud.sqs().receive(queue, 10).size());
    }

    @Test
    void includedFileIsTheTrustPolicy() throws URISyntaxException {
        var role = cloud.iam().role(small(Map.of()).resource("ClientRole")).orElseThrow();
        assertEquals(
                List.of("ec2.amazonaws.com"),
                role.trust().statements().getFirst().principals());
        assertTrue(role.policies().containsKey("AmazonSSMManagedInstanceCore"));
    }

    @Test
    void invalidParameterIsNamed() {
        for (var bad : Map.of("Stage", "other", "Retries", "11", "Email", "nobody", "Unknown", "x")
                .entrySet()) {
            var refused = assertThrows(TemplateException.class, () -> small(Map.of(bad.getKey(), bad.getValue())));
            assertTrue(refused.getMessage().contains(bad.getKey()), refused.getMessage());
        }
    }

    @Test
    void unknownPropertyIsNamed() throws IOException {
        var refused = refusal("Resources: { Q: { Type: AWS::SNS::Topic, Properties: { TopicNam: x } } }", Map.of());
        assertEquals("Resource Q (AWS::SNS::Topic): the embedded AWS does not support the property TopicNam", refused);
    }

    @Test
    void unknownTypeIsNamed() throws IOException {
        var refused = refusal("Resources: { S: { Type: AWS::Scheduler::Schedule } }", Map.of());
        assertTrue(refused.contains("S") && refused.contains("AWS::Scheduler::Schedule"), refused);
    }

    @Test
    void cycleIsNamed() throws IOException {
        var refused = refusal("""
            Resources:
              A: { Type: AWS::SQS::Queue, Properties: { QueueName: !Sub "${B.QueueName}-a" } }
              B: { Type: AWS::SQS::Queue, Properties: { QueueName: !Sub "${A.QueueName}-b" } }
            """, Map.of());
        assertEquals("Circular dependency between resources: A → B → A", refused);
    }

    @Test
    void referenceToNothingIsNamed() throws IOException {
        var refused = refusal(
                "Resources: { A: { Type: AWS::SQS::Queue, Properties: { QueueName: !Ref Nothing } } }", Map.of());
        assertTrue(refused.contains("unresolved reference to Nothing"), refused);
    }

    @Test
    void attributeThatTheTypeDoesNotHaveIsNamed() throws IOException {
        var refused = refusal("""
            Resources: { A: { Type: AWS::SQS::Queue } }
            Outputs: { Wrong: { Value: !GetAtt A.Url } }
            """, Map.of());
        assertEquals("Template error: resource A has no attribute Url; it has [Arn, QueueName, QueueUrl]", refused);
    }

    @Test
    void placeholderThatNothingFillsIsNamed() throws IOException {
        Files.writeString(directory.resolve("a.asl.json"), "{\"StartAt\":\"${First}\",\"Comment\":\"${Second}\"}");
        var template = """
            Transform: AWS::Serverless-2016-10-31
            Resources:
              M:
                Type: AWS::Serverless::StateMachine
                Properties: { DefinitionUri: a.asl.json, DefinitionSubstitutions: { First: x%s } }
            """;
        var unfilled = refusal(template.formatted(""), Map.of());
        assertTrue(unfilled.contains("the definition uses [Second]"), unfilled);
        var unused = refusal(template.formatted(", Second: y, Third: z"), Map.of());
        assertTrue(unused.contains("gives [Third], which the definition does not use"), unused);
    }

    @Test
    void definitionThatStepFunctionsRefusesIsNotDeployed() throws IOException {
        var refused = refusal("""
            Transform: AWS::Serverless-2016-10-31
            Resources:
              M:
                Type: AWS::Serverless::StateMachine
                Properties:
                  Definition:
                    QueryLanguage: JSONata
                    StartAt: A
                    States: { A: { Type: Pass, Output: "{% phone %}", End: true } }
            """, Map.of());
        assertTrue(
                refused.contains("Reference to 'phone' at the top level is not supported. at /States/A/Output"),
                refused);
    }

    @Test
    void functionWithoutItsArtifactSaysHowToBuildIt() throws IOException {
        var refused = refusal("""
            Transform: AWS::Serverless-2016-10-31
            Globals: { Function: { Runtime: java25 } }
            Resources:
              F: { Type: AWS::Serverless::Function, Properties: { CodeUri: missing.zip, Handler: a.B } }
            """, Map.of());
        assertTrue(refused.contains("F") && refused.contains("mvn package"), refused);
    }

    @Test
    void globalsAreMergedBelowTheFunctionsOwn() {
        var globals = Json.parse("{\"Timeout\":60,\"Environment\":{\"Variables\":{\"A\":\"1\",\"B\":\"1\"}}}");
        var own = Json.parse("{\"Timeout\":5,\"Environment\":{\"Variables\":{\"B\":\"2\"}}}");
        assertEquals(
                Json.parse("{\"Timeout\":5,\"Environment\":{\"Variables\":{\"A\":\"1\",\"B\":\"2\"}}}"),
                Functions.withGlobals(globals, own));
    }

    @Test
    void propertiesThatSamTakesFromFunctionsAloneAreRefusedInGlobals() throws IOException {
        for (var property : List.of("Policies: [AWSXRayDaemonWriteAccess]", "FunctionName: f", "Events: {}")) {
            var refused = refusal("""
                Transform: AWS::Serverless-2016-10-31
                Globals: { Function: { %s } }
                Resources: { A: { Type: AWS::SQS::Queue } }
                """.formatted(property), Map.of());
            assertTrue(
                    refused.startsWith("'Globals' section is invalid. '" + property.replaceFirst(":.*", "") + "'"),
                    refused);
        }
    }

    @Test
    void anArchitectureThatGlobalsAlreadyGiveCannotBeReplaced() throws IOException {
        Files.writeString(directory.resolve("f.zip"), "");
        var refused = refusal("""
            Transform: AWS::Serverless-2016-10-31
            Globals: { Function: { Architectures: [arm64] } }
            Resources:
              F: { Type: AWS::Serverless::Function, Properties: { CodeUri: f.zip, Architectures: [x86_64] } }
            """, Map.of());
        assertTrue(refused.contains("one of the Architectures [arm64, x86_64]"), refused);
    }

    @Test
    void destinationsThatWouldNotBeCarriedOutAreRefused() throws IOException {
        for (var property : List.of("EventInvokeConfig: {MaximumRetryAttempts: 1}", "DeadLetterQueue: {Type: SQS}")) {
            var refused = refusal("""
                Transform: AWS::Serverless-2016-10-31
                Globals: { Function: { Runtime: java25 } }
                Resources:
                  F: { Type: AWS::Serverless::Function, Properties: { CodeUri: f.zip, Handler: a.B, %s } }
                """.formatted(property), Map.of());
            assertTrue(refused.contains("does not carry out"), refused);
        }
    }

    @Test
    void snapStartAppliedToNothingLeavesTheFunctionReadyHoweverLongItWasIdle() throws IOException {
        assertEquals(0, leftAfterTwoIdleWeeks("None"));
        assertEquals(1, leftAfterTwoIdleWeeks("PublishedVersions"), "its snapshot is gone, another takes a while");
    }

    /** Messages that a function of the template has not taken from its queue within five minutes. */
    private int leftAfterTwoIdleWeeks(String applyOn) throws IOException {
        TestFunctions.artifact(directory, false);
        Files.writeString(directory.resolve("template.yaml"), """
            Transform: AWS::Serverless-2016-10-31
            Resources:
              Queue: { Type: AWS::SQS::Queue, Properties: { VisibilityTimeout: 60 } }
              F:
                Type: AWS::Serverless::Function
                Properties:
                  CodeUri: handlers.zip
                  Handler: cloudhsm.pipeline.localcloud.lambda.handlers.Consumer
                  Runtime: java25
                  AutoPublishAlias: live
                  SnapStart: { ApplyOn: %s }
                  Environment: { Variables: { STAGE: one } }
                  Events: { Messages: { Type: SQS, Properties: { Queue: !GetAtt Queue.Arn } } }
            """.formatted(applyOn));
        var stack = Stack.deploy(cloud, directory.resolve("template.yaml"), applyOn.toLowerCase(Locale.ROOT), Map.of());
        var url = cloud.sqs().queueUrl(stack.resource("Queue"));
        var sqs = cloud.client(SqsClient.builder());
        for (int i = 0; i < 2; i++) {
            sqs.sendMessage(send -> send.queueUrl(url).messageBody("good"));
            cloud.advance(Duration.ofMinutes(5));
            if (i == 0) cloud.advance(Duration.ofDays(15));
        }
        return sqs
                .getQueueAttributes(get -> get.queueUrl(url).attributeNames(QueueAttributeName.ALL))
                .attributes()
                .entrySet()
                .stream()
                .filter(attribute -> attribute.getKey().name().startsWith("APPROXIMATE_NUMBER_OF_MESSAGES"))
                .mapToInt(attribute -> Integer.parseInt(attribute.getValue()))
                .sum();
    }
}
