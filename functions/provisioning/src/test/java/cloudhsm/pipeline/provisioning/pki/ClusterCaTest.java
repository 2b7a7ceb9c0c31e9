package cloudhsm.pipeline.provisioning.pki;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.Set;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequestBuilder;
import org.junit.jupiter.api.Test;

class ClusterCaTest {
    private static final Clock CLOCK = Clock.fixed(TestChain.NOW, ZoneOffset.UTC);
    private static final TestChain CHAIN = new TestChain();
    private static final ClusterCa CA = ClusterCa.create("CloudHSM cluster CA demo", Duration.ofDays(3652), CLOCK);

    @Test
    void rootIsSelfSignedAndMaySignCertificates() {
        var root = CA.root();
        assertTrue(Root.isSelfSigned(root), "CloudHSM takes self-signed roots only");
        assertTrue(root.getBasicConstraints() >= 0, "basic constraints must say CA");
        assertEquals(Set.of("2.5.29.19", "2.5.29.15"), root.getCriticalExtensionOIDs());
        assertTrue(root.getKeyUsage()[5] && root.getKeyUsage()[6], "keyCertSign and cRLSign");
        assertEquals("SHA256withRSA", root.getSigAlgName());
        assertEquals(
                TestChain.NOW.plus(Duration.ofDays(3652)), root.getNotAfter().toInstant());
    }

    @Test
    void rootFitsIntoTheTrustAnchorOfAKeyStore() {
        assertTrue(Pem.of(CA.root()).length() <= 5_000, "KMS takes at most 5,000 characters");
        assertTrue(Pem.of(CA.root()).matches("[a-zA-Z0-9+-/=\\s]*"), "CloudHSM's pattern has no colon");
    }

    @Test
    void certificateKeepsTheCsrsNameAndKeyByteForByte() throws Exception {
        var certificate = CA.sign(CHAIN.csr, CLOCK);
        assertArrayEquals(
                CHAIN.csr.getSubject().getEncoded(),
                certificate.getSubjectX500Principal().getEncoded(),
                "a multi-valued RDN does not survive being rebuilt");
        assertArrayEquals(
                CHAIN.csr.getSubjectPublicKeyInfo().getEncoded(),
                certificate.getPublicKey().getEncoded());
        certificate.verify(CA.root().getPublicKey());
        assertEquals(CA.root().getSubjectX500Principal(), certificate.getIssuerX500Principal());
    }

    @Test
    void certificateHasNoExtensionsAndEndsWithItsRoot() {
        var later = Clock.fixed(TestChain.NOW.plus(Duration.ofDays(300)), ZoneOffset.UTC);
        var certificate = CA.sign(CHAIN.csr, later);
        assertNull(certificate.getCriticalExtensionOIDs());
        assertNull(certificate.getNonCriticalExtensionOIDs());
        assertEquals(CA.root().getNotAfter(), certificate.getNotAfter(), "a leaf must not outlive its CA");
    }

    @Test
    void serialNumbersArePositiveDifferentAndAtMostTwentyOctets() {
        var one = CA.sign(CHAIN.csr, CLOCK).getSerialNumber();
        var other = CA.sign(CHAIN.csr, CLOCK).getSerialNumber();
        assertEquals(1, one.signum());
        assertTrue(one.toByteArray().length <= 20, "RFC 5280 allows 20 octets");
        assertFalse(one.equals(other), "an issuer must not use a serial number twice");
    }

    @Test
    void csrWithoutProofOfPossessionIsRejected() {
        var csr = TestChain.csr(CHAIN.hsmKeys, CHAIN.hardwareKeys);
        var rejected = assertThrows(CsrRejectedException.class, () -> CA.sign(csr, CLOCK));
        assertEquals("The CSR is not signed by the private key of its public key", rejected.getMessage());
    }

    @Test
    void csrWithAShortKeyIsRejected() {
        var weak = TestChain.rsa(1024);
        var csr = TestChain.csr(weak, weak);
        var rejected = assertThrows(CsrRejectedException.class, () -> CA.sign(csr, CLOCK));
        assertEquals("The CSR's RSA key has 1024 bits; at least 2048 are needed", rejected.getMessage());
    }

    @Test
    void csrOfAnEllipticCurveKeyIsRejected() throws GeneralSecurityException, OperatorCreationException {
        var keys = KeyPairGenerator.getInstance("EC").generateKeyPair();
        var csr = new PKCS10CertificationRequestBuilder(
                        TestChain.partitionName(),
                        SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()))
                .build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate()));
        var rejected = assertThrows(CsrRejectedException.class, () -> CA.sign(csr, CLOCK));
        assertTrue(rejected.getMessage().endsWith(", not RSA"), rejected::getMessage);
    }

    @Test
    void certificateFitsItsOwnCsrAndRootOnly() {
        var certificate = CA.sign(CHAIN.csr, CLOCK);
        var other = TestChain.rsa(2048);
        var otherCa = ClusterCa.create("CloudHSM cluster CA demo", Duration.ofDays(30), CLOCK);
        assertTrue(ClusterCa.isFor(CHAIN.csr, certificate, CA.root(), TestChain.NOW));
        assertFalse(ClusterCa.isFor(TestChain.csr(other, other), certificate, CA.root(), TestChain.NOW));
        assertFalse(
                ClusterCa.isFor(CHAIN.csr, certificate, otherCa.root(), TestChain.NOW),
                "a root of the same name with another key did not issue it");
        assertFalse(
                ClusterCa.isFor(CHAIN.csr, certificate, CA.root(), TestChain.NOW.plus(Duration.ofDays(3653))),
                "an expired certificate is no use");
    }

    @Test
    void privateKeyIsNotInItsText() {
        assertEquals("ClusterCa[CN=CloudHSM cluster CA demo, O=cloudhsm-pipeline]", CA.toString());
    }
}
