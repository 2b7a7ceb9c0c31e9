package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;

/**
 * What KMS hands out as CiphertextBlob: it names its key, so Decrypt needs no key id. AES-256-GCM; key id and
 * encryption context are authenticated, the context is not contained.
 */
final class CiphertextBlob {
    private static final byte FORMAT = 1;
    private static final int KEY_ID_LENGTH = 36;
    private static final int IV_LENGTH = 12;
    private static final int TAG_BITS = 128;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final String keyId;
    private final byte[] iv;
    private final byte[] ciphertext;

    private CiphertextBlob(String keyId, byte[] iv, byte[] ciphertext) {
        this.keyId = keyId;
        this.iv = iv;
        this.ciphertext = ciphertext;
    }

    static CiphertextBlob encrypt(
            String keyId, SecretKey secretKey, byte[] plaintext, Map<String, String> encryptionContext) {
        var iv = new byte[IV_LENGTH];
        RANDOM.nextBytes(iv);
        try {
            var cipher = cipher(Cipher.ENCRYPT_MODE, secretKey, iv, keyId, encryptionContext);
            return new CiphertextBlob(keyId, iv, cipher.doFinal(plaintext));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** @throws AwsException InvalidCiphertextException if the bytes are none of KMS's */
    static CiphertextBlob parse(byte[] bytes) {
        if (bytes.length <= 1 + KEY_ID_LENGTH + IV_LENGTH + TAG_BITS / 8 - 1 || bytes[0] != FORMAT) throw invalid();
        var buffer = ByteBuffer.wrap(bytes, 1, bytes.length - 1);
        var keyId = new byte[KEY_ID_LENGTH];
        var iv = new byte[IV_LENGTH];
        buffer.get(keyId).get(iv);
        var ciphertext = new byte[buffer.remaining()];
        buffer.get(ciphertext);
        return new CiphertextBlob(new String(keyId, StandardCharsets.US_ASCII), iv, ciphertext);
    }

    /** The id of the key that made it. */
    String keyId() {
        return keyId;
    }

    byte[] bytes() {
        return ByteBuffer.allocate(1 + KEY_ID_LENGTH + IV_LENGTH + ciphertext.length)
                .put(FORMAT)
                .put(keyId.getBytes(StandardCharsets.US_ASCII))
                .put(iv)
                .put(ciphertext)
                .array();
    }

    /** @throws AwsException InvalidCiphertextException if the key, the context or a bit of the blob is another one */
    byte[] decrypt(SecretKey secretKey, Map<String, String> encryptionContext) {
        try {
            return cipher(Cipher.DECRYPT_MODE, secretKey, iv, keyId, encryptionContext)
                    .doFinal(ciphertext);
        } catch (GeneralSecurityException notAuthentic) {
            throw invalid();
        }
    }

    private static Cipher cipher(
            int mode, SecretKey secretKey, byte[] iv, String keyId, Map<String, String> encryptionContext)
            throws GeneralSecurityException {
        var cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, secretKey, new GCMParameterSpec(TAG_BITS, iv));
        update(cipher, keyId);
        // The order of the pairs does not matter to KMS; the lengths keep {a: bc} and {ab: c} apart.
        new TreeMap<>(encryptionContext).forEach((name, value) -> {
            update(cipher, name);
            update(cipher, value);
        });
        return cipher;
    }

    private static void update(Cipher cipher, String text) {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        cipher.updateAAD(ByteBuffer.allocate(4).putInt(0, bytes.length));
        cipher.updateAAD(bytes);
    }

    /** AWS says no more, so that nobody learns what was wrong. */
    private static AwsException invalid() {
        return AwsException.badRequest("InvalidCiphertextException", "The ciphertext is invalid");
    }
}
