package cloudhsm.pipeline.provisioning.pki;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.security.interfaces.RSAPublicKey;
import java.time.Instant;
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
}
