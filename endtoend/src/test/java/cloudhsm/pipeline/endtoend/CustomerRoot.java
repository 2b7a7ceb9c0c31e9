package cloudhsm.pipeline.endtoend;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/** A self-signed root as {@code openssl req -x509} makes it, and what {@code openssl x509 -req} signs with it. */
final class CustomerRoot {
    private static final Instant FROM = Instant.parse("2026-01-01T00:00:00Z");
    private static final Instant UNTIL = Instant.parse("2036-01-01T00:00:00Z");

    private final X500Name name;
    private final KeyPair keys;

    CustomerRoot(String commonName) {
        name = new X500Name("CN=" + commonName);
        try {
            var generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            keys = generator.generateKeyPair();
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The root itself, PEM. */
    String certificate() {
        return certificate(
                name, SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()));
    }

    /** An authority below this one, as its certificate; PEM. */
    String certify(CustomerRoot subordinate) {
        return certificate(
                subordinate.name,
                SubjectPublicKeyInfo.getInstance(subordinate.keys.getPublic().getEncoded()));
    }

    /** The certificate for a CSR, with its subject and key unchanged; PEM. */
    String sign(String csrPem) {
        try (var parser = new PEMParser(new StringReader(csrPem))) {
            var csr = (PKCS10CertificationRequest) parser.readObject();
            return certificate(csr.getSubject(), csr.getSubjectPublicKeyInfo());
        } catch (IOException unreadable) {
            throw new IllegalStateException(unreadable);
        }
    }

    private String certificate(X500Name subject, SubjectPublicKeyInfo key) {
        var builder =
                new X509v3CertificateBuilder(name, BigInteger.ONE, Date.from(FROM), Date.from(UNTIL), subject, key);
        var pem = new StringWriter();
        try (var writer = new JcaPEMWriter(pem)) {
            writer.writeObject(builder.build(new JcaContentSignerBuilder("SHA256withRSA").build(keys.getPrivate())));
        } catch (IOException | OperatorCreationException impossible) {
            throw new IllegalStateException(impossible);
        }
        return pem.toString();
    }
}
