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
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
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
        return certificate(onlyBlock(text, CERTIFICATE));
    }

    /**
     * All certificates in the text, at least one, in their order.
     *
     * @throws MalformedPemException if there is none, or one cannot be parsed
     */
    public static List<X509Certificate> certificates(String text) {
        return blocks(text, CERTIFICATE).stream().map(Pem::certificate).toList();
    }

    private static X509Certificate certificate(byte[] encoded) {
        X509Certificate certificate;
        try {
            certificate = (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(encoded));
        } catch (CertificateException unparsable) {
            throw new MalformedPemException("the block is not an X.509 certificate");
        }
        var own = Encoded.of(certificate);
        if (!Arrays.equals(own, encoded)) {
            throw new MalformedPemException("the block is not exactly one certificate: it has " + encoded.length
                    + " bytes, the certificate in it " + own.length);
        }
        return certificate;
    }

    /**
     * The only certificate in the text, encoded anew: without a byte order mark, text around it, or lost line breaks.
     *
     * @throws MalformedPemException if there is none, more than one, or it cannot be parsed
     */
    public static String bare(String text) {
        return of(certificate(text));
    }

    /**
     * The same of all certificates in the text, at least one, in their order.
     *
     * @throws MalformedPemException if there is none, or one cannot be parsed
     */
    public static String bareChain(String text) {
        return certificates(text).stream().map(Pem::of).collect(Collectors.joining());
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
        var blocks = blocks(text, label);
        if (blocks.size() > 1) {
            throw new MalformedPemException("there are " + blocks.size() + " \"" + label + "\" blocks; give one");
        }
        return blocks.getFirst();
    }

    private static List<byte[]> blocks(String text, String label) {
        if (text.length() > LONGEST) {
            throw new MalformedPemException(
                    "the text has " + text.length() + " characters; at most " + LONGEST + " are read");
        }
        var begin = "-----BEGIN " + label + "-----";
        var blocks = Pattern.compile(begin + "([^-]*)-----END " + label + "-----")
                .matcher(text)
                .results()
                .map(block -> decoded(block.group(1)))
                .toList();
        var begun = Pattern.compile(begin).matcher(text).results().count();
        if (begun == 0) throw new MalformedPemException("there is no \"BEGIN " + label + "\" block");
        if (begun > blocks.size()) {
            throw new MalformedPemException("a \"BEGIN " + label + "\" block has no \"END " + label + "\"");
        }
        return blocks;
    }

    private static byte[] decoded(String base64) {
        try {
            return Base64.getDecoder().decode(base64.replaceAll("\\s", ""));
        } catch (IllegalArgumentException notBase64) {
            throw new MalformedPemException("the block is not base64");
        }
    }
}
