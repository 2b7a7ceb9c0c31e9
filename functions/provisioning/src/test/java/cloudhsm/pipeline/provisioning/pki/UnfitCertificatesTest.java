package cloudhsm.pipeline.provisioning.pki;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.pki.Finding.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.RSAKeyGenParameterSpec;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSASSAPSSparams;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.operator.ContentSigner;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Chains whose names, signatures and dates hold, with one thing in them that no verifier should accept. */
class UnfitCertificatesTest {
    private static final TestChain CHAIN = new TestChain();
    private static final AwsRoots AWS =
            new AwsRoots(AwsRoot.pinned(), List.of(Root.of("AWS CloudHSM root", CHAIN.awsRoot)));
    private static final String SHA256 = "SHA256withRSA";
    private static final String SIGNATURES =
            "; accepted are RSA, RSASSA-PSS and ECDSA with SHA-224, SHA-256, SHA-384 or SHA-512.";
    private static final String KEYS =
            "; accepted are RSA of at least 2048 bits with an odd exponent above 65536, and EC"
                    + " on a named curve of at least 256 bits.";

    private final HsmIdentity identity = new HsmIdentity(Clock.fixed(TestChain.NOW, ZoneOffset.UTC));

    private static X509Certificate hardware(KeyPair keys, String signature, Extension... extensions) {
        return issue("CN=Test AWS root", CHAIN.awsRootKeys, TestChain.HARDWARE_NAME, keys, signature, extensions);
    }

    private static X509Certificate hsm(KeyPair issuer, KeyPair keys, String signature, Extension... extensions) {
        var name = TestChain.HARDWARE_NAME.toString();
        return issue(name, issuer, TestChain.partitionName(), keys, signature, extensions);
    }

    private static X509Certificate issue(
            String issuer,
            KeyPair issuerKeys,
            X500Name subject,
            KeyPair keys,
            String signature,
            Extension... extensions) {
        return TestChain.issue(
                issuer,
                issuerKeys.getPrivate(),
                subject,
                keys,
                TestChain.NOW.minus(Duration.ofDays(1)),
                Duration.ofDays(3650),
                signature,
                extensions);
    }

    private static HsmCertificates shown(X509Certificate hsm, X509Certificate hardware) {
        return new HsmCertificates(
                Pem.of(hsm), Pem.of(hardware), Pem.of(CHAIN.manufacturerHardware), Pem.of(CHAIN.csr));
    }

    private List<Finding> found(X509Certificate hsm, X509Certificate hardware) {
        return identity.awsChain(shown(hsm, hardware), AWS, ExpiredRoot.REFUSE);
    }

    private List<Finding> foundInHardware(String signature, Extension... extensions) {
        return found(CHAIN.hsm, hardware(CHAIN.hardwareKeys, signature, extensions));
    }

    @ParameterizedTest
    @CsvSource({
        "MD2withRSA, MD2WITHRSA (1.2.840.113549.1.1.2)",
        "MD5withRSA, MD5WITHRSA (1.2.840.113549.1.1.4)",
        "SHA1withRSA, SHA1WITHRSA (1.2.840.113549.1.1.5)"
    })
    void weakSignatureIsNamedByItsAlgorithm(String signature, String named) {
        assertEquals(
                List.of(new Finding(
                        Kind.WEAK_SIGNATURE, "The AwsHardwareCertificate is signed with " + named + SIGNATURES)),
                foundInHardware(signature));
        assertEquals(
                List.of(new Finding(Kind.WEAK_SIGNATURE, "The HsmCertificate is signed with " + named + SIGNATURES)),
                found(hsm(CHAIN.hardwareKeys, CHAIN.hsmKeys, signature), CHAIN.awsHardware));
    }

    @Test
    void pssOverSha1IsNamedByItsDigest() {
        assertEquals(
                List.of(new Finding(
                        Kind.WEAK_SIGNATURE,
                        "The AwsHardwareCertificate is signed with RSASSA-PSS (1.2.840.113549.1.1.10) over the digest"
                                + " SHA1 (1.3.14.3.2.26)" + SIGNATURES)),
                foundInHardware("SHA1withRSAandMGF1"));
    }

