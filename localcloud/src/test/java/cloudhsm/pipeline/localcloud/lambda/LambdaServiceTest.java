package cloudhsm.pipeline.localcloud.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.lambda.model.InvocationType;
import software.amazon.awssdk.services.lambda.model.LambdaException;
import software.amazon.awssdk.services.lambda.model.ResourceNotFoundException;

class LambdaServiceTest {
    @TempDir
    private Path directory;

    private final LocalCloud cloud = LocalCloud.start();
    private Path artifact;

    @BeforeEach
    void build() {
        artifact = TestFunctions.artifact(directory, false);
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private LambdaClient client(Identity identity) {
        return LambdaClient.builder()
                .endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .httpClientBuilder(UrlConnectionHttpClient.builder())
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(identity.accessKeyId(), identity.secretAccessKey())))
                .overrideConfiguration(override -> override.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build();
    }

    private JsonNode invoke(String function) {
        var result = cloud.lambda().invoke(function, "{}".getBytes(StandardCharsets.UTF_8));
        assertEquals("", result.functionError(), new String(result.payload(), StandardCharsets.UTF_8));
        return Json.parse(result.payload());
    }

    @Test
    void functionSeesItsOwnEnvironmentHoweverItReads() {
        TestFunctions.create(cloud, artifact, "first", "Surroundings", "one");
        TestFunctions.create(cloud, artifact, "second", "Surroundings", "two");
        for (var run = 0; run < 2; run++) {
            for (var reading : new String[] {"stage", "atConstruction", "byReference", "inMap", "inVirtualThread"}) {
                assertEquals("one", invoke("first").path(reading).asText(), reading);
                assertEquals("two", invoke("second").path(reading).asText(), reading);
            }
        }
        assertEquals("null", invoke("first").path("path").asText(), "this machine's environment must not leak in");
    }

    @Test
    void contextNamesTheFunctionThoughTheArtifactIsShared() {
        TestFunctions.create(cloud, artifact, "first", "Surroundings", "one");
        TestFunctions.create(cloud, artifact, "second", "Surroundings", "two");
        assertEquals("first", invoke("first").path("functionName").asText());
        assertEquals("second", invoke("second").path("functionName").asText());
    }

    @Test
    void functionReadsSimulatedTime() {
        TestFunctions.create(cloud, artifact, "clock", "Surroundings", "one");
        cloud.advance(Duration.ofDays(8));
        assertEquals("2026-11-10T09:00:00Z", invoke("clock").path("time").asText());
    }

    @Test
    void errorTypeIsTheExceptionsFullClassName() {
        TestFunctions.create(cloud, artifact, "failing", "Failing", "one");
        var result = cloud.lambda().invoke("failing", "{}".getBytes(StandardCharsets.UTF_8));
        var error = Json.parse(result.payload());
        assertEquals("Unhandled", result.functionError());
        assertEquals(
                "cloudhsm.pipeline.localcloud.lambda.handlers.Failing$ClusterNotFound",
                error.path("errorType").asText());
        assertEquals("there is no cluster-abc", error.path("errorMessage").asText());
        assertTrue(error.path("stackTrace").get(0).asText().contains("Failing.handleRequest"), error.toString());
    }

    @Test
    void missingHandlerClassIsReportedByTheInvocation() {
        TestFunctions.create(cloud, artifact, "absent", "Absent", "one");
        var result = cloud.lambda().invoke("absent", "{}".getBytes(StandardCharsets.UTF_8));
        assertEquals("Unhandled", result.functionError());
        assertEquals(
                "java.lang.ClassNotFoundException",
                Json.parse(result.payload()).path("errorType").asText());
    }

    @Test
    void s3ClientReachesTheEmbeddedAwsByEnvironmentAlone() {
        var withSdk = TestFunctions.artifact(directory, true);
        TestFunctions.create(cloud, withSdk, "buckets", "Buckets", "one");
        assertEquals(
                cloud.uri() + "/reports/q3.csv",
                invoke("buckets").asText(),
                "an endpoint that is an address leaves no room for virtual-host addressing");
    }

    @Test
    void syncInvokeOverHttpCarriesTheFunctionError() {
        TestFunctions.create(cloud, artifact, "echo", "Echo", "one");
        TestFunctions.create(cloud, artifact, "failing", "Failing", "one");
        var lambda = client(cloud.iam().administrator());
        var answer =
                lambda.invoke(request -> request.functionName("echo").payload(SdkBytes.fromUtf8String("{\"a\":1}")));
        assertEquals("{\"a\":1}", answer.payload().asUtf8String());
        assertEquals("$LATEST", answer.executedVersion());
        assertEquals(
                "Unhandled",
                lambda.invoke(request -> request.functionName("failing")).functionError());
        assertThrows(ResourceNotFoundException.class, () -> lambda.invoke(request -> request.functionName("nobody")));
    }

    @Test
    void asynchronousInvocationIsRetriedAfterOneAndTwoMinutes() {
        TestFunctions.create(cloud, artifact, "failing", "Failing", "one");
        var lambda = client(cloud.iam().administrator());
        var answer = lambda.invoke(request -> request.functionName("failing").invocationType(InvocationType.EVENT));
        assertEquals(202, answer.statusCode());
        cloud.advance(Duration.ofMinutes(1));
        cloud.advance(Duration.ofMinutes(2));
        assertThrows(
                IllegalStateException.class,
                () -> cloud.time().runUntil(() -> false, Duration.ofHours(6)),
                "after three attempts Lambda drops the event: nothing is scheduled any more");
    }

