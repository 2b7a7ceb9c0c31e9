package cloudhsm.pipeline.localcloud.s3;

import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** AES-256 in GCM: a fresh 12-byte nonce, the ciphertext, a 16-byte tag. */
final class AesGcm {
    private static final int NONCE = 12;
    private static final int TAG = 16;
    private static final SecureRandom RANDOM = new SecureRandom();

    private AesGcm() {}

    static byte[] newKey() {
        var key = new byte[32];
        RANDOM.nextBytes(key);
        return key;
    }

    static byte[] encrypt(byte[] key, byte[] plaintext) {
        try {
            var nonce = new byte[NONCE];
            RANDOM.nextBytes(nonce);
            var encrypted = new byte[NONCE + plaintext.length + TAG];
            System.arraycopy(nonce, 0, encrypted, 0, NONCE);
            cipher(Cipher.ENCRYPT_MODE, key, nonce, 0).doFinal(plaintext, 0, plaintext.length, encrypted, NONCE);
            return encrypted;
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** @throws IllegalStateException if the key is wrong or the bytes were changed */
    static byte[] decrypt(byte[] key, byte[] encrypted) {
        try {
            return cipher(Cipher.DECRYPT_MODE, key, encrypted, 0).doFinal(encrypted, NONCE, encrypted.length - NONCE);
        } catch (GeneralSecurityException changed) {
            throw new IllegalStateException("The ciphertext does not belong to this key", changed);
        }
    }

    private static Cipher cipher(int mode, byte[] key, byte[] nonce, int offset) throws GeneralSecurityException {
        var cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, new SecretKeySpec(key, "AES"), new GCMParameterSpec(TAG * 8, nonce, offset, NONCE));
        return cipher;
    }
}
