package cloudhsm.pipeline.provisioning.pki;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.security.interfaces.RSAPublicKey;
import java.time.Duration;
import java.time.Instant;
import org.bouncycastle.asn1.x500.X500Name;
import org.junit.jupiter.api.Test;

class AwsRootTest {
    @Test
    void pinnedKeyIsTheOneOfTheAwsCloudHsmRoot() {
        var root = AwsRoot.pinned();
        assertEquals(
                "fd3bd37c565b11e435f965b9112a73bdbf4f19c82eb16864f2a0a6710b30aaed",
                Encoded.keySha256(root.key()),
                "every AWS chain ends in this key");
        var key = (RSAPublicKey) root.key();
        assertEquals(2048, key.getModulus().bitLength());
        assertEquals(65537, key.getPublicExponent().intValueExact());
    }

    @Test
    void pinnedFactsAreThoseOfThePublishedCertificate() {
        var root = AwsRoot.pinned();
        assertEquals(
                "CN=AWS CloudHSM Root G1,OU=CloudHSM,O=Amazon Web Services INC.,L=Herndon,ST=Virginia,C=US",
                root.subject().getName());
        assertEquals("9c6958fcacbb6f0e36546be1f2ce59ad84ee206835e6977f697d30dce9a7b570", root.sha256());
        assertEquals(Instant.parse("2027-04-26T08:37:46Z"), root.notAfter());
    }

    @Test
    void nothingConfiguredMeansThePinnedRoot() {
        assertEquals(AwsRoot.pinned(), AwsRoot.configured(" \n"));
    }

    @Test
    void configuredRootTakesItsPlace() {
        var successor = TestChain.root("CN=AWS CloudHSM Root G2", TestChain.rsa(2048));
        var root = AwsRoot.configured(Pem.of(successor));
        assertEquals(successor.getPublicKey(), root.key());
        assertEquals(Encoded.sha256(successor), root.sha256());
    }

    @Test
    void configuredCertificateMustBeARoot() {
        var issuer = TestChain.rsa(2048);
        var leaf = TestChain.issue(
                "CN=issuer", issuer.getPrivate(), new X500Name("CN=leaf"), TestChain.rsa(2048), Duration.ofDays(9));
        var refused = assertThrows(MalformedPemException.class, () -> AwsRoot.configured(Pem.of(leaf)));
        assertEquals("the certificate \"CN=leaf\" is not self-signed, so it is not a root", refused.getMessage());
    }
}
