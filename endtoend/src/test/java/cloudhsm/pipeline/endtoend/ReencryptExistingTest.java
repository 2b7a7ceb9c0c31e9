package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** What already lies in a bucket comes under its key, through the deployed state machine. */
class ReencryptExistingTest {
    /** Of each invocation, before the function gives a call up. */
    private static final int ATTEMPTS_OF_THE_SDK = 4;

    private static Pipeline pipeline;
    private static S3Client s3;
    private static int buckets;

    private final String bucket = "cloudhsm-quarterly-reports-" + ++buckets;
    private final String key = createKey("target");
    private final String otherKey = createKey("other");

    ReencryptExistingTest() {
        s3.createBucket(create -> create.bucket(bucket)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        s3.putBucketVersioning(versioning -> versioning
                .bucket(bucket)
                .versioningConfiguration(configuration -> configuration.status(BucketVersioningStatus.ENABLED)));
    }

    /** One deployment serves all tests: each has a bucket and keys of its own. */
    @BeforeAll
    static void deploy() {
        pipeline = Pipeline.deploy(1, Map.of("DualLayerObjects", "COPY"));
        s3 = pipeline.s3();
    }

    @AfterAll
    static void close() {
        s3.close();
        pipeline.close();
    }

    private static String createKey(String description) {
        return pipeline.kms()
                .createKey(create -> create.description(description))
                .keyMetadata()
                .arn();
    }

    private void belongsUnder(String keyArn) {
        s3.putBucketEncryption(encryption -> encryption
                .bucket(bucket)
                .serverSideEncryptionConfiguration(configuration ->
                        configuration.rules(ServerSideEncryptionRule.builder()
                                .bucketKeyEnabled(true)
                                .blockedEncryptionTypes(blocked -> blocked.encryptionTypeWithStrings("NONE"))
                                .applyServerSideEncryptionByDefault(
                                        standard -> standard.sseAlgorithm(ServerSideEncryption.AWS_KMS)
                                                .kmsMasterKeyID(keyArn))
                                .build())));
    }

    /** Puts an object under SSE-S3; returns its version id. */
    private String put(String objectKey) {
        return s3.putObject(
                        put -> put.bucket(bucket).key(objectKey).serverSideEncryption(ServerSideEncryption.AES256),
                        RequestBody.fromString("content of " + objectKey))
                .versionId();
    }

    private void putUnder(String keyArn, String objectKey) {
        s3.putObject(
                put -> put.bucket(bucket)
                        .key(objectKey)
                        .serverSideEncryption(ServerSideEncryption.AWS_KMS)
                        .ssekmsKeyId(keyArn),
                RequestBody.fromString("content of " + objectKey));
    }

    private String keyOf(String objectKey, String versionId) {
        return s3.headObject(head -> head.bucket(bucket).key(objectKey).versionId(versionId))
                .ssekmsKeyId();
    }

    private DescribeExecutionResponse run(String name, String input) {
        return pipeline.end(pipeline.states()
                .startExecution(start -> start.stateMachineArn(
                                pipeline.deployment().stack().outputs().get("ReencryptExistingStateMachineArn"))
                        .name(bucket + "-" + name)
                        .input(input))
                .executionArn());
    }

    private static JsonNode succeeded(DescribeExecutionResponse execution) {
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
        return Json.parse(execution.output());
    }

    private static String md5OfCustomerKey() {
        try {
            return Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("MD5").digest(new byte[32]));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @Test
    void whoeverSubscribedHearsThatItFailed() {
        var failed = run("missing", "{\"bucket\": \"cloudhsm-no-such-bucket\"}");
        assertEquals("LISTING_REFUSED", failed.error());
        pipeline.cloud().advance(Duration.ofSeconds(5));
        var told = pipeline.cloud().sns().published().stream()
                .filter(message -> message.message().contains(failed.executionArn()))
                .toList();
        assertEquals(1, told.size(), "one mail for each failed execution");
        assertEquals(
                "CloudHSM pipeline failed: LISTING_REFUSED", told.getFirst().subject());
        assertTrue(
                told.getFirst().message().contains(failed.cause()),
                told.getFirst().message());
    }

    @Test
    void everyObjectUnderThePrefixComesUnderTheKeyAndIsCountedByOutcome() {
        belongsUnder(key);
        for (int i = 0; i < 24; i++) put("in/object-" + i);
        put("in/Umlaut ä + &=%2F\u2028 plus.txt");
        putUnder(otherKey, "in/under-another-key");
        putUnder(key, "in/done");
        put("out/untouched");
        pipeline.cloud().s3().addUnencrypted(bucket, "in/of-2022", "old".getBytes(StandardCharsets.UTF_8));
        s3.putObject(
                put -> put.bucket(bucket)
                        .key("in/customer-key")
                        .sseCustomerAlgorithm("AES256")
                        .sseCustomerKey(Base64.getEncoder().encodeToString(new byte[32]))
                        .sseCustomerKeyMD5(md5OfCustomerKey()),
                RequestBody.fromString("x"));
        var input = "{\"bucket\": \"%s\", \"prefix\": \"in/\", \"pageSize\": 10%s}";

        var preview = succeeded(run("preview", input.formatted(bucket, ", \"dryRun\": true")));
        assertEquals(29, preview.path("objects").asInt());
        assertEquals(null, keyOf("in/object-0", null), "a dry run changes nothing");

        var output = succeeded(run("run", input.formatted(bucket, "")));
        assertEquals(preview.path("outcomes"), output.path("outcomes"), "the dry run told what would come");
        assertEquals(1, output.path("outcomes").path("ALREADY_DONE").asInt());
        assertEquals(1, output.path("outcomes").path("LEFT:SSE_C").asInt());
        assertEquals(Json.array().add("in/customer-key: SSE_C"), output.path("left"), "no version was listed");
        for (int i = 0; i < 24; i++) assertEquals(key, keyOf("in/object-" + i, null));
        assertEquals(key, keyOf("in/Umlaut ä + &=%2F\u2028 plus.txt", null));
        assertEquals(key, keyOf("in/under-another-key", null));
        assertEquals(null, keyOf("out/untouched", null));
        var summary = output.path("summary").asText().replaceFirst("s3://[^/]+/", "");
        var evidence = pipeline.deployment().stack().outputs().get("EvidenceBucketName");
        assertEquals(
                output.path("outcomes"),
                Json.parse(s3.getObjectAsBytes(get -> get.bucket(evidence).key(summary))
                                .asUtf8String())
                        .path("outcomes"));
    }

    @Test
    void keysThatXmlCannotHoldComeUnderTheKeyToo() {
        belongsUnder(key);
        for (var object : new String[] {"a/1.txt", "photos/Icon\u0003.jpg", "z\uFFFE+ .txt"}) put(object);
        for (var versions : new String[] {"CURRENT", "ALL"}) {
            var preview = succeeded(run(
                    "preview-" + versions,
                    "{\"bucket\": \"%s\", \"versions\": \"%s\", \"dryRun\": true}".formatted(bucket, versions)));
            assertEquals(3, preview.path("outcomes").path("REENCRYPTED:UPDATE").asInt(), preview.toString());
        }
        succeeded(run("run", "{\"bucket\": \"%s\"}".formatted(bucket)));
        assertEquals(key, keyOf("photos/Icon\u0003.jpg", null));
        assertEquals(key, keyOf("z\uFFFE+ .txt", null));
    }

    @Test
    void allVersionsComeUnderTheKey() {
        belongsUnder(key);
        var first = put("report");
        var second = put("report");
        put("deleted");
        s3.deleteObject(delete -> delete.bucket(bucket).key("deleted"));

        var output =
                succeeded(run("all", "{\"bucket\": \"%s\", \"versions\": \"ALL\", \"pageSize\": 1}".formatted(bucket)));
        assertEquals(3, output.path("objects").asInt(), "delete markers have nothing to encrypt");
        assertEquals(key, keyOf("report", first));
        assertEquals(key, keyOf("report", second));
        assertEquals(
                3,
                s3.listObjectVersions(list -> list.bucket(bucket).encodingType(EncodingType.URL))
                        .versions()
                        .size(),
                "no version was made");
    }

    /** With the rights that the template gives to the pages' function. */
    @Test
    void whatOnlyACopyServesKeepsItsTagsAndItsAcl() {
        belongsUnder(key);
        s3.putBucketOwnershipControls(controls -> controls.bucket(bucket)
                .ownershipControls(
                        set -> set.rules(rule -> rule.objectOwnership(ObjectOwnership.BUCKET_OWNER_PREFERRED))));
        var auditor = "0123456789abcdef".repeat(4);
        s3.putObject(
                put -> put.bucket(bucket)
                        .key("two-layers")
                        .serverSideEncryption(ServerSideEncryption.AWS_KMS_DSSE)
                        .tagging("year=2026")
                        .grantRead("id=" + auditor),
                RequestBody.fromString("x"));

        var output = succeeded(run("copies", "{\"bucket\": \"%s\", \"versions\": \"ALL\"}".formatted(bucket)));
        assertEquals(1, output.path("outcomes").path("REENCRYPTED:COPY").asInt(), output.toString());
        assertEquals(key, keyOf("two-layers", null));
        var tags =
                s3.getObjectTagging(get -> get.bucket(bucket).key("two-layers")).tagSet();
        assertEquals("2026", tags.getFirst().value());
        var grants =
                s3.getObjectAcl(get -> get.bucket(bucket).key("two-layers")).grants();
        assertEquals(auditor, grants.getFirst().grantee().id());
    }

    @Test
    void anInventoryTakesThePlaceOfTheListing() throws IOException {
        belongsUnder(key);
        var awkward = "in/a \"b\", ü";
        var noncurrent = put(awkward);
        var current = put(awkward);
        put("in/not-in-the-inventory");
        var row = "\"%s\",\"%s\",\"%s\",\"%s\",\"%s\"\n";
        var encoded = URLEncoder.encode(awkward, StandardCharsets.UTF_8);
        inventory(row.formatted(bucket, encoded, current, "true", "false")
                + row.formatted(bucket, encoded, noncurrent, "false", "false")
                + row.formatted(bucket, "in%2Fgone", "marker", "true", "true"));

        var output = succeeded(run(
                "inventory",
                "{\"bucket\": \"%s\", \"versions\": \"ALL\", \"inventory\": \"s3://%s/inventory/manifest.json\"}"
                        .formatted(bucket, bucket)));
        assertEquals(2, output.path("objects").asInt());
        assertEquals(key, keyOf(awkward, noncurrent));
        assertEquals(key, keyOf(awkward, current));
        assertEquals(null, keyOf("in/not-in-the-inventory", null));

        var other = run(
                "other",
                "{\"bucket\": \"cloudhsm-another-bucket\", \"inventory\": \"s3://%s/inventory/manifest.json\"}"
                        .formatted(bucket));
        assertEquals("INVENTORY_UNUSABLE", other.error());
    }

    @Test
    void aBucketWhoseInventoryIsUnusableIsTakenWithAnotherOneOrWithNone() throws IOException {
        belongsUnder(key);
        var version = put("a");
        put("b");
        var input =
                "{\"bucket\": \"%s\", \"inventory\": \"s3://%s/inventory/manifest.json\"}".formatted(bucket, bucket);
        assertEquals("INVENTORY_UNUSABLE", run("missing", input).error());

        inventory("\"%s\",\"a\",\"%s\",\"true\",\"false\"\n".formatted(bucket, version));
        succeeded(run("another", input));
        assertEquals(key, keyOf("a", null));
        assertEquals(null, keyOf("b", null));
        succeeded(run("none", "{\"bucket\": \"%s\"}".formatted(bucket)));
        assertEquals(key, keyOf("b", null));
    }

    private void inventory(String rows) throws IOException {
        var packed = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(packed)) {
            gzip.write(rows.getBytes(StandardCharsets.UTF_8));
        }
        s3.putObject(
                put -> put.bucket(bucket).key("inventory/data/1.csv.gz"), RequestBody.fromBytes(packed.toByteArray()));
        var manifest = Json.object()
                .put("sourceBucket", bucket)
                .put("destinationBucket", "arn:aws:s3:::" + bucket)
                .put("version", "2016-11-30")
                .put("creationTimestamp", "1793580000000")
                .put("fileFormat", "CSV")
                .put("fileSchema", "Bucket, Key, VersionId, IsLatest, IsDeleteMarker");
        manifest.putArray("files")
                .addObject()
                .put("key", "inventory/data/1.csv.gz")
                .put("size", packed.size());
        s3.putObject(
                put -> put.bucket(bucket).key("inventory/manifest.json"), RequestBody.fromString(Json.text(manifest)));
    }

    /** Pages of one object each, one of them under a disabled key. */
    private DescribeExecutionResponse failBecauseOfB() {
        belongsUnder(key);
        put("a");
        putUnder(otherKey, "b");
        put("c");
        pipeline.kms().disableKey(disable -> disable.keyId(otherKey));
        var failed = run("run", "{\"bucket\": \"%s\", \"pageSize\": 1}".formatted(bucket));
        assertEquals(ExecutionStatus.FAILED, failed.status());
        assertEquals("States.ExceedToleratedFailureThreshold", failed.error());
        assertNotEquals(key, keyOf("b", null));
        pipeline.kms().enableKey(enable -> enable.keyId(otherKey));
        return failed;
    }

    @Test
    void aRedriveRunsThePagesThatHaveNotSucceededAndNoOther() {
        var failed = failBecauseOfB();
        assertEquals("States.ExceedToleratedFailureThreshold", failed.error());
        assertEquals(List.of("ObjectsNotReencryptedException"), errorsOfPages(failed));
        var lookedAt = pipeline.cloud().calls("HeadObject");
        pipeline.states().redriveExecution(redrive -> redrive.executionArn(failed.executionArn()));
        var output = succeeded(pipeline.end(failed.executionArn()));
        assertEquals(3, output.path("objects").asInt());
        assertEquals(3, output.path("outcomes").path("REENCRYPTED:UPDATE").asInt(), output.toString());
        assertEquals(1, pipeline.cloud().calls("HeadObject") - lookedAt, "the pages of a and c were done");
        assertEquals(key, keyOf("b", null));
    }

    /** Of the failed child executions of the Map Run, where the runbook sends whoever looks. */
    private static List<String> errorsOfPages(DescribeExecutionResponse execution) {
        var mapRun = pipeline.states()
                .listMapRuns(list -> list.executionArn(execution.executionArn()))
                .mapRuns()
                .getFirst()
                .mapRunArn();
        return pipeline
                .states()
                .listExecutions(list -> list.mapRunArn(mapRun).statusFilter(ExecutionStatus.FAILED))
                .executions()
                .stream()
                .map(page ->
                        withoutPackage(pipeline.describe(page.executionArn()).error()))
                .toList();
    }

    private static String withoutPackage(String className) {
        return className.substring(className.lastIndexOf('.') + 1);
    }

    @Test
    void anExecutionThatS3FailedIsRedriven() {
        belongsUnder(key);
        put("a");
        var faults = pipeline.cloud().faults();
        for (int call = 1; call <= 7 * ATTEMPTS_OF_THE_SDK; call++)
            faults.add("s3", "ListObjectsV2", call, Faults.Kind.INTERNAL_ERROR);
        var failed = run("failed", "{\"bucket\": \"%s\"}".formatted(bucket));
        assertEquals("S3FailedException", withoutPackage(failed.error()), failed::cause);
        assertEquals(0, faults.pending(), "tried seven times");
        pipeline.states().redriveExecution(redrive -> redrive.executionArn(failed.executionArn()));
        succeeded(pipeline.end(failed.executionArn()));
        assertEquals(key, keyOf("a", null));
    }

    @Test
    void aNewExecutionEndsTheWorkToo() {
        failBecauseOfB();
        var output = succeeded(run("again", "{\"bucket\": \"%s\", \"pageSize\": 1}".formatted(bucket)));
        assertEquals(3, output.path("objects").asInt());
        assertTrue(output.path("outcomes").path("ALREADY_DONE").asInt() >= 1, output.toString());
        for (var object : new String[] {"a", "b", "c"}) assertEquals(key, keyOf(object, null));
    }

    @Test
    void failuresWithinTheToleranceAreReportedByReason() {
        belongsUnder(key);
        put("a");
        putUnder(otherKey, "b");
        pipeline.kms().disableKey(disable -> disable.keyId(otherKey));

        var output = succeeded(run(
                "run", "{\"bucket\": \"%s\", \"pageSize\": 1, \"toleratedFailurePercentage\": 50}".formatted(bucket)));
        assertEquals(1, output.path("failedPages").asInt());
        assertEquals(2, output.path("objects").asInt());
        assertEquals(
                1, output.path("outcomes").path("RETRY:KMS.DisabledException").asInt(), output.toString());
        assertEquals(key, keyOf("a", null));
    }

    @Test
    void aBucketOfOthersIsAdoptedFirstWhereAsked() {
        pipeline.record("default", key);
        put("a");
        succeeded(run(
                "run",
                "{\"bucket\": \"%s\", \"adopt\": {\"deployment\": \"default\", \"keyArn\": \"%s\"}}"
                        .formatted(bucket, key)));
        assertEquals(key, keyOf("a", null));
        assertTrue(
                s3.getBucketNotificationConfiguration(get -> get.bucket(bucket)).hasQueueConfigurations(),
                "further uploads are announced");
    }

    @Test
    void aWrongInputIsRefusedWithEverythingThatIsWrongAndWorksOnceAllOfItIsCorrected() {
        pipeline.record("default", key);
        belongsUnder(key);
        put("a");
        var input = """
            {"bucket": "%s", "adopt": {"deployment": "default", "keyArn": "%s"}, "versions": "%s", "pageSize": 500,
             "concurrency": %s, "%s": false}\
            """;
        var refused = run("wrong", input.formatted(bucket, key, "SOME", "\"3\"", "dryrun"));
        assertEquals("INVALID_INPUT", refused.error());
        for (var named : new String[] {"versions:", "concurrency:", "dryrun: is not a known field"})
            assertTrue(refused.cause().contains(named), refused::cause);
        assertFalse(
                s3.getBucketNotificationConfiguration(get -> get.bucket(bucket)).hasQueueConfigurations(),
                "nothing is adopted before the whole input fits");
        assertEquals(null, keyOf("a", null));

        succeeded(run("right", input.formatted(bucket, key, "CURRENT", 3, "dryRun")));
        assertEquals(key, keyOf("a", null));
    }

    @Test
    void aListingThatWasRefusedSucceedsOnceTheNameIsRight() {
        belongsUnder(key);
        put("a");
        assertEquals(
                "LISTING_REFUSED",
                run("absent", "{\"bucket\": \"cloudhsm-no-such-bucket\"}").error());
        succeeded(run("right", "{\"bucket\": \"%s\"}".formatted(bucket)));
        assertEquals(key, keyOf("a", null));
    }
}