    @ParameterizedTest
    @CsvSource({
        "SHA-256, SHA-1, SHA256 (2.16.840.1.101.3.4.2.1), SHA1 (1.3.14.3.2.26)",
        "SHA-512, SHA-256, SHA512 (2.16.840.1.101.3.4.2.3), SHA256 (2.16.840.1.101.3.4.2.1)"
    })
    void pssWhoseMaskIsWeakerThanItsDigestIsFound(String digest, String mask, String namedDigest, String namedMask) {
        assertEquals(
                List.of(new Finding(
                        Kind.WEAK_SIGNATURE,
                        "The AwsHardwareCertificate is signed with RSASSA-PSS (1.2.840.113549.1.1.10) over the digest "
                                + namedDigest + " with MGF1 over the weaker digest " + namedMask + SIGNATURES)),
                found(CHAIN.hsm, hardwareUnderPss(digest, mask)));
    }

    @Test
    void pssWhoseMaskIsStrongerThanItsDigestIsAccepted() {
        assertEquals(List.of(), found(CHAIN.hsm, hardwareUnderPss("SHA-256", "SHA-384")));
    }

    /** Bouncy Castle's own asks the JDK for a name that it does not know. */
    private record PssSigner(PrivateKey key, PSSParameterSpec parameters, ByteArrayOutputStream signed)
            implements ContentSigner {
        PssSigner(PrivateKey key, PSSParameterSpec parameters) {
            this(key, parameters, new ByteArrayOutputStream());
        }

        private Signature signature() throws GeneralSecurityException {
            var signature = Signature.getInstance("RSASSA-PSS");
            signature.setParameter(parameters);
            signature.initSign(key);
            return signature;
        }

        @Override
        public AlgorithmIdentifier getAlgorithmIdentifier() {
            try {
                return new AlgorithmIdentifier(
                        PKCSObjectIdentifiers.id_RSASSA_PSS,
                        RSASSAPSSparams.getInstance(signature().getParameters().getEncoded()));
            } catch (GeneralSecurityException | IOException impossible) {
                throw new IllegalStateException(impossible);
            }
        }

        @Override
        public OutputStream getOutputStream() {
            return signed;
        }

        @Override
        public byte[] getSignature() {
            try {
                var signature = signature();
                signature.update(signed.toByteArray());
                return signature.sign();
            } catch (GeneralSecurityException impossible) {
                throw new IllegalStateException(impossible);
            }
        }
    }

    private static X509Certificate hardwareUnderPss(String digest, String mask) {
        var parameters = new PSSParameterSpec(digest, "MGF1", new MGF1ParameterSpec(mask), 32, 1);
        return TestChain.issue(
                "CN=Test AWS root",
                () -> new PssSigner(CHAIN.awsRootKeys.getPrivate(), parameters),
                TestChain.HARDWARE_NAME,
                CHAIN.hardwareKeys,
                TestChain.NOW.minus(Duration.ofDays(1)),
                Duration.ofDays(3650));
    }

    @ParameterizedTest
    @CsvSource({"SHA256withRSAandMGF1", "SHA224withRSA", "SHA384withRSA", "SHA512withRSA"})
    void strongSignatureIsAccepted(String signature) {
        assertEquals(List.of(), foundInHardware(signature));
    }

    @Test
    void chainOnAnEllipticCurveIsAccepted() {
        var keys = TestChain.keys("EC", new ECGenParameterSpec("secp384r1"));
        assertEquals(List.of(), found(hsm(keys, CHAIN.hsmKeys, "SHA384withECDSA"), hardware(keys, SHA256)));
    }

    @Test
    void rsaKeyUnder2048BitsIsFound() {
        var keys = TestChain.rsa(1024);
        var message = " has an RSA key of 1024 bits with the public exponent 65537 (1.2.840.113549.1.1.1)" + KEYS;
        assertEquals(
                List.of(new Finding(Kind.WEAK_KEY, "The AwsHardwareCertificate" + message)),
                found(hsm(keys, CHAIN.hsmKeys, SHA256), hardware(keys, SHA256)));
        assertEquals(
                List.of(new Finding(Kind.WEAK_KEY, "The HsmCertificate" + message)),
                found(hsm(CHAIN.hardwareKeys, keys, SHA256), CHAIN.awsHardware));
    }

