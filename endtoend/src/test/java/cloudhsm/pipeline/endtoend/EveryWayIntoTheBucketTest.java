package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import cloudhsm.pipeline.localcloud.protocol.Json;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.ObjectVersion;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * Whichever way an object comes, it ends under the key: by copies, with the requests that the AWS CLI sends for {@code s3
 * cp}, {@code mv} and {@code sync}, by a browser's form, by a presigned URL. The deployed state machine has the bucket
 * announce what comes, and the deployed function hears of it through S3 and SQS.
 */
class EveryWayIntoTheBucketTest {
    private static final String BUCKET = "cloudhsm-quarterly-reports";
    private static final String EXISTING = "{\"bucket\": \"" + BUCKET + "\"}";
    private static final String ELSEWHERE = "elsewhere";

    private Pipeline pipeline;
    private S3Client s3;
    private String key;

    private void deploy(Map<String, String> parameters) {
        pipeline = Pipeline.deploy(1, parameters);
        s3 = pipeline.s3();
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

    /** Whatever comes is announced from now on. */
    private void adopt() {
        var provisioned =
                pipeline.provision("adopt", "{\"bucket\": {\"name\": \"%s\", \"adopt\": true}}".formatted(BUCKET));
        assertEquals(ExecutionStatus.SUCCEEDED, provisioned.status(), provisioned::cause);
        key = Json.parse(provisioned.output()).path("keyArn").asText();
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
        var upload = s3.createMultipartUpload(
                        request -> request.bucket(BUCKET).key(toKey).serverSideEncryption(ServerSideEncryption.AES256))
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
    void uploadsOfFormsAndPresignedUrlsComeUnderTheKey() throws Exception {
        deploy(Map.of());
        adopt();
        var form = form("from-a-form");
        var body = new StringBuilder();
        form.forEach((name, value) -> body.append(part("name=\"" + name + "\"", value)));
        body.append(part("name=\"file\"; filename=\"report.csv\"", "text")).append("--boundary--\r\n");
        var http = HttpClient.newHttpClient();
        var posted = http.send(
                HttpRequest.newBuilder(pipeline.cloud().uri().resolve("/" + BUCKET))
                        .header("Content-Type", "multipart/form-data; boundary=boundary")
                        .POST(BodyPublishers.ofString(body.toString()))
                        .build(),
                BodyHandlers.ofString());
        assertEquals(204, posted.statusCode(), posted.body());
        var put = http.send(
                HttpRequest.newBuilder(presigned("from-a-url"))
                        .header("x-amz-server-side-encryption", "AES256")
                        .PUT(BodyPublishers.ofString("text"))
                        .build(),
                BodyHandlers.ofString());
        assertEquals(200, put.statusCode(), put.body());
        assertNull(keyOf("from-a-form"));
        letEventsArrive();

        assertEquals(key, keyOf("from-a-form"));
        assertEquals(key, keyOf("from-a-url"));
    }

    private URI presigned(String name) {
        var administrator = pipeline.cloud().iam().administrator();
        try (var presigner = S3Presigner.builder()
                .endpointOverride(pipeline.cloud().uri())
                .region(Region.EU_CENTRAL_1)
                .serviceConfiguration(
                        S3Configuration.builder().pathStyleAccessEnabled(true).build())
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(administrator.accessKeyId(), administrator.secretAccessKey())))
                .build()) {
            var url = presigner
                    .presignPutObject(request -> request.signatureDuration(Duration.ofMinutes(5))
                            .putObjectRequest(put ->
                                    put.bucket(BUCKET).key(name).serverSideEncryption(ServerSideEncryption.AES256)))
                    .url();
            return URI.create(url.toString());
        }
    }

    /** A form for an upload under SSE-S3, as the SDK for browsers makes it. */
    private Map<String, String> form(String name) throws Exception {
        var administrator = pipeline.cloud().iam().administrator();
        var now = Instant.now(); // the administrator's clients are outside, and have the machine's clock
        var date = DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmss'Z'")
                .withZone(ZoneOffset.UTC)
                .format(now);
        var fields = new LinkedHashMap<String, String>();
        fields.put("key", name);
        fields.put("x-amz-server-side-encryption", "AES256");
        fields.put("x-amz-algorithm", "AWS4-HMAC-SHA256");
        fields.put(
                "x-amz-credential",
                administrator.accessKeyId() + "/" + date.substring(0, 8) + "/eu-central-1/s3/aws4_request");
        fields.put("x-amz-date", date);
        var conditions = Json.array().add(Json.object().put("bucket", BUCKET));
        fields.forEach((field, value) -> conditions.add(Json.object().put(field, value)));
        var policy =
                Json.object().put("expiration", now.plus(Duration.ofMinutes(5)).toString());
        policy.set("conditions", conditions);
        fields.put("policy", Base64.getEncoder().encodeToString(Json.bytes(policy)));
        var signature = ("AWS4" + administrator.secretAccessKey()).getBytes(StandardCharsets.UTF_8);
        for (var text :
                new String[] {date.substring(0, 8), "eu-central-1", "s3", "aws4_request", fields.get("policy")}) {
            var mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(signature, "HmacSHA256"));
            signature = mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
        }
        fields.put("x-amz-signature", HexFormat.of().formatHex(signature));
        return fields;
    }

    private static String part(String disposition, String content) {
        return "--boundary\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + content + "\r\n";
    }

    @Test
    void copiesOfReencryptExistingCostOneLookEachAndAreNotCopiedAgain() {
        deploy(Map.of("ReencryptionMode", "COPY"));
        for (int i = 0; i < 5; i++) put(BUCKET, "report-" + i);
        var tooEarly = pipeline.run("ReencryptExisting", "too-early", EXISTING);
        assertEquals("BUCKET_NOT_OURS", tooEarly.error(), tooEarly::cause);
        adopt();
        letEventsArrive();
        var looksBefore = looks();
        var copiesBefore = pipeline.cloud().calls("CopyObject");
        var ended = pipeline.run("ReencryptExisting", "existing", EXISTING);
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        letEventsArrive();
        assertEquals(looksBefore + 5, looks(), "the announced copies, once each");
        assertEquals(copiesBefore + 5, pipeline.cloud().calls("CopyObject"));
        assertEquals(key, keyOf("report-0"));
        letEventsArrive();
        assertEquals(copiesBefore + 5, pipeline.cloud().calls("CopyObject"));
    }

    private long looks() {
        return pipeline.cloud().endpoint().calls().stream()
                .filter(call -> call.operation().equals("HeadObject")
                        && call.callerArn().contains("ReencryptObjectsFunctionRole"))
                .count();
    }
}
