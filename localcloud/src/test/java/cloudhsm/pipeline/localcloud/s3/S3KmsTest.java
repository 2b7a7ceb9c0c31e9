package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.ObjectLockLegalHoldStatus;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;

class S3KmsTest {
    private static final String BUCKET = "quarterly-reports";

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = Clients.s3(cloud);
    private final KmsClient kms = Clients.kms(cloud);
    private String keyArn;

    @BeforeEach
    void createBucketAndKey() {
        s3.createBucket(request -> request.bucket(BUCKET)
                .objectLockEnabledForBucket(true)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        keyArn = createKey();
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private String createKey() {
        return kms.createKey().keyMetadata().arn();
    }

    private void encryptByDefault(String keyId, boolean bucketKey) {
        s3.putBucketEncryption(request -> request.bucket(BUCKET)
                .serverSideEncryptionConfiguration(configuration ->
                        configuration.rules(rule -> rule.applyServerSideEncryptionByDefault(standard ->
                                        standard.sseAlgorithm("aws:kms").kmsMasterKeyID(keyId))
                                .bucketKeyEnabled(bucketKey))));
    }

    private void put(String key, String text) {
        s3.putObject(request -> request.bucket(BUCKET).key(key), RequestBody.fromString(text));
    }

    private String get(String key) {
        return s3.getObjectAsBytes(request -> request.bucket(BUCKET).key(key)).asUtf8String();
    }

    private void update(String key, String arn, boolean bucketKey) {
        s3.updateObjectEncryption(request -> request.bucket(BUCKET)
                .key(key)
                .objectEncryption(encryption ->
                        encryption.ssekms(target -> target.kmsKeyArn(arn).bucketKeyEnabled(bucketKey))));
    }

    private static S3Exception refused(org.junit.jupiter.api.function.Executable call) {
        return assertThrows(S3Exception.class, call);
    }

    private static String code(S3Exception refused) {
        return refused.awsErrorDetails().errorCode();
    }

    @Test
    void defaultEncryptionNamesTheKeyThatWasUsed() {
        encryptByDefault(keyArn, true);
        put("k", "text");
        var head = s3.headObject(request -> request.bucket(BUCKET).key("k"));
        assertEquals(ServerSideEncryption.AWS_KMS, head.serverSideEncryption());
        assertEquals(keyArn, head.ssekmsKeyId());
        assertTrue(head.bucketKeyEnabled());
        assertNotEquals(
                "\"" + Checksums.md5Hex("text".getBytes(StandardCharsets.UTF_8)) + "\"",
                head.eTag(),
                "with SSE-KMS the ETag is not the MD5 of the data");
        assertEquals("text", get("k"));
    }

    @Test
    void kmsWithoutKeyIdMeansTheAwsManagedKey() {
        encryptByDefault(keyArn, false);
        s3.putObject(
                request -> request.bucket(BUCKET).key("k").serverSideEncryption(ServerSideEncryption.AWS_KMS),
                RequestBody.fromString("text"));
        assertNotEquals(
                keyArn,
                s3.headObject(request -> request.bucket(BUCKET).key("k")).ssekmsKeyId(),
                "aws/s3, not the bucket's default key");
    }

    @Test
    void disabledKeyMakesTheObjectUnreadable() {
        encryptByDefault(keyArn, false);
        put("k", "text");
        kms.disableKey(request -> request.keyId(keyArn));
        var refused = refused(() -> get("k"));
        assertEquals("KMS.DisabledException", code(refused));
        assertEquals(400, refused.statusCode());
        kms.enableKey(request -> request.keyId(keyArn));
        assertEquals("text", get("k"));
    }

    @Test
    void bucketKeyOutlivesTheKeyForAWhileOnly() {
        encryptByDefault(keyArn, true);
        put("k", "text");
        get("k");
        kms.disableKey(request -> request.keyId(keyArn));
        assertEquals("text", get("k"), "S3 does not ask KMS for each request while it has the Bucket Key");
        cloud.advance(Duration.ofMinutes(6));
        assertEquals("KMS.DisabledException", code(refused(() -> get("k"))), "then it must ask again");
    }

    @Test
    void updateKeepsDataVersionAndDates() throws IOException {
        put("k", "text");
        var before = s3.headObject(request -> request.bucket(BUCKET).key("k"));
        var bytes = Files.readAllBytes(cloud.s3().ciphertextFile(BUCKET, "k", null));
        cloud.advance(Duration.ofHours(1));
        update("k", keyArn, true);
        var after = s3.headObject(request -> request.bucket(BUCKET).key("k"));
        assertEquals(keyArn, after.ssekmsKeyId());
        assertEquals(before.versionId(), after.versionId(), "no new version");
        assertEquals(before.eTag(), after.eTag());
        assertEquals(before.lastModified(), after.lastModified());
        assertArrayEquals(
                bytes,
                Files.readAllBytes(cloud.s3().ciphertextFile(BUCKET, "k", null)),
                "only the data key is wrapped anew");
        assertEquals("text", get("k"));
    }

    @Test
    void updatedObjectDependsOnTheNewKeyAlone() {
        encryptByDefault(keyArn, false);
        put("k", "text");
        var target = createKey();
        update("k", target, false);
        kms.disableKey(request -> request.keyId(keyArn));
        assertEquals("text", get("k"));
        kms.disableKey(request -> request.keyId(target));
        assertEquals("KMS.DisabledException", code(refused(() -> get("k"))));
    }

    @Test
    void updateRefusesWhatAwsRefuses() {
        put("k", "text");
        assertEquals("InvalidRequest", code(refused(() -> update("k", "alias/reports", true))));
        assertEquals(
                "InvalidRequest",
                code(refused(() -> update("k", keyArn.substring(keyArn.indexOf('/') + 1), true))),
                "a bare key id");
        s3.putObject(
                request -> request.bucket(BUCKET).key("dsse").serverSideEncryption(ServerSideEncryption.AWS_KMS_DSSE),
                RequestBody.fromString("text"));
        assertEquals("InvalidRequest", code(refused(() -> update("dsse", keyArn, true))));
        cloud.s3().addUnencrypted(BUCKET, "from-2022", "text".getBytes(StandardCharsets.UTF_8));
        assertEquals("InvalidRequest", code(refused(() -> update("from-2022", keyArn, true))));
        s3.putObjectLegalHold(request ->
                request.bucket(BUCKET).key("k").legalHold(hold -> hold.status(ObjectLockLegalHoldStatus.ON)));
        assertEquals("AccessDenied", code(refused(() -> update("k", keyArn, true))), "locked");
        assertEquals("NoSuchKey", code(refused(() -> update("missing", keyArn, true))));
    }

    @Test
    void readerNeedsTheRightToDecrypt() {
        encryptByDefault(keyArn, false);
        put("k", "text");
        var reader = Clients.s3(cloud, Clients.session(cloud, """
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::quarterly-reports/*"}
            """));
        var refused = refused(
                () -> reader.getObjectAsBytes(request -> request.bucket(BUCKET).key("k")));
        assertEquals("AccessDenied", code(refused));
        assertTrue(refused.getMessage().contains("kms:Decrypt"), refused.getMessage());
    }

    @Test
    void bucketPolicyHoldsUploadsToOneKey() {
        s3.putBucketPolicy(request -> request.bucket(BUCKET).policy("""
            {"Statement": [
              {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
               "Resource": "arn:aws:s3:::quarterly-reports/*",
               "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "%s"}}},
              {"Effect": "Deny", "Principal": "*", "Action": "s3:*",
               "Resource": ["arn:aws:s3:::quarterly-reports", "arn:aws:s3:::quarterly-reports/*"],
               "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}
            """.formatted(keyArn)));
        assertEquals("AccessDenied", code(refused(() -> put("k", "text"))), "SSE-S3 by default");
        encryptByDefault(keyArn, true);
        put("k", "text");
        assertEquals("text", get("k"), "the condition sees the key of the default encryption");
    }

    @Test
    void whoMayNotListDoesNotLearnWhatIsMissing() {
        var blind = Clients.s3(cloud, Clients.session(cloud, """
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::quarterly-reports/*"}
            """));
        var refused = refused(
                () -> blind.getObjectAsBytes(request -> request.bucket(BUCKET).key("missing")));
        assertEquals(403, refused.statusCode());
        assertTrue(refused.getMessage().contains("s3:ListBucket"), refused.getMessage());
    }
}
