package cloudhsm.pipeline.provisioning.pki;

import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/** DER encodings and their SHA-256, in lower-case hex: how certificates and keys are told apart. */
public final class Encoded {
    private Encoded() {}

    static byte[] of(X509Certificate certificate) {
        try {
            return certificate.getEncoded();
        } catch (CertificateEncodingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The SubjectPublicKeyInfo as the CSR has it. */
    static byte[] key(PKCS10CertificationRequest csr) {
        try {
            return csr.getSubjectPublicKeyInfo().getEncoded();
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The certificate's SHA-256 fingerprint. */
    public static String sha256(X509Certificate certificate) {
        return sha256(of(certificate));
    }

    /** Of the key's SubjectPublicKeyInfo. */
    public static String keySha256(PublicKey key) {
        return sha256(key.getEncoded());
    }

    /** Of the CSR's SubjectPublicKeyInfo. */
    public static String keySha256(PKCS10CertificationRequest csr) {
        return sha256(key(csr));
    }

    static String sha256(byte[] encoded) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(encoded));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
