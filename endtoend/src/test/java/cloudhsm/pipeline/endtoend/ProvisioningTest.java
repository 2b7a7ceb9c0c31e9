package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.KeyMetadata;
import software.amazon.awssdk.services.kms.model.OriginType;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** One execution with the input {} on an empty account, and what is there afterwards. */
class ProvisioningTest {
    /** All that do something when nothing goes wrong, in their order. */
    static final List<String> STAGES = StagesTest.straightWay("provision");

    /**
     * <a href="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html">SQS</a>,
     * <a href="https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html">Step Functions</a>,
     * <a href="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html">Lambda</a>.
     */
    private static final Set<String> METRICS_OF_AWS = Set.of(
            "AWS/SQS ApproximateNumberOfMessagesVisible",
            "AWS/SQS ApproximateNumberOfMessagesNotVisible",
            "AWS/States ExecutionsStarted",
            "AWS/States ExecutionsFailed",
            "AWS/States ExecutionsTimedOut",
            "AWS/Lambda Errors",
            "AWS/Lambda Throttles",
            "AWS/Lambda ConcurrentExecutions",
            "AWS/Lambda Duration");

    private static Pipeline pipeline;
    private static DescribeExecutionResponse execution;
    private static JsonNode output;

    @BeforeAll
    static void provisionOnce() {
        pipeline = Pipeline.deploy();
        execution = pipeline.provision("first", "{}");
        output = Json.parse(execution.output() == null ? "{}" : execution.output());
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    @Test
    void theEmptyInputIsEnough() {
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
    }

    @Test
    void deploymentIsRememberedAsRunningWithWhatItConsistsOf() {
        var item = pipeline.dynamoDb()
                .getItem(request -> request.tableName(
                                pipeline.deployment().stack().resource("Table"))
                        .key(Map.of(
                                "pk", AttributeValue.fromS("DEPLOYMENT"),
                                "sk", AttributeValue.fromS("default"))))
                .item();
        assertEquals("RUNNING", item.get("phase").s());
        var resources = Json.parse(item.get("resourcesDocument").s());
        assertEquals(cluster().clusterId(), resources.at("/cluster/clusterId").asText());
        assertEquals(output.path("keyArn").asText(), resources.at("/key/keyArn").asText());
    }

    @Test
    void twoHsmsAreActiveInTwoZones() {
        var cluster = cluster();
        assertEquals(ClusterState.ACTIVE, cluster.state());
        var active = cluster.hsms().stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .toList();
        assertEquals(2, active.size(), "each further HSM bills by the hour");
        assertEquals(2, active.stream().map(Hsm::availabilityZone).distinct().count());
    }

    @Test
    void oneClusterAndTwoHsmsWereEverCreated() {
        assertEquals(1, pipeline.cloud().calls("CreateCluster"));
        assertEquals(2, pipeline.cloud().calls("CreateHsm"));
        assertEquals(1, pipeline.cloud().calls("RunInstances"));
    }

    @Test
    void kmsuserIsACryptoUserOnEveryHsm() {
        var cluster = pipeline.cloud().cloudHsm().cluster(cluster().clusterId()).orElseThrow();
        var results = cluster.login("kmsuser", "not-the-password");
        assertEquals(2, results.size());
        assertFalse(
                results.values().toString().contains("USER_NOT_FOUND"),
                () -> "KMS may log in to any HSM, but found: " + results);
    }

    @Test
    void theKeyLivesInTheConnectedStoreOfThatCluster() {
        var key = key();
        assertEquals(OriginType.AWS_CLOUDHSM, key.origin());
        assertEquals(output.path("keyStoreId").asText(), key.customKeyStoreId());
        assertEquals(cluster().clusterId(), key.cloudHsmClusterId());
        var store = pipeline.kms()
                .describeCustomKeyStores(request -> request.customKeyStoreId(key.customKeyStoreId()))
                .customKeyStores()
                .getFirst();
        assertEquals(ConnectionStateType.CONNECTED, store.connectionState());
    }

    @Test
    void theBucketIsSecured() {
        var s3 = pipeline.s3();
        var bucket = bucket();
        var rule = s3.getBucketEncryption(request -> request.bucket(bucket))
                .serverSideEncryptionConfiguration()
                .rules()
                .getFirst();
        assertEquals(
                key().arn(),
                rule.applyServerSideEncryptionByDefault().kmsMasterKeyID(),
                "S3 resolves an alias elsewhere");
        assertTrue(rule.bucketKeyEnabled(), "a key store serves 1,800 requests per second at most");
        assertEquals(
                "Enabled",
                s3.getBucketVersioning(request -> request.bucket(bucket)).statusAsString());
        assertTrue(s3.getPublicAccessBlock(request -> request.bucket(bucket))
                .publicAccessBlockConfiguration()
                .restrictPublicBuckets());
        assertTrue(
                s3.getBucketPolicy(request -> request.bucket(bucket)).policy().contains("aws:SecureTransport"));
    }

    @Test
    void anUploadThatAsksForAnotherEncryptionIsPutUnderTheKeyAndOtherwiseUnchanged() {
        var s3 = pipeline.s3();
        s3.putObject(
                request -> request.bucket(bucket())
                        .key("reports/käse & brot +1.csv")
                        .metadata(Map.of("owner", "finance"))
                        .tagging("class=internal")
                        .serverSideEncryption(ServerSideEncryption.AES256),
                RequestBody.fromString("plain text"));
        var before = head("reports/käse & brot +1.csv");
        assertEquals(ServerSideEncryption.AES256, before.serverSideEncryption());

        pipeline.cloud().advance(Duration.ofSeconds(30));

        var after = head("reports/käse & brot +1.csv");
        assertEquals(key().arn(), after.ssekmsKeyId());
        assertEquals(before.eTag(), after.eTag());
        assertEquals(before.versionId(), after.versionId());
        assertEquals(before.lastModified(), after.lastModified());
        assertEquals(before.metadata(), after.metadata());
        assertEquals(
                1,
                s3.getObjectTagging(request -> request.bucket(bucket()).key("reports/käse & brot +1.csv"))
                        .tagSet()
                        .size());
        assertEquals(
                "plain text",
                s3.getObjectAsBytes(request -> request.bucket(bucket()).key("reports/käse & brot +1.csv"))
                        .asUtf8String());
    }

    @Test
    void theProbeHasLeftNoVersionBehind() {
        assertEquals(
                List.of(),
                pipeline.s3()
                        .listObjectVersions(request -> request.bucket(bucket())
                                .prefix(".cloudhsm-pipeline/")
                                .encodingType(EncodingType.URL))
                        .versions());
    }

    @Test
    void noWaitIsLeftInTheTable() {
        var waits = pipeline.dynamoDb()
                .scan(request -> request.tableName(pipeline.deployment().stack().resource("Table"))
                        .filterExpression("begins_with(pk, :pk)")
                        .expressionAttributeValues(Map.of(":pk", AttributeValue.fromS("WAIT"))));
        assertEquals(List.of(), waits.items(), "task tokens must not outlive their tasks");
    }

    @Test
    void nothingIsPolledWhileNothingWaits() {
        var looks = pipeline.cloud().calls("DescribeClusters");
        pipeline.cloud().advance(Duration.ofMinutes(30));
        var looksLater = pipeline.cloud().calls("DescribeClusters");
        assertTrue(
                looksLater - looks <= 14,
                () -> "the health check looks every 5 minutes, at all and at each deployment, but there were "
                        + (looksLater - looks) + " looks in 30");
    }

    @Test
    void noPasswordIsInTheHistoryTheTableOrTheCommands() {
        var secrets = pipeline.secretsManager().listSecrets(request -> {}).secretList().stream()
                .filter(secret -> secret.name().endsWith("-password"))
                .map(secret -> pipeline.secretsManager()
                        .getSecretValue(request -> request.secretId(secret.arn()))
                        .secretString())
                .collect(Collectors.toSet());
        assertEquals(2, secrets.size(), "one of admin, one of kmsuser");
        var written = pipeline.states()
                        .getExecutionHistory(request ->
                                request.executionArn(execution.executionArn()).maxResults(1000))
                        .toString()
                + pipeline.ssm().listCommands(request -> {})
                + pipeline.dynamoDb()
                        .scan(request ->
                                request.tableName(pipeline.deployment().stack().resource("Table")));
        for (var secret : secrets) assertFalse(written.contains(secret), "a password is readable outside its secret");
    }

    @Test
    void theEvidenceNamesWhatWasVerified() {
        var report = output.path("report");
        var evidence = Json.parse(pipeline.s3()
                .getObjectAsBytes(
                        request -> request.bucket(report.path("bucket").asText())
                                .key(report.path("key").asText()))
                .asUtf8String());
        assertTrue(evidence.toString().contains("VERIFIED_AWS"), evidence::toString);
        assertFalse(evidence.toString().contains("PRIVATE KEY"));
    }

    @Test
    void everyMetricOfDashboardAndAlarmsIsEmittedByAFunctionOrIsAwsOwn() {
        var emitted = new TreeSet<>(METRICS_OF_AWS);
        var logs = pipeline.deployment().stack().resource("FunctionLogs");
        for (var line : pipeline.cloud().logs().messages(logs)) {
            if (!line.startsWith("{\"_aws\"")) continue;
            for (var directive : Json.parse(line).at("/_aws/CloudWatchMetrics")) {
                var namespace = directive.path("Namespace").asText();
                for (var metric : directive.path("Metrics")) {
                    emitted.add(namespace + " " + metric.path("Name").asText());
                }
            }
        }
        var wanted = Stream.of(
                        "Namespace: ([^\\s,]+),?\\s+MetricName: ([^\\s,]+)",
                        "\\[\"([A-Za-z/]+)\", \"([A-Za-z]+)\", \"(?:FunctionName|QueueName|StateMachineArn)\"",
                        "\\{(CloudHsmPipeline),FunctionName,AvailabilityZone\\} MetricName=\\\\\"([A-Za-z]+)")
                .flatMap(pattern -> Pattern.compile(pattern).matcher(template()).results())
                .map(found -> found.group(1) + " " + found.group(2))
                .collect(Collectors.toCollection(TreeSet::new));
        assertTrue(wanted.size() > 15 && wanted.contains("CloudHsmPipeline ActiveHsms"), wanted::toString);
        wanted.removeAll(emitted);
        assertEquals(Set.of(), wanted, () -> "nothing emits these; emitted are " + emitted);
    }

    private static String template() {
        try {
            return TemplateTest.template();
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    @Test
    void theEvidenceLiesBesideItAsAPage() {
        var report = output.path("report");
        var page = pipeline.s3()
                .getObjectAsBytes(
                        request -> request.bucket(report.path("bucket").asText())
                                .key(report.path("page").asText()));
        assertEquals("text/html; charset=utf-8", page.response().contentType());
        assertTrue(page.asUtf8String().contains(cluster().clusterId()), page::asUtf8String);
        assertFalse(page.asUtf8String().contains("PRIVATE KEY"));
        for (var secret : pipeline.secretsManager().listSecrets(request -> {}).secretList()) {
            var value = pipeline.secretsManager()
                    .getSecretValue(request -> request.secretId(secret.arn()))
                    .secretString();
            assertFalse(page.asUtf8String().contains(value), () -> "the page holds the value of " + secret.name());
        }
    }

    @Test
    void stagesRanInAwsOrder() {
        assertEquals(STAGES, pipeline.stages(execution.executionArn()));
    }

    @Test
    void everyResourceCarriesTheDeploymentsTag() {
        assertEquals(
                Set.of("default"),
                cluster().tagList().stream()
                        .filter(tag -> tag.key().equals("cloudhsm-pipeline:deployment"))
                        .map(tag -> tag.value())
                        .collect(Collectors.toSet()));
    }

    private static Cluster cluster() {
        return pipeline.cloudHsm().describeClusters().clusters().getFirst();
    }

    private static KeyMetadata key() {
        return pipeline.kms()
                .describeKey(request -> request.keyId(output.path("keyArn").asText()))
                .keyMetadata();
    }

    private static String bucket() {
        return output.path("buckets").path(0).asText();
    }

    private static HeadObjectResponse head(String key) {
        return pipeline.s3().headObject(request -> request.bucket(bucket()).key(key));
    }
}
