package cloudhsm.pipeline.localcloud.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CloudFormationServiceTest {
    private final LocalCloud cloud = LocalCloud.start();

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        cloud.close();
    }

    private String call(String operation, Map<String, String> parameters) {
        var query = new HashMap<String, List<String>>();
        parameters.forEach((name, value) -> query.put(name, List.of(value)));
        var request = new AwsRequest(
                "cloudformation",
                "POST",
                "/",
                query,
                Map.of(),
                new byte[0],
                cloud.iam().administrator(),
                "request");
        var answer = cloud.cloudFormation().handle(operation, Json.object(), request);
        return new String(answer.body(), StandardCharsets.UTF_8);
    }

    private AwsException refusal(String operation, Map<String, String> parameters) {
        return assertThrows(AwsException.class, () -> call(operation, parameters));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "Resources: [ | YAML not well-formed",
                "text | unsupported structure",
                "Parameters: {} | At least one Resources member must be defined",
                "Resources: {A: {Kind: AWS::SNS::Topic}} | Every Resources object must contain a Type member",
                "Resources: {A-1: {Type: AWS::SNS::Topic}} | is non alphanumeric",
                "{Resource: {}, Resources: {A: {Type: AWS::SNS::Topic}}} | Invalid template property or properties"
                        + " [Resource]",
                "Resources: {A: {Type: AWS::SNS::Topic, Properties: {KmsMasterKeyId: !Ref Key}}}"
                        + " | Unresolved resource dependencies [Key]"
            })
    void aTemplateThatIsNoneIsRefused(String body, String message) {
        var refused = refusal("ValidateTemplate", Map.of("TemplateBody", body));
        assertEquals("ValidationError", refused.code());
        assertTrue(refused.getMessage().contains(message), refused::getMessage);
    }

    @Test
    void aBodyHas51200BytesAtMost() {
        var body = "Resources: {A: {Type: AWS::SNS::Topic}} # ";
        call("ValidateTemplate", Map.of("TemplateBody", body + "x".repeat(51_200 - body.length())));
        var refused = refusal("ValidateTemplate", Map.of("TemplateBody", body + "x".repeat(51_201 - body.length())));
        assertTrue(refused.getMessage().contains("less than or equal to 51200"), refused::getMessage);
    }

    @Test
    void whatATransformMakesMayBeReferredTo() {
        var answer = call("ValidateTemplate", Map.of("TemplateBody", """
            Transform: AWS::Serverless-2016-10-31
            Resources:
              A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt FunctionRole.Arn}}
            """));
        assertTrue(answer.contains("<DeclaredTransforms><member>AWS::Serverless-2016-10-31"), answer);
        assertTrue(answer.contains("CAPABILITY_AUTO_EXPAND"), answer);
    }

    @Test
    void aStackIsDescribedAsItWasDeployed() throws IOException {
        var template = Files.writeString(directory.resolve("template.yaml"), """
            Parameters:
              Name: {Type: String, Default: one}
              Hidden: {Type: String, Default: two, NoEcho: true}
            Resources:
              Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref Name}}
            """);
        Stack.deploy(cloud, template, "demo", Map.of());
        var stack = call("DescribeStacks", Map.of("StackName", "demo"));
        assertTrue(stack.contains("<ParameterKey>Name</ParameterKey><ParameterValue>one<"), stack);
        assertTrue(stack.contains("<ParameterKey>Hidden</ParameterKey><ParameterValue>****<"), stack);
        var resources = call("ListStackResources", Map.of("StackName", "demo"));
        assertTrue(
                resources.contains("<LogicalResourceId>Topic</LogicalResourceId><PhysicalResourceId>arn:aws:sns:"),
                resources);
        assertTrue(call("GetTemplate", Map.of("StackName", "demo")).contains("TopicName: !Ref Name"));
    }

    @Test
    void anUnknownStackIsRefused() {
        for (var operation : List.of("DescribeStacks", "ListStackResources", "GetTemplate")) {
            assertEquals(
                    "Stack with id other does not exist",
                    refusal(operation, Map.of("StackName", "other")).getMessage());
        }
    }
}
