package cloudhsm.pipeline.localcloud.cloudhsm;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Provider;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/** The customer's own certificate authority. */
final class TestAuthority {
    private static final X500Name NAME = new X500Name("CN=Customer Root");
    /** Knows RSASSA-PSS by the names that the builders use. */
    private static final Provider BOUNCY_CASTLE = new BouncyCastleProvider();

    private final KeyPair keys;
    private final String algorithm;
    private final String rootPem;

    TestAuthority() {
        this(newKeys(2048), "SHA256withRSA");
    }

    /** @param algorithm of its signature on itself */
    TestAuthority(KeyPair keys, String algorithm) {
        this.keys = keys;
        this.algorithm = algorithm;
        rootPem = root(Extras.NONE);
    }

    /** What the root says beside its name and key. */
    enum Extras {
        NONE,
        BASIC_CONSTRAINTS,
        ONLY_KEY_USAGE
    }

    static KeyPair newKeys(int bits) {
        try {
            var generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(bits);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    String rootPem() {
        return rootPem;
    }

    /** Another self-signed root of the same name and key. */
    String root(Extras extras) {
        try {
            var builder = builder(
                    NAME, SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()));
            if (extras == Extras.BASIC_CONSTRAINTS) {
                builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
            }
            if (extras == Extras.ONLY_KEY_USAGE) {
                builder.addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign));
            }
            return pem(sign(builder, algorithm));
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    String sign(String csrPem) {
        return sign(csrPem, algorithm);
    }

    /** @param signature as in SHA256withRSA */
    String sign(String csrPem, String signature) {
        return sign(csr(csrPem), csr(csrPem).getSubjectPublicKeyInfo(), signature);
    }

    /** A certificate, and the chain from its issuer, an intermediate authority, up to the root. */
    record Issued(String certificate, String chain) {}

    /** @param pathLength of the root: how many authorities may stand below it */
    Issued signBelow(String csrPem, int pathLength) {
        try {
            var middle = newKeys(2048);
            var root = builder(
                    NAME, SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()));
            root.addExtension(Extension.basicConstraints, true, new BasicConstraints(pathLength));
            var name = new X500Name("CN=Customer Intermediate");
            var intermediate = builder(
                    name, SubjectPublicKeyInfo.getInstance(middle.getPublic().getEncoded()));
            intermediate.addExtension(Extension.basicConstraints, true, new BasicConstraints(0));
            var csr = csr(csrPem);
            var leaf = new X509v3CertificateBuilder(
                            name,
                            BigInteger.TWO,
                            Date.from(Instant.parse("2026-01-01T00:00:00Z")),
                            Date.from(Instant.parse("2036-01-01T00:00:00Z")),
                            csr.getSubject(),
                            csr.getSubjectPublicKeyInfo())
                    .build(new JcaContentSignerBuilder("SHA256withRSA").build(middle.getPrivate()));
            return new Issued(pem(leaf), pem(sign(intermediate, "SHA256withRSA")) + pem(sign(root, "SHA256withRSA")));
        } catch (IOException | OperatorCreationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** With the CSR's name, and a key that is not the HSM's. */
    String signForAnotherKey(String csrPem) {
        var other = SubjectPublicKeyInfo.getInstance(newKeys(2048).getPublic().getEncoded());
        return sign(csr(csrPem), other, "SHA256withRSA");
    }

    static PKCS10CertificationRequest csr(String pem) {
        return (PKCS10CertificationRequest) read(pem);
    }

    static X509CertificateHolder certificate(String pem) {
        return (X509CertificateHolder) read(pem);
    }

    private static Object read(String pem) {
        try (var parser = new PEMParser(new StringReader(pem))) {
            return parser.readObject();
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private String sign(PKCS10CertificationRequest csr, SubjectPublicKeyInfo key, String algorithm) {
        return pem(sign(builder(csr.getSubject(), key), algorithm));
    }

    private static X509v3CertificateBuilder builder(X500Name subject, SubjectPublicKeyInfo key) {
        return new X509v3CertificateBuilder(
                NAME,
                BigInteger.ONE,
                Date.from(Instant.parse("2026-01-01T00:00:00Z")),
                Date.from(Instant.parse("2036-01-01T00:00:00Z")),
                subject,
                key);
    }

    private X509CertificateHolder sign(X509v3CertificateBuilder builder, String algorithm) {
        try {
            return builder.build(new JcaContentSignerBuilder(algorithm)
                    .setProvider(BOUNCY_CASTLE)
                    .build(keys.getPrivate()));
        } catch (OperatorCreationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String pem(Object encodable) {
        var text = new StringWriter();
        try (var writer = new JcaPEMWriter(text)) {
            writer.writeObject(encodable);
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
        return text.toString();
    }
}
