package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

class PresignedUrlTest {
    private static final String BUCKET = "quarterly-reports";
    private static final String OBJECT = "/" + BUCKET + "/k";

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = Clients.s3(cloud);
    private final Identity role = Clients.function(cloud, """
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::quarterly-reports/k"}
        """);

    @BeforeEach
    void createBucketWithAnObject() {
        s3.createBucket(request -> request.bucket(BUCKET)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        s3.putObject(request -> request.bucket(BUCKET).key("k"), RequestBody.fromString("text"));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private SignedByHand signed() {
        return new SignedByHand(cloud, role, cloud.time().now());
    }

    private URI toRead(String expires) {
        return signed().url("GET", OBJECT, expires, Map.of());
    }

    private static void refused(String code, String words, URI url) {
        var answer = SignedByHand.send("GET", url, "", Map.of());
        assertTrue(answer.body().contains("<Code>" + code + "</Code>"), answer.body());
        assertTrue(answer.body().contains(words), answer.body());
    }

    @Test
    void urlOfTheSdkUploadsAndDownloads() {
        var administrator = cloud.iam().administrator();
        try (var presigner = S3Presigner.builder()
                .endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .serviceConfiguration(
                        S3Configuration.builder().pathStyleAccessEnabled(true).build())
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(administrator.accessKeyId(), administrator.secretAccessKey())))
                .build()) {
            var upload = presigner.presignPutObject(request -> request.signatureDuration(Duration.ofMinutes(5))
                    .putObjectRequest(put -> put.bucket(BUCKET)
                            .key("Q3 (final)+ü.csv")
                            .serverSideEncryption(ServerSideEncryption.AES256)));
            var headers = Map.of("x-amz-server-side-encryption", "AES256");
            assertEquals(
                    200,
                    SignedByHand.send("PUT", URI.create(upload.url().toString()), "uploaded", headers)
                            .statusCode());
            var download = presigner.presignGetObject(request -> request.signatureDuration(Duration.ofMinutes(5))
                    .getObjectRequest(
                            get -> get.bucket(BUCKET).key("Q3 (final)+ü.csv").responseContentType("text/csv")));
            var answer = SignedByHand.send("GET", URI.create(download.url().toString()), "", Map.of());
            assertEquals("uploaded", answer.body());
            assertEquals("text/csv", answer.headers().firstValue("content-type").orElseThrow());
        }
    }

    @Test
    void urlCarriesTheRightsOfItsSignerAndNoOthers() {
        assertEquals(
                "text", SignedByHand.send("GET", toRead("60"), "", Map.of()).body());
        refused("AccessDenied", "s3:GetObject", signed().url("GET", "/" + BUCKET + "/other", "60", Map.of()));
    }

    @Test
    void urlIsGoodForItsSecondsOnTheSignersClock() {
        var url = toRead("60");
        cloud.advance(Duration.ofSeconds(59));
        assertEquals(200, SignedByHand.send("GET", url, "", Map.of()).statusCode());
        cloud.advance(Duration.ofSeconds(1));
        refused("AccessDenied", "<Message>Request has expired</Message>", url);
        refused("AccessDenied", "<X-Amz-Expires>60</X-Amz-Expires>", url);
        var ofTheFuture = new SignedByHand(cloud, role, cloud.time().now().plus(Duration.ofMinutes(16)));
        refused("AccessDenied", "Request is not valid yet", ofTheFuture.url("GET", OBJECT, "60", Map.of()));
    }

    @Test
    void urlIsOfAWeekAtMost() {
        assertEquals(
                200, SignedByHand.send("GET", toRead("604800"), "", Map.of()).statusCode());
        refused("AuthorizationQueryParametersError", "less than a week", toRead("604801"));
        refused("AuthorizationQueryParametersError", "must be non-negative", toRead("-1"));
        refused("AuthorizationQueryParametersError", "should be a number", toRead("soon"));
    }

    @Test
    void changedUrlIsRefused() {
        var url = toRead("60").toString();
        refused("SignatureDoesNotMatch", "", URI.create(url.replace("Expires=60", "Expires=600")));
        refused("SignatureDoesNotMatch", "", URI.create(url + "&versionId=null"));
        refused("SignatureDoesNotMatch", "", URI.create(url.replaceAll("Signature=.{10}", "Signature=0123456789")));
        refused("InvalidAccessKeyId", "", URI.create(url.replace(role.accessKeyId(), "nobody")));
        refused(
                "AuthorizationQueryParametersError",
                "expecting 'eu-central-1'",
                URI.create(url.replace("eu-central-1", "us-east-1")));
        refused("AuthorizationQueryParametersError", "requires", URI.create(url.replaceAll("&X-Amz-Date=[^&]*", "")));
        assertEquals(
                403,
                SignedByHand.send("PUT", URI.create(url), "other", Map.of()).statusCode());
    }

    @Test
    void headersThatS3ActsOnMustBeSigned() {
        var encryption = Map.of("x-amz-server-side-encryption", "AES256");
        var answer = SignedByHand.send("PUT", signed().url("PUT", OBJECT, "60", Map.of()), "text", encryption);
        assertTrue(
                answer.body().contains("<HeadersNotSigned>x-amz-server-side-encryption</HeadersNotSigned>"),
                answer.body());
        var url = signed().url("PUT", OBJECT, "60", encryption);
        assertEquals(200, SignedByHand.send("PUT", url, "text", encryption).statusCode());
        assertEquals(
                403,
                SignedByHand.send("PUT", url, "text", Map.of("x-amz-server-side-encryption", "aws:kms"))
                        .statusCode());
    }

    @Test
    void oneSignatureIsEnough() {
        var answer = SignedByHand.send("GET", toRead("60"), "", Map.of("Authorization", "AWS4-HMAC-SHA256 x"));
        assertTrue(answer.body().contains("Only one auth mechanism allowed"), answer.body());
    }
}
