package cloudhsm.pipeline.provisioning.pki;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.regex.Pattern;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/**
 * PEM as CloudHSM and KMS take it: one bare block. CloudHSM's pattern for certificates has no ":", so the text that
 * OpenSSL prints around a block must not be sent; it is dropped here. Blocks that lost their line breaks are read too.
 */
public final class Pem {
    /** InitializeCluster takes at most this many characters; nothing longer is read. */
    public static final int LONGEST = 20_000;

    private static final Base64.Encoder LINES = Base64.getMimeEncoder(64, new byte[] {'\n'});
    private static final String CERTIFICATE = "CERTIFICATE";
    private static final String CSR = "CERTIFICATE REQUEST";
    private static final String PRIVATE_KEY = "PRIVATE KEY";

    private Pem() {}

    /**
     * The only certificate in the text.
     *
     * @throws MalformedPemException if there is none, more than one, or it cannot be parsed
     */
    public static X509Certificate certificate(String text) {
        var encoded = onlyBlock(text, CERTIFICATE);
        try {
            return (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(encoded));
        } catch (CertificateException unparsable) {
            throw new MalformedPemException("the block is not an X.509 certificate");
        }
    }

    /**
     * The only certificate signing request in the text.
     *
     * @throws MalformedPemException if there is none, more than one, or it cannot be parsed
     */
    public static PKCS10CertificationRequest csr(String text) {
        try {
            return new PKCS10CertificationRequest(onlyBlock(text, CSR));
        } catch (IOException unparsable) {
            throw new MalformedPemException("the block is not a PKCS #10 certificate signing request");
        }
    }

    /**
     * The only private RSA key, as PKCS #8, in the text. The message of the exception never shows any of it.
     *
     * @throws MalformedPemException if there is none, more than one, or it cannot be parsed
     */
    public static PrivateKey privateKey(String text) {
        try {
            return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(onlyBlock(text, PRIVATE_KEY)));
        } catch (GeneralSecurityException unparsable) {
            throw new MalformedPemException("the block is not a private RSA key in PKCS #8");
        }
    }

    /** The certificate as one bare block, ending with a line feed. */
    public static String of(X509Certificate certificate) {
        return block(CERTIFICATE, Encoded.of(certificate));
    }

    /** The CSR as one bare block, ending with a line feed. */
    public static String of(PKCS10CertificationRequest csr) {
        try {
            return block(CSR, csr.getEncoded());
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The key, unencrypted, as one bare PKCS #8 block: a secret. */
    public static String of(PrivateKey key) {
        return block(PRIVATE_KEY, key.getEncoded());
    }

    private static String block(String label, byte[] encoded) {
        return "-----BEGIN " + label + "-----\n" + LINES.encodeToString(encoded) + "\n-----END " + label + "-----\n";
    }

    private static byte[] onlyBlock(String text, String label) {
        if (text.length() > LONGEST) {
            throw new MalformedPemException(
                    "the text has " + text.length() + " characters; at most " + LONGEST + " are read");
        }
        var blocks = new ArrayList<String>();
        var matcher = Pattern.compile("-----BEGIN " + label + "-----([^-]*)-----END " + label + "-----")
                .matcher(text);
        while (matcher.find()) blocks.add(matcher.group(1));
        if (blocks.isEmpty()) throw new MalformedPemException("there is no \"BEGIN " + label + "\" block");
        if (blocks.size() > 1) {
            throw new MalformedPemException("there are " + blocks.size() + " \"" + label + "\" blocks; give one");
        }
        try {
            return Base64.getDecoder().decode(blocks.getFirst().replaceAll("\\s", ""));
        } catch (IllegalArgumentException notBase64) {
            throw new MalformedPemException("the block is not base64");
        }
    }
}