    @Test
    void ellipticCurveKeyUnder256BitsIsFound() {
        var keys = TestChain.keys("EC", new ECGenParameterSpec("secp224r1"));
        assertEquals(
                List.of(new Finding(
                        Kind.WEAK_KEY,
                        "The HsmCertificate has an EC key of 224 bits on the curve secp224r1 (1.2.840.10045.2.1)"
                                + KEYS)),
                found(hsm(CHAIN.hardwareKeys, keys, SHA256), CHAIN.awsHardware));
    }

    @Test
    void intermediateThatSaysItIsNoAuthorityIsFound() throws IOException {
        var constraints = Extension.create(Extension.basicConstraints, false, new BasicConstraints(false));
        assertEquals(
                List.of(new Finding(
                        Kind.NOT_AN_AUTHORITY,
                        "The AwsHardwareCertificate says in its basic constraints that it is no authority"
                                + " (CA:FALSE).")),
                foundInHardware(SHA256, constraints));
    }

    @Test
    void intermediateWhoseKeyUsageExcludesSigningIsFound() throws IOException {
        var usage = Extension.create(
                Extension.keyUsage, false, new KeyUsage(KeyUsage.digitalSignature | KeyUsage.keyEncipherment));
        assertEquals(
                List.of(new Finding(
                        Kind.NOT_AN_AUTHORITY,
                        "The AwsHardwareCertificate has the key usage digitalSignature, keyEncipherment, which excludes"
                                + " keyCertSign.")),
                foundInHardware(SHA256, usage));
    }

