package cloudhsm.pipeline.provisioning.pki;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.junit.jupiter.api.Test;

class AwsRootsTest {
    private static final KeyPair KEYS = TestChain.rsa(2048);
    private static final String SHA256 = "SHA256withRSA";

    private static AwsRoots configured(X509Certificate... roots) {
        var text = new StringBuilder();
        for (var root : roots) text.append(Pem.of(root));
        return AwsRoots.of(AwsRoot.pinned(), text.toString());
    }

    private static String refusal(X509Certificate root) {
        return assertThrows(MalformedPemException.class, () -> configured(root)).getMessage();
    }

    private static Extension says(BasicConstraints constraints) throws IOException {
        return Extension.create(Extension.basicConstraints, true, constraints);
    }

    @Test
    void nothingConfiguredMeansThePinnedRoot() {
        assertEquals(
                List.of(AwsRoot.pinned()), AwsRoots.of(AwsRoot.pinned(), " \n").anchors());
    }

    @Test
    void configuredRootTakesThePinnedOnesPlace() {
        var successor = TestChain.root("CN=AWS CloudHSM Root G2", KEYS);
        var roots = configured(successor).anchors();
        assertEquals(1, roots.size());
        assertEquals(successor.getPublicKey(), roots.getFirst().key());
        assertEquals(Encoded.sha256(successor), roots.getFirst().sha256());
    }

    @Test
    void rootAndSuccessorStandSideBySide() {
        var first = TestChain.root("CN=AWS CloudHSM Root G1", TestChain.rsa(2048));
        var second = TestChain.root("CN=AWS CloudHSM Root G2", KEYS);
        var roots = configured(first, second);
        assertEquals(2, roots.anchors().size());
        assertEquals(
                Encoded.sha256(second), roots.issuerOf(second).orElseThrow().sha256());
    }

    @Test
    void ofTwoRootsWithOneKeyTheOneThatEndsLastVouches() {
        var name = "CN=AWS CloudHSM Root G1";
        var again = TestChain.issue(name, KEYS.getPrivate(), new X500Name(name), KEYS, Duration.ofDays(9000));
        var roots = configured(TestChain.root(name, KEYS), again, TestChain.root(name, KEYS));
        assertEquals(Encoded.sha256(again), roots.issuerOf(again).orElseThrow().sha256());
    }

    @Test
    void certificateThatIsNotSelfSignedIsRefused() {
        var leaf = TestChain.issue(
                "CN=issuer", KEYS.getPrivate(), new X500Name("CN=leaf"), TestChain.rsa(2048), Duration.ofDays(9));
        assertEquals("the certificate \"CN=leaf\" is not self-signed, so it is not a root", refusal(leaf));
    }

    @Test
    void shortKeyIsRefused() {
        var refused = refusal(TestChain.root("CN=short", TestChain.rsa(1024)));
        assertTrue(
                refused.startsWith("the certificate \"CN=short\" has an RSA key of 1024 bits with the public exponent"
                        + " 65537 (1.2.840.113549.1.1.1)"),
                refused);
    }

    @Test
    void rootSignedWithSha1IsRefused() {
        var refused = refusal(TestChain.root("CN=old", KEYS, "SHA1withRSA"));
        assertTrue(
                refused.startsWith("the certificate \"CN=old\" is signed with SHA1WITHRSA (1.2.840.113549.1.1.5)"),
                refused);
    }

    @Test
    void rootThatSaysItIsNoAuthorityIsRefused() throws IOException {
        assertEquals(
                "the certificate \"CN=leaf\" says in its basic constraints that it is no authority (CA:FALSE)",
                refusal(TestChain.root("CN=leaf", KEYS, SHA256, says(new BasicConstraints(false)))));
    }

    @Test
    void rootThatAllowsNoAuthorityUnderItIsRefused() throws IOException {
        assertEquals(
                "the certificate \"CN=low\" allows 0 authorities under it (pathLenConstraint), where the chain has 1",
                refusal(TestChain.root("CN=low", KEYS, SHA256, says(new BasicConstraints(0)))));
    }

    @Test
    void rootWhoseKeyUsageExcludesSigningIsRefused() throws IOException {
        var usage = Extension.create(Extension.keyUsage, false, new KeyUsage(KeyUsage.cRLSign));
        assertEquals(
                "the certificate \"CN=crl\" has the key usage cRLSign, which excludes keyCertSign",
                refusal(TestChain.root("CN=crl", KEYS, SHA256, usage)));
    }

    @Test
    void everyBlockMustBeARoot() {
        var text = Pem.of(TestChain.root("CN=root", KEYS)) + "-----BEGIN CERTIFICATE-----\nMIID\n";
        assertEquals(
                "a \"BEGIN CERTIFICATE\" block has no \"END CERTIFICATE\"",
                assertThrows(MalformedPemException.class, () -> AwsRoots.of(AwsRoot.pinned(), text))
                        .getMessage());
    }
}