    @Test
    void invokingNeedsTheRightOnThisFunction() {
        var arn = TestFunctions.create(cloud, artifact, "echo", "Echo", "one");
        TestFunctions.create(cloud, artifact, "other", "Echo", "one");
        var role = TestFunctions.role(cloud, "caller", "states.amazonaws.com", """
            {"Statement": {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "%s"}}\
            """.formatted(arn));
        var lambda = client(cloud.iam().session(role, "test"));
        assertEquals(200, lambda.invoke(request -> request.functionName("echo")).statusCode());
        var denied = assertThrows(LambdaException.class, () -> lambda.invoke(request -> request.functionName("other")));
        assertEquals(403, denied.statusCode());
        assertEquals("AccessDeniedException", denied.awsErrorDetails().errorCode());
    }

    @Test
    void servicesInvokeOnlyWithTheFunctionsPermission() {
        var arn = TestFunctions.create(cloud, artifact, "echo", "Echo", "one");
        var rule = "arn:aws:events:eu-central-1:111122223333:rule/tick";
        var payload = "{}".getBytes(StandardCharsets.UTF_8);
        assertThrows(
                AwsException.class,
                () -> cloud.lambda().invokeLaterAs("events.amazonaws.com", rule, arn, payload),
                "a rule without lambda:AddPermission invokes nothing");
        cloud.lambda().addPermission("echo", "events.amazonaws.com", rule);
        cloud.lambda().invokeLaterAs("events.amazonaws.com", rule, arn, payload);
        assertThrows(
                AwsException.class,
                () -> cloud.lambda().invokeLaterAs("events.amazonaws.com", rule + "-2", arn, payload),
                "the permission names another rule");
    }

    @Test
    void killedInvocationIsReportedAsRuntimeExit() {
        TestFunctions.create(cloud, artifact, "echo", "Echo", "one");
        cloud.lambda().failNextInvocation("echo");
        var result = cloud.lambda().invoke("echo", "{}".getBytes(StandardCharsets.UTF_8));
        assertEquals(
                "Runtime.ExitError",
                Json.parse(result.payload()).path("errorType").asText());
        assertEquals(
                "",
                cloud.lambda()
                        .invoke("echo", "{}".getBytes(StandardCharsets.UTF_8))
                        .functionError());
    }

    @Test
    void roleThatLambdaMayNotAssumeIsRefused() {
        var role = TestFunctions.role(cloud, "wrong", "ec2.amazonaws.com", null);
        var refused = assertThrows(
                AwsException.class,
                () -> cloud.lambda()
                        .createFunction(new LambdaService.FunctionConfiguration(
                                "echo",
                                artifact,
                                "Echo",
                                "java25",
                                java.util.List.of("arm64"),
                                Duration.ofSeconds(3),
                                128,
                                java.util.Map.of(),
                                role,
                                "/aws/lambda/echo")));
        assertEquals("The role defined for the function cannot be assumed by Lambda.", refused.getMessage());
    }

    @Test
    void realRuntimeClientRunsTheArtifactInItsOwnProcess() {
        TestFunctions.create(cloud, artifact, "apart", "Surroundings", "one");
        // The runtime client finds the handler in the artifact's directory, its LAMBDA_TASK_ROOT.
        var result = cloud.lambda().invokeInSeparateProcess("apart", "{}".getBytes(StandardCharsets.UTF_8));
        assertEquals("", result.functionError(), new String(result.payload(), StandardCharsets.UTF_8));
        assertEquals("one", Json.parse(result.payload()).path("stage").asText());
    }

    @Test
    void credentialsThatASnapshotKeptAreVoidAfterItsRestore() {
        TestFunctions.create(cloud, artifact, "kept", "KeptCredentials", "one");
        try (var process = cloud.lambda().separateProcess("kept", LambdaProcess.Start.FROM_SNAPSHOT)) {
            var answer = Json.parse(
                    process.invoke("{}".getBytes(StandardCharsets.UTF_8)).payload());
            assertEquals("null", answer.path("inEnvironment").asText(), "a snapshot would hold them");
            var kept = accessKeyId(answer.path("kept").asText());
            var now = accessKeyId(answer.path("now").asText());
            assertNull(cloud.iam().byAccessKeyId(kept));
            assertTrue(cloud.iam().byAccessKeyId(now).arn().contains("kept-role"));
        }
    }

    private static String accessKeyId(String credentials) {
        return Json.parse(credentials.getBytes(StandardCharsets.UTF_8))
                .path("AccessKeyId")
                .asText();
    }

    @Test
    void aFunctionWhoseHookFailsGetsNoSnapshot() {
        TestFunctions.create(cloud, artifact, "hooked", "FailingHook", "one");
        try (var process = cloud.lambda().separateProcess("hooked", LambdaProcess.Start.FROM_SNAPSHOT)) {
            var refused = assertThrows(IllegalStateException.class, process::takeSnapshot);
            assertTrue(
                    refused.getMessage().startsWith("No snapshot: Runtime.BeforeCheckpointError"), refused::getMessage);
        }
    }
}
