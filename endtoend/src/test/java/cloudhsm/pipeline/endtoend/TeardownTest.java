package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.Holdings;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.KeyState;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.ObjectVersion;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** From a complete deployment back to an account that holds nothing of it. */
class TeardownTest {
    /** In which CloudHSM keeps deleted backups and Secrets Manager deleted secrets. */
    static final Duration RESTORABLE = Duration.ofDays(8);

    private static final String KEPT = "cloudhsm-kept";

    /** The schedule of minutes would look thousands of times in these days. */
    static final Map<String, String> SELDOM = Map.of("HealthCheckSchedule", "rate(12 hours)");

    static String input(String deployment, String members) {
        return "{\"deployment\":\"" + deployment + "\",\"confirm\":\"" + deployment + "\"," + members + "}";
    }

    /** What the account holds now and did not hold before. */
    static String leftSince(Set<String> before, Pipeline pipeline) {
        var left = new TreeSet<>(Holdings.of(pipeline.cloud()));
        left.removeAll(before);
        return String.join("\n", left);
    }

    @Test
    void nothingIsLeftOfADeploymentAndItsData() {
        try (var pipeline = Pipeline.deploy(1, SELDOM)) {
            var before = Holdings.of(pipeline.cloud());
            var provisioned = pipeline.provision("up", "{\"teardownAfter\": \"P30D\"}");
            assertEquals(ExecutionStatus.SUCCEEDED, provisioned.status(), provisioned::cause);
            var bucket =
                    Json.parse(provisioned.output()).path("buckets").path(0).asText();
            upload(pipeline, bucket);
            pipeline.s3()
                    .createMultipartUpload(request -> request.bucket(bucket).key("unfinished"));
            // KMS's event is sent as best it can be: the schedule has to find out.
            pipeline.cloud().events().loseNext("KMS CMK Deletion");

            var ended = pipeline.tearDown("down", input("default", "\"data\":\"DELETE\""));
            assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
            var took = Duration.between(ended.startDate(), ended.stopDate());
            assertTrue(took.toDays() >= 7 && took.toDays() <= 8, () -> "KMS waits 7 days and up to one more: " + took);
            assertTrue(
                    cost(pipeline, ended).path("hsmCostUsd").asDouble() < 2, "the HSMs go at once, not after a week");
            pipeline.cloud().advance(RESTORABLE);
            assertEquals("", leftSince(before, pipeline), "it may bill, and is in the way of the next deployment");
        }
    }

    private static JsonNode cost(
            Pipeline pipeline, software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse ended) {
        var report = Json.parse(ended.output()).path("report");
        return Json.parse(pipeline.s3()
                .getObjectAsBytes(
                        request -> request.bucket(report.path("bucket").asText())
                                .key(report.path("key").asText()))
                .asUtf8String());
    }

    /** Two versions of an object, and a delete marker on top of another. */
    private static void upload(Pipeline pipeline, String bucket) {
        var s3 = pipeline.s3();
        s3.putObject(request -> request.bucket(bucket).key("a"), RequestBody.fromString("old"));
        s3.putObject(request -> request.bucket(bucket).key("a"), RequestBody.fromString("new"));
        s3.putObject(request -> request.bucket(bucket).key("b"), RequestBody.fromString("text"));
        s3.deleteObject(request -> request.bucket(bucket).key("b"));
    }

    private static Set<String> versions(Pipeline pipeline, String bucket) {
        return pipeline
                .s3()
                .listObjectVersions(request -> request.bucket(bucket).encodingType(EncodingType.URL))
                .versions()
                .stream()
                .map(ObjectVersion::versionId)
                .collect(Collectors.toSet());
    }

    /** Every input but DELETE, one after the other: refused ones, a teardown that somebody cancels, one that returns. */
    @Test
    void noInputButDeleteTakesAVersionAwayAndACancelledDeletionBringsTheKeyBack() {
        try (var pipeline = Pipeline.deploy(1, SELDOM)) {
            var before = Holdings.of(pipeline.cloud());
            var provisioned = pipeline.provision("up", "{}");
            var output = Json.parse(provisioned.output());
            var bucket = output.path("buckets").path(0).asText();
            upload(pipeline, bucket);
            var versions = versions(pipeline, bucket);
            assertEquals(3, versions.size());

            refused(pipeline);
            cancelled(pipeline, output);
            assertEquals(versions, versions(pipeline, bucket));
            previousVersionsCannotGoUnderSseS3(pipeline);
            assertEquals(versions, versions(pipeline, bucket));

            var release = "{\"bucket\": \"" + bucket + "\", \"versions\": \"ALL\", \"release\": true}";
            assertEquals(
                    "NO_TEARDOWN",
                    pipeline.run("ReencryptExisting", "by-hand", release).error());
            var other = pipeline.kms().createKey().keyMetadata().arn();
            var ended = pipeline.tearDown(
                    "returned", input("default", "\"data\":\"KEEP_READABLE\",\"returnTo\":\"" + other + "\""));
            assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
            assertEquals(versions, versions(pipeline, bucket));
            for (var version : versions) {
                var key = pipeline
                        .s3()
                        .listObjectVersions(request -> request.bucket(bucket).encodingType(EncodingType.URL))
                        .versions()
                        .stream()
                        .filter(listed -> listed.versionId().equals(version))
                        .findFirst()
                        .orElseThrow()
                        .key();
                var object = pipeline.s3()
                        .getObjectAsBytes(
                                request -> request.bucket(bucket).key(key).versionId(version))
                        .response();
                assertEquals(other, object.ssekmsKeyId(), "old versions are the user's data as well");
            }
            keptToTheEnd(pipeline, bucket, other);
            pipeline.cloud().advance(RESTORABLE);
            assertEquals(
                    "kms: key " + other.substring(other.lastIndexOf('/') + 1) + " (Enabled)\ns3: bucket " + bucket
                            + "\ns3: bucket " + KEPT,
                    leftSince(before, pipeline));
            assertEquals(0, pipeline.cloud().calls("DeleteObjects"));
        }
    }

