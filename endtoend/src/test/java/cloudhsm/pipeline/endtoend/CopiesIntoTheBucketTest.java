package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.ObjectVersion;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * Objects that copies make, with the requests that the AWS CLI sends for {@code s3 cp}, {@code mv} and {@code sync}. The
 * bucket is announced by the deployed state machine, and the deployed function hears of it through S3 and SQS.
 */
class CopiesIntoTheBucketTest {
    private static final String BUCKET = "quarterly-reports";
    private static final String ELSEWHERE = "elsewhere";

    private Pipeline pipeline;
    private S3Client s3;
    private String key;

    private void deploy(Map<String, String> parameters) {
        pipeline = Pipeline.deploy(1, parameters);
        s3 = pipeline.s3();
        key = pipeline.kms().createKey().keyMetadata().arn();
        for (var bucket : new String[] {BUCKET, ELSEWHERE}) {
            s3.createBucket(request -> request.bucket(bucket)
                    .createBucketConfiguration(
                            configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        }
    }

    @AfterEach
    void close() {
        pipeline.close();
    }

    /** What lies in the bucket is listed and re-encrypted, and whatever comes is announced from now on. */
    private void adopt() {
        var ended = pipeline.run(
                "ReencryptExisting",
                "adopt",
                "{\"bucket\": \"%s\", \"adopt\": {\"deployment\": \"default\", \"keyArn\": \"%s\"}}"
                        .formatted(BUCKET, key));
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
    }

    private void put(String bucket, String name) {
        s3.putObject(
                request -> request.bucket(bucket).key(name).serverSideEncryption(ServerSideEncryption.AES256),
                RequestBody.fromString("content of " + name));
    }

    private void copy(String fromBucket, String fromKey, String toKey) {
        s3.copyObject(request -> request.sourceBucket(fromBucket)
                .sourceKey(fromKey)
                .destinationBucket(BUCKET)
                .destinationKey(toKey)
                .serverSideEncryption(ServerSideEncryption.AES256));
    }

    private void copyInParts(String fromKey, String toKey) {
        var upload = s3.createMultipartUpload(request ->
                        request.bucket(BUCKET).key(toKey).serverSideEncryption(ServerSideEncryption.AES256))
                .uploadId();
        var etag = s3.uploadPartCopy(request -> request.sourceBucket(BUCKET)
                        .sourceKey(fromKey)
                        .destinationBucket(BUCKET)
                        .destinationKey(toKey)
                        .uploadId(upload)
                        .partNumber(1))
                .copyPartResult()
                .eTag();
        s3.completeMultipartUpload(request -> request.bucket(BUCKET)
                .key(toKey)
                .uploadId(upload)
                .multipartUpload(parts -> parts.parts(
                        CompletedPart.builder().partNumber(1).eTag(etag).build())));
    }

    private String keyOf(String name) {
        return s3.headObject(request -> request.bucket(BUCKET).key(name)).ssekmsKeyId();
    }

    private long versions() {
        return s3.listObjectVersions(request -> request.bucket(BUCKET)).versions().stream()
                .map(ObjectVersion::versionId)
                .count();
    }

    private void letEventsArrive() {
        pipeline.cloud().advance(Duration.ofMinutes(2));
    }

    @Test
    void everyKindOfCopyUnderAnotherEncryptionComesUnderTheKey() {
        deploy(Map.of());
        adopt();
        put(BUCKET, "source");
        put(BUCKET, "moved-from");
        put(BUCKET, "onto-itself");
        put(ELSEWHERE, "synced");
        letEventsArrive();

        copy(BUCKET, "source", "copied");
        copy(BUCKET, "moved-from", "moved");
        s3.deleteObject(request -> request.bucket(BUCKET).key("moved-from"));
        copy(ELSEWHERE, "synced", "synced");
        copy(BUCKET, "onto-itself", "onto-itself");
        copyInParts("source", "copied-in-parts");
        var made = versions();
        assertNull(keyOf("copied"), "S3 does what the caller asks for");
        letEventsArrive();

        for (var name : new String[] {"copied", "moved", "synced", "onto-itself", "copied-in-parts"})
            assertEquals(key, keyOf(name), name);
        assertEquals(made, versions(), "the data stays where it is");
    }

    @Test
    void copiesOfReencryptExistingCostOneLookEachAndAreNotCopiedAgain() {
        deploy(Map.of("ReencryptionMode", "COPY"));
        for (int i = 0; i < 5; i++) put(BUCKET, "report-" + i);
        adopt();
        letEventsArrive();
        var looks = pipeline.cloud().endpoint().calls().stream()
                .filter(call -> call.operation().equals("HeadObject")
                        && call.callerArn().contains("ReencryptObjectsFunctionRole"))
                .count();

        assertEquals(5, looks, "the announced copies, once each");
        assertEquals(5, pipeline.cloud().calls("CopyObject"));
        assertEquals(key, keyOf("report-0"));
        letEventsArrive();
        assertEquals(5, pipeline.cloud().calls("CopyObject"));
    }
}
