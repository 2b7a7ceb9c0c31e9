package cloudhsm.pipeline.localcloud.kms;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.DryRunOperationException;
import software.amazon.awssdk.services.kms.model.IncorrectKeyException;
import software.amazon.awssdk.services.kms.model.InvalidCiphertextException;
import software.amazon.awssdk.services.kms.model.KmsException;

class CryptographicOperationsTest {
    private static final Map<String, String> CONTEXT = Map.of("aws:s3:arn", "arn:aws:s3:::reports");
    private static final String VIA_S3 = "s3.eu-central-1.amazonaws.com";

    private final LocalCloud cloud = LocalCloud.start();
    private final Callers callers = new Callers(cloud);
    private final KmsClient kms = callers.client(KmsClient.builder(), callers.administrator());
    private final String key = kms.createKey().keyMetadata().arn();

    @AfterEach
    void close() {
        kms.close();
        cloud.close();
    }

    private SdkBytes encrypted(String plaintext) {
        return kms.encrypt(request -> request.keyId(key)
                        .plaintext(SdkBytes.fromUtf8String(plaintext))
                        .encryptionContext(CONTEXT))
                .ciphertextBlob();
    }

    @Test
    void ciphertextNamesItsKeyAndHidesThePlaintext() {
        var encrypted = encrypted("the quarterly figures");
        assertFalse(
                new String(encrypted.asByteArray(), StandardCharsets.ISO_8859_1).contains("figures"),
                "the blob must be a ciphertext");
        var decrypted = kms.decrypt(request -> request.ciphertextBlob(encrypted).encryptionContext(CONTEXT));
        assertEquals("the quarterly figures", decrypted.plaintext().asUtf8String());
        assertEquals(key, decrypted.keyId());
    }

    @Test
    void otherEncryptionContextDoesNotDecrypt() {
        var encrypted = encrypted("text");
        assertThrows(InvalidCiphertextException.class, () -> kms.decrypt(request -> request.ciphertextBlob(encrypted)));
        assertThrows(
                InvalidCiphertextException.class,
                () -> kms.decrypt(request -> request.ciphertextBlob(encrypted)
                        .encryptionContext(Map.of("aws:s3:arn", "arn:aws:s3:::other"))));
    }

    @Test
    void shiftedContextPairIsAnotherContext() {
        var encrypted = kms.encrypt(request -> request.keyId(key)
                        .plaintext(SdkBytes.fromUtf8String("text"))
                        .encryptionContext(Map.of("a", "bc")))
                .ciphertextBlob();
        assertThrows(
                InvalidCiphertextException.class,
                () -> kms.decrypt(request -> request.ciphertextBlob(encrypted).encryptionContext(Map.of("ab", "c"))));
    }

    @Test
    void changedBitIsNoticed() {
        var bytes = encrypted("text").asByteArray();
        bytes[bytes.length - 1] ^= 1;
        assertThrows(
                InvalidCiphertextException.class,
                () -> kms.decrypt(request ->
                        request.ciphertextBlob(SdkBytes.fromByteArray(bytes)).encryptionContext(CONTEXT)));
        assertThrows(
                InvalidCiphertextException.class,
                () -> kms.decrypt(request -> request.ciphertextBlob(SdkBytes.fromUtf8String("no blob of KMS"))));
    }

    @Test
    void decryptUnderAnotherKeyIsIncorrect() {
        var other = kms.createKey().keyMetadata().arn();
        var encrypted = encrypted("text");
        assertThrows(
                IncorrectKeyException.class,
                () -> kms.decrypt(request ->
                        request.keyId(other).ciphertextBlob(encrypted).encryptionContext(CONTEXT)));
    }

    @Test
    void dataKeyIsDecryptedFromItsCiphertext() {
        var dataKey = kms.generateDataKey(
                request -> request.keyId(key).keySpec("AES_256").encryptionContext(CONTEXT));
        assertEquals(32, dataKey.plaintext().asByteArray().length);
        var decrypted = kms.decrypt(
                request -> request.ciphertextBlob(dataKey.ciphertextBlob()).encryptionContext(CONTEXT));
        assertEquals(dataKey.plaintext(), decrypted.plaintext());
        var bytes = kms.generateDataKey(request -> request.keyId(key).numberOfBytes(64));
        assertEquals(64, bytes.plaintext().asByteArray().length);
        var neither = assertThrows(KmsException.class, () -> kms.generateDataKey(request -> request.keyId(key)));
        assertEquals("ValidationException", neither.awsErrorDetails().errorCode());
    }

    @Test
    void reEncryptionChangesTheKeyAndKeepsThePlaintext() {
        var other = kms.createKey().keyMetadata().arn();
        var encrypted = encrypted("text");
        var reEncrypted = kms.reEncrypt(request -> request.ciphertextBlob(encrypted)
                .sourceEncryptionContext(CONTEXT)
                .destinationKeyId(other));
        assertEquals(key, reEncrypted.sourceKeyId());
        assertEquals(other, reEncrypted.keyId());
        var decrypted = kms.decrypt(request -> request.ciphertextBlob(reEncrypted.ciphertextBlob()));
        assertEquals("text", decrypted.plaintext().asUtf8String());
    }

    @Test
    void dryRunUsesNothing() {
        var wouldSucceed = assertThrows(
                DryRunOperationException.class,
                () -> kms.generateDataKey(
                        request -> request.keyId(key).keySpec("AES_256").dryRun(true)));
        assertEquals(
                "The request would have succeeded, but the DryRun option is set.",
                wouldSucceed.awsErrorDetails().errorMessage());
    }

    @Test
    void serviceEncryptsOnTheCallersBehalf() {
        var dataKey = cloud.kms().generateDataKey(callers.administrator(), key, CONTEXT, VIA_S3);
        assertEquals(key, dataKey.keyArn());
        var decrypted = cloud.kms().decrypt(callers.administrator(), dataKey.encrypted(), CONTEXT, VIA_S3);
        assertArrayEquals(dataKey.plaintext(), decrypted);
        var other = kms.createKey().keyMetadata().arn();
        var reEncrypted =
                cloud.kms().reEncrypt(callers.administrator(), dataKey.encrypted(), CONTEXT, other, CONTEXT, VIA_S3);
        assertArrayEquals(
                dataKey.plaintext(), cloud.kms().decrypt(callers.administrator(), reEncrypted, CONTEXT, VIA_S3));
    }

    @Test
    void faultsReachServicesThatCallOnBehalfToo() {
        cloud.faults().add("kms", "GenerateDataKey", 1, Faults.Kind.THROTTLED);
        var throttled = assertThrows(
                AwsException.class, () -> cloud.kms().generateDataKey(callers.administrator(), key, CONTEXT, VIA_S3));
        assertEquals("ThrottlingException", throttled.code());
        cloud.kms().generateDataKey(callers.administrator(), key, CONTEXT, VIA_S3);
    }

    @Test
    void ciphertextOfADeletedKeyIsLost() {
        var encrypted = encrypted("text");
        kms.scheduleKeyDeletion(request -> request.keyId(key).pendingWindowInDays(7));
        cloud.advance(java.time.Duration.ofDays(8));
        var lost = assertThrows(
                KmsException.class,
                () -> kms.decrypt(request -> request.ciphertextBlob(encrypted).encryptionContext(CONTEXT)));
        assertEquals("AccessDeniedException", lost.awsErrorDetails().errorCode());
    }
}