    /** The versions stay: those of a bucket that was made unreadable, those of an adopted one under its former key. */
    private static void keptToTheEnd(Pipeline pipeline, String adopted, String formerKey) {
        var provisioned = pipeline.provision(
                "again",
                "{\"buckets\": [{\"name\": \"" + adopted + "\", \"adopt\": true}, {\"name\": \"" + KEPT + "\"}]}");
        assertEquals(
                ExecutionStatus.SUCCEEDED,
                provisioned.status(),
                () -> provisioned.error() + ": " + provisioned.cause());
        for (var bucket : List.of(adopted, KEPT)) {
            pipeline.s3().putObject(request -> request.bucket(bucket).key("c"), RequestBody.fromString("text"));
        }
        var versions = List.of(versions(pipeline, adopted), versions(pipeline, KEPT));
        var ended = pipeline.tearDown(
                "kept",
                input(
                        "default",
                        "\"data\":\"KEEP\",\"confirmUnreadable\":\"the objects of default become unreadable\""));
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        assertEquals(versions, List.of(versions(pipeline, adopted), versions(pipeline, KEPT)));
        var unreadable = assertThrows(
                S3Exception.class,
                () -> pipeline.s3()
                        .getObjectAsBytes(request -> request.bucket(KEPT).key("c")));
        assertEquals("AccessDenied", unreadable.awsErrorDetails().errorCode(), "KMS's word for a key that is gone");
        assertEquals(
                formerKey,
                pipeline.s3()
                        .getObjectAsBytes(request -> request.bucket(adopted).key("c"))
                        .response()
                        .ssekmsKeyId(),
                "its owner has not said that it may become unreadable");
    }

    private static void refused(Pipeline pipeline) {
        var inputs = List.of(
                "{}",
                "{\"deployment\":\"default\",\"confirm\":\"other\",\"data\":\"DELETE\"}",
                input("default", "\"data\":\"KEEP\""),
                input("default", "\"data\":\"KEEP_READABLE\",\"confirmUnreadable\":\"yes\""),
                input("default", "\"data\":\"delete\""),
                input("default", "\"data\":\"DELETE\",\"colour\":\"blue\""),
                input("default", "\"data\":\"DELETE\",\"pendingWindowInDays\":6"));
        for (var input : inputs) {
            var ended = pipeline.tearDown("refused-" + inputs.indexOf(input), input);
            assertEquals("INVALID_INPUT", ended.error(), input);
        }
        assertEquals(0, pipeline.cloud().calls("DeleteObjects"));
        assertEquals(0, pipeline.cloud().calls("ScheduleKeyDeletion"));
    }

    private static void previousVersionsCannotGoUnderSseS3(Pipeline pipeline) {
        var ended = pipeline.tearDown("to-sse-s3", input("default", "\"data\":\"KEEP_READABLE\""));
        assertEquals("OBJECTS_NOT_RETURNED", ended.error());
        assertTrue(ended.cause().contains("2 versions in s3://"), ended::cause);
        assertTrue(ended.cause().contains("No object and no setting of the bucket was changed"), ended::cause);
        assertEquals(0, pipeline.cloud().calls("CopyObject"));
    }

    private static void cancelled(Pipeline pipeline, JsonNode output) {
        var execution = pipeline.startTeardown(
                "cancelled",
                input(
                        "default",
                        "\"data\":\"KEEP\",\"confirmUnreadable\":\"the objects of default become unreadable\","
                                + "\"meter\":\"DELETE_MATERIAL\""));
        pipeline.runUntilEntered("cancelled", "AwaitKeyDeletion");
        pipeline.cloud().advance(Duration.ofDays(2));
        pipeline.kms()
                .cancelKeyDeletion(
                        request -> request.keyId(output.path("keyArn").asText()));
        var ended = pipeline.endOfTeardown(execution);
        assertEquals("KEY_DELETION_CANCELLED", ended.error());
        assertTrue(ended.cause().contains("can be read again"), ended::cause);
        assertEquals(
                KeyState.ENABLED,
                pipeline.kms()
                        .describeKey(
                                request -> request.keyId(output.path("keyArn").asText()))
                        .keyMetadata()
                        .keyState());
        assertEquals(
                ConnectionStateType.CONNECTED,
                pipeline.kms()
                        .describeCustomKeyStores()
                        .customKeyStores()
                        .getFirst()
                        .connectionState());
        assertEquals(1, pipeline.cluster().hsms().size(), "one is enough for KMS; two would bill");
        assertEquals(
                "new",
                pipeline.s3()
                        .getObjectAsBytes(request -> request.bucket(
                                        output.path("buckets").path(0).asText())
                                .key("a"))
                        .asUtf8String());
    }
}
