package cloudhsm.pipeline.provisioning.pki;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAKey;
import java.security.interfaces.RSAPublicKey;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.openssl.PEMException;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/**
 * The cluster owner's own certificate authority: one self-signed root that signs the cluster's CSR. Its certificate is
 * the trust anchor of CloudHSM, of its client and of KMS.
 *
 * <p>RSA-2048, SHA-256 and a single root of fewer than 5,000 characters satisfy every published rule, old and new.
 *
 * @param key a secret; {@link #toString} does not show it
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/initialize-cluster.html">Initialize the cluster</a>
 */
public record ClusterCa(X509Certificate root, PrivateKey key) {
    private static final int KEY_BITS = 2048;
    private static final String SIGNATURE = "SHA256withRSA";

    /** RFC 5280 §4.1.2.2: positive and at most 20 octets; 159 bits never set the sign bit of the twentieth. */
    private static final int SERIAL_BITS = 159;

    /** The HSM judges with its own clock, which may be a little behind ours. */
    private static final Duration CLOCK_TOLERANCE = Duration.ofMinutes(5);

    /** The root signs one certificate, and no other authority. */
    private static final int NO_AUTHORITY_BELOW = 0;

    private static final SecureRandom RANDOM = new SecureRandom();

    /**
     * A new root.
     *
     * @param name common name of the root, 1 to 64 characters
     * @param validity of the root, from now
     */
    public static ClusterCa create(String name, Duration validity, Clock clock) {
        try {
            var generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(KEY_BITS, RANDOM);
            var keys = generator.generateKeyPair();
            var subject = new X500NameBuilder(BCStyle.INSTANCE)
                    .addRDN(BCStyle.O, "cloudhsm-pipeline")
                    .addRDN(BCStyle.CN, name)
                    .build();
            var now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
            var certificate = new X509v3CertificateBuilder(
                            subject,
                            serial(),
                            Date.from(now.minus(CLOCK_TOLERANCE)),
                            Date.from(now.plus(validity)),
                            subject,
                            SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()))
                    .addExtension(Extension.basicConstraints, true, new BasicConstraints(NO_AUTHORITY_BELOW))
                    .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
            return new ClusterCa(signed(certificate, keys.getPrivate()), keys.getPrivate());
        } catch (GeneralSecurityException | IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /**
     * Signs the cluster's CSR. Subject and public key are copied from it byte for byte, because HSMs have subjects with
     * a multi-valued RDN that do not survive being rebuilt; the certificate has no extensions and expires with the root.
     *
     * @param csr read from DescribeClusters in the same run; AWS may replace the first HSM, and its key with it
     * @throws CsrRejectedException if the CSR's signature is wrong or its key is not RSA of at least 2048 bits
     */
    public X509Certificate sign(PKCS10CertificationRequest csr, Clock clock) {
        requireProofOfPossession(csr);
        requireStrongKey(csr);
        var soonest = clock.instant().truncatedTo(ChronoUnit.SECONDS).minus(CLOCK_TOLERANCE);
        var rootsOwn = root.getNotBefore().toInstant();
        return signed(
                new X509v3CertificateBuilder(
                        X500Name.getInstance(root.getSubjectX500Principal().getEncoded()),
                        serial(),
                        Date.from(soonest.isBefore(rootsOwn) ? rootsOwn : soonest),
                        root.getNotAfter(),
                        csr.getSubject(),
                        csr.getSubjectPublicKeyInfo()),
                key);
    }

    /** Whether the root is valid for at least this long from now. */
    public boolean isValidFor(Duration remaining, Clock clock) {
        return root.getNotAfter().toInstant().isAfter(clock.instant().plus(remaining));
    }

    /** Whether the certificate is for the CSR's key and was issued by the trust anchor, and both are valid now. */
    public static boolean isFor(
            PKCS10CertificationRequest csr, X509Certificate certificate, X509Certificate trustAnchor, Instant now) {
        return Arrays.equals(Encoded.key(csr), certificate.getPublicKey().getEncoded())
                && hasIssued(trustAnchor, certificate)
                && now.isBefore(certificate.getNotAfter().toInstant())
                && now.isBefore(trustAnchor.getNotAfter().toInstant());
    }

    /** Whether the trust anchor is self-signed and has issued the certificate, by name and by key. */
    public static boolean hasIssued(X509Certificate trustAnchor, X509Certificate certificate) {
        return hasIssued(List.of(trustAnchor), certificate);
    }

    /** The same of a chain: the first has issued the certificate, each other the one before it, and only the last itself. */
    public static boolean hasIssued(List<X509Certificate> chain, X509Certificate certificate) {
        var below = certificate;
        for (var issuer : chain) {
            if (!below.getIssuerX500Principal().equals(issuer.getSubjectX500Principal())) return false;
            if (!Root.isSignedBy(below, issuer.getPublicKey())) return false;
            if (Root.isSelfSigned(issuer) != issuer.equals(chain.getLast())) return false;
            below = issuer;
        }
        return true;
    }

    /** Whether the private key is the root's, so that what it signs leads to the root. */
    public boolean isWhole() {
        return key instanceof RSAKey own
                && root.getPublicKey() instanceof RSAKey roots
                && own.getModulus().equals(roots.getModulus());
    }

    private static void requireProofOfPossession(PKCS10CertificationRequest csr) {
        if (!HsmIdentity.provesPossession(csr)) {
            throw new CsrRejectedException("The CSR is not signed by the private key of its public key");
        }
    }

    private static void requireStrongKey(PKCS10CertificationRequest csr) {
        PublicKey key;
        try {
            key = new JcaPEMKeyConverter().getPublicKey(csr.getSubjectPublicKeyInfo());
        } catch (PEMException unreadable) {
            throw new CsrRejectedException("The CSR's public key cannot be read");
        }
        if (!(key instanceof RSAPublicKey rsa)) {
            throw new CsrRejectedException("The CSR's public key is " + key.getAlgorithm() + ", not RSA");
        }
        if (rsa.getModulus().bitLength() < KEY_BITS) {
            throw new CsrRejectedException("The CSR's RSA key has "
                    + rsa.getModulus().bitLength() + " bits; at least " + KEY_BITS + " are needed");
        }
    }

    private static BigInteger serial() {
        return new BigInteger(SERIAL_BITS, RANDOM).setBit(SERIAL_BITS - 1);
    }

    private static X509Certificate signed(X509v3CertificateBuilder certificate, PrivateKey key) {
        try {
            var encoded = certificate
                    .build(new JcaContentSignerBuilder(SIGNATURE).build(key))
                    .getEncoded();
            return (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(encoded));
        } catch (OperatorCreationException | GeneralSecurityException | IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @Override
    public String toString() {
        return "ClusterCa[" + root.getSubjectX500Principal() + "]";
    }
}
