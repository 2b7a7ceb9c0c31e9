package cloudhsm.pipeline.provisioning.pki;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.RSAKeyGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERPrintableString;
import org.bouncycastle.asn1.x500.AttributeTypeAndValue;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.PKCS10CertificationRequestBuilder;

/** Real certificates in the shape of an hsm2m: two roots, two hardware certificates of one key, one HSM certificate. */
public final class TestChain {
    public static final Instant NOW = Instant.parse("2026-11-02T09:00:00Z");
    private static final String SIGNATURE = "SHA256withRSA";

    /** It makes the weak keys and signatures that the JDK makes no more. */
    private static final Provider BOUNCY_CASTLE = new BouncyCastleProvider();

    static final X500Name HARDWARE_NAME = new X500Name("CN=HSM hardware,O=Marvell");

    public final KeyPair awsRootKeys = rsa(2048);
    public final KeyPair manufacturerRootKeys = rsa(2048);
    public final KeyPair hardwareKeys = rsa(2048);
    public final KeyPair hsmKeys = rsa(2048);
    public final X509Certificate awsRoot = root("CN=Test AWS root", awsRootKeys);
    public final X509Certificate manufacturerRoot = root("CN=Test manufacturer root", manufacturerRootKeys);
    public final X509Certificate awsHardware =
            issue("CN=Test AWS root", awsRootKeys.getPrivate(), HARDWARE_NAME, hardwareKeys, Duration.ofDays(3650));
    public final X509Certificate manufacturerHardware = issue(
            "CN=Test manufacturer root",
            manufacturerRootKeys.getPrivate(),
            HARDWARE_NAME,
            hardwareKeys,
            Duration.ofDays(3650));
    public final X509Certificate hsm =
            issue(HARDWARE_NAME.toString(), hardwareKeys.getPrivate(), partitionName(), hsmKeys, Duration.ofDays(3650));
    public final PKCS10CertificationRequest csr = csr(hsmKeys, hsmKeys);

    public HsmCertificates shown() {
        return new HsmCertificates(Pem.of(hsm), Pem.of(awsHardware), Pem.of(manufacturerHardware), Pem.of(csr));
    }

    public static KeyPair rsa(int bits) {
        return keys("RSA", new RSAKeyGenParameterSpec(bits, RSAKeyGenParameterSpec.F4));
    }

    static KeyPair keys(String algorithm, AlgorithmParameterSpec parameters) {
        try {
            var generator = KeyPairGenerator.getInstance(algorithm, BOUNCY_CASTLE);
            generator.initialize(parameters);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** As an hsm2m's CSR has it: five attributes in one RDN, and a CN with a comma and colons. */
    public static X500Name partitionName() {
        var attributes = new AttributeTypeAndValue[] {
            attribute(BCStyle.C, "US"),
            attribute(BCStyle.ST, "CA"),
            attribute(BCStyle.OU, "LS2"),
            attribute(BCStyle.L, "SanJose"),
            attribute(BCStyle.O, "Marvell")
        };
        var name = new RDN(attribute(BCStyle.CN, "HSM:55B4D2F4C1A3:PARTN:12, for FIPS mode"));
        return new X500Name(new RDN[] {new RDN(attributes), name});
    }

    private static AttributeTypeAndValue attribute(ASN1ObjectIdentifier type, String value) {
        return new AttributeTypeAndValue(type, new DERPrintableString(value));
    }

    /** @param signer whose private key signs; another pair than the subject's makes the proof of possession false */
    public static PKCS10CertificationRequest csr(KeyPair subject, KeyPair signer) {
        return csr(subject, signer, SIGNATURE);
    }

    static PKCS10CertificationRequest csr(KeyPair subject, KeyPair signer, String signature) {
        try {
            return new PKCS10CertificationRequestBuilder(
                            partitionName(),
                            SubjectPublicKeyInfo.getInstance(subject.getPublic().getEncoded()))
                    .build(signer(signature, signer.getPrivate()));
        } catch (OperatorCreationException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static ContentSigner signer(String signature, PrivateKey key) throws OperatorCreationException {
        return new JcaContentSignerBuilder(signature).setProvider(BOUNCY_CASTLE).build(key);
    }

    public static X509Certificate root(String name, KeyPair keys) {
        return issue(name, keys.getPrivate(), new X500Name(name), keys, Duration.ofDays(3650));
    }

    /** @param validity from a day before {@link #NOW} on */
    public static X509Certificate issue(
            String issuer, PrivateKey issuerKey, X500Name subject, KeyPair subjectKeys, Duration validity) {
        return issue(issuer, issuerKey, subject, subjectKeys, NOW.minus(Duration.ofDays(1)), validity, SIGNATURE);
    }

    /** A root with extensions, or signed in a way of its own. */
    public static X509Certificate root(String name, KeyPair keys, String signature, Extension... extensions) {
        var from = NOW.minus(Duration.ofDays(1));
        return issue(
                name, keys.getPrivate(), new X500Name(name), keys, from, Duration.ofDays(3650), signature, extensions);
    }

    /** @param signature as Bouncy Castle calls it */
    public static X509Certificate issue(
            String issuer,
            PrivateKey issuerKey,
            X500Name subject,
            KeyPair subjectKeys,
            Instant notBefore,
            Duration validity,
            String signature,
            Extension... extensions) {
        return issue(issuer, () -> signer(signature, issuerKey), subject, subjectKeys, notBefore, validity, extensions);
    }

    /** A signer that cannot fail with a key of this chain. */
    interface Signer {
        ContentSigner create() throws OperatorCreationException;
    }

    static X509Certificate issue(
            String issuer,
            Signer signer,
            X500Name subject,
            KeyPair subjectKeys,
            Instant notBefore,
            Duration validity,
            Extension... extensions) {
        try {
            var builder = new X509v3CertificateBuilder(
                    new X500Name(issuer),
                    BigInteger.TWO,
                    Date.from(notBefore),
                    Date.from(notBefore.plus(validity)),
                    subject,
                    SubjectPublicKeyInfo.getInstance(subjectKeys.getPublic().getEncoded()));
            for (var extension : extensions) builder.addExtension(extension);
            var encoded = builder.build(signer.create()).getEncoded();
            return (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(encoded));
        } catch (OperatorCreationException | GeneralSecurityException | IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