    @Test
    void intermediateThatSaysItIsAnAuthorityIsAccepted() throws IOException {
        assertEquals(
                List.of(),
                foundInHardware(
                        SHA256,
                        Extension.create(Extension.basicConstraints, true, new BasicConstraints(0)),
                        Extension.create(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign))));
    }

    @Test
    void unknownCriticalExtensionIsNamedInEitherCertificate() throws IOException {
        var oid = new ASN1ObjectIdentifier("1.3.6.1.4.1.99999.1");
        var critical = Extension.create(oid, true, DERNull.INSTANCE);
        var message = " has the critical extension 1.3.6.1.4.1.99999.1, which is not understood here.";
        assertEquals(
                List.of(new Finding(Kind.UNKNOWN_CRITICAL_EXTENSION, "The AwsHardwareCertificate" + message)),
                foundInHardware(SHA256, critical));
        assertEquals(
                List.of(new Finding(Kind.UNKNOWN_CRITICAL_EXTENSION, "The HsmCertificate" + message)),
                found(hsm(CHAIN.hardwareKeys, CHAIN.hsmKeys, SHA256, critical), CHAIN.awsHardware));
        assertEquals(
                List.of(),
                foundInHardware(SHA256, Extension.create(oid, false, DERNull.INSTANCE)),
                "what is not critical may be ignored");
    }

    @Test
    void rootInTheHardwareCertificatesPlaceIsFound() {
        var keys = CHAIN.awsRootKeys;
        var hsm = issue("CN=Test AWS root", keys, TestChain.partitionName(), CHAIN.hsmKeys, SHA256);
        assertEquals(
                List.of(
                        new Finding(
                                Kind.SAME_LINK,
                                "The AwsHardwareCertificate is self-signed: a root, where a link to one should be."),
                        new Finding(
                                Kind.SAME_LINK,
                                "The AwsHardwareCertificate has the key of the AWS CloudHSM root: it is the same link"
                                        + " twice.")),
                found(hsm, CHAIN.awsRoot));
    }

    @Test
    void certificateOfTheRootsKeyUnderAnotherNameIsFound() {
        var hardware = hardware(CHAIN.awsRootKeys, SHA256);
        assertEquals(
                List.of(new Finding(
                        Kind.SAME_LINK,
                        "The AwsHardwareCertificate has the key of the AWS CloudHSM root: it is the same link twice.")),
                found(hsm(CHAIN.awsRootKeys, CHAIN.hsmKeys, SHA256), hardware));
    }

    @Test
    void hsmCertificateWithTheHardwaresKeyIsFound() {
        assertEquals(
                List.of(new Finding(
                        Kind.SAME_LINK,
                        "The HsmCertificate has the key of the AwsHardwareCertificate: it is the same link twice.")),
                found(hsm(CHAIN.hardwareKeys, CHAIN.hardwareKeys, SHA256), CHAIN.awsHardware));
    }

    @Test
    void manufacturersCertificateThatIsAwssOnceMoreIsFound() {
        var hardware = Pem.of(CHAIN.awsHardware);
        var shown = new HsmCertificates(Pem.of(CHAIN.hsm), hardware, hardware, Pem.of(CHAIN.csr));
        assertEquals(
                List.of(new Finding(
                        Kind.SAME_LINK,
                        "The ManufacturerHardwareCertificate names the issuer of the AwsHardwareCertificate,"
                                + " \"CN=Test AWS root\": it is not the manufacturer's.")),
                identity.manufacturerChain(shown, Optional.empty()));
    }

    @Test
    void bytesBehindACertificateAreFound() throws Exception {
        var encoded = CHAIN.awsHardware.getEncoded();
        var withMore = Arrays.copyOf(encoded, encoded.length + 7);
        var pem = "-----BEGIN CERTIFICATE-----\n" + Base64.getEncoder().encodeToString(withMore)
                + "\n-----END CERTIFICATE-----\n";
        var shown = new HsmCertificates(Pem.of(CHAIN.hsm), pem, "", Pem.of(CHAIN.csr));
        assertEquals(
                List.of(new Finding(
                        Kind.UNREADABLE,
                        "The AwsHardwareCertificate cannot be read: the block is not exactly one certificate: it has "
                                + withMore.length + " bytes, the certificate in it " + encoded.length + ".")),
                identity.awsChain(shown, AWS, ExpiredRoot.REFUSE));
    }

    @Test
    void secondCertificateBehindTheFirstIsFound() {
        var two = Pem.of(CHAIN.awsHardware) + Pem.of(CHAIN.awsRoot);
        var shown = new HsmCertificates(Pem.of(CHAIN.hsm), two, "", Pem.of(CHAIN.csr));
        assertEquals(
                List.of(new Finding(
                        Kind.UNREADABLE,
                        "The AwsHardwareCertificate cannot be read: there are 2 \"CERTIFICATE\" blocks; give one.")),
                identity.awsChain(shown, AWS, ExpiredRoot.REFUSE));
    }

    @Test
    void bytesBehindACsrAreFound() throws Exception {
        var encoded = CHAIN.csr.getEncoded();
        var pem = "-----BEGIN CERTIFICATE REQUEST-----\n"
                + Base64.getEncoder().encodeToString(Arrays.copyOf(encoded, encoded.length + 7))
                + "\n-----END CERTIFICATE REQUEST-----\n";
        var findings = identity.csr(new HsmCertificates(Pem.of(CHAIN.hsm), "", "", pem));
        assertEquals(
                List.of(new Finding(
                        Kind.UNREADABLE,
                        "The ClusterCsr cannot be read: the block is not a PKCS #10 certificate signing request.")),
                findings);
    }

    private List<Finding> foundInCsr(KeyPair keys, String signature) {
        var hsm = hsm(CHAIN.hardwareKeys, keys, SHA256);
        var csr = TestChain.csr(keys, keys, signature);
        return identity.csr(new HsmCertificates(Pem.of(hsm), "", "", Pem.of(csr)));
    }

    @ParameterizedTest
    @CsvSource({"MD5withRSA, MD5WITHRSA (1.2.840.113549.1.1.4)", "SHA1withRSA, SHA1WITHRSA (1.2.840.113549.1.1.5)"})
    void weaklySignedCsrIsFound(String signature, String named) {
        assertEquals(
                List.of(new Finding(Kind.WEAK_SIGNATURE, "The ClusterCsr is signed with " + named + SIGNATURES)),
                foundInCsr(CHAIN.hsmKeys, signature));
    }

    @Test
    void csrWithTheExponentThreeIsFound() {
        var keys = TestChain.keys("RSA", new RSAKeyGenParameterSpec(2048, BigInteger.valueOf(3)));
        assertEquals(
                List.of(new Finding(
                        Kind.WEAK_KEY,
                        "The ClusterCsr has an RSA key of 2048 bits with the public exponent 3 (1.2.840.113549.1.1.1)"
                                + KEYS)),
                foundInCsr(keys, SHA256));
    }

    @Test
    void whatIsUnfitIsForAPersonToJudgeAndWhatIsForgedIsNot() {
        assertTrue(Kind.WEAK_SIGNATURE.isUnfit() && Kind.NOT_AN_AUTHORITY.isUnfit());
        assertEquals(false, Kind.WRONG_SIGNATURE.isUnfit() || Kind.SAME_LINK.isUnfit());
    }
}
