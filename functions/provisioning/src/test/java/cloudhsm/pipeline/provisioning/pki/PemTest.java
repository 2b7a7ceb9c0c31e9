package cloudhsm.pipeline.provisioning.pki;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class PemTest {
    private static final String ROOT = Pem.of(TestChain.root("CN=root", TestChain.rsa(2048)));

    private static String refusal(String text) {
        return assertThrows(MalformedPemException.class, () -> Pem.certificate(text))
                .getMessage();
    }

    @Test
    void textAroundTheBlockIsDropped() {
        var printed = "Certificate:\n    Serial Number: f9:24\n" + ROOT + "\nafterwards";
        assertEquals(ROOT, Pem.of(Pem.certificate(printed)), "CloudHSM's pattern refuses the colon of such text");
    }

    @Test
    void blockThatLostItsLineBreaksIsRead() {
        assertEquals(ROOT, Pem.of(Pem.certificate(ROOT.replace("\n", " "))), "secret stores are known to do that");
    }

    @Test
    void byteOrderMarkIsDropped() {
        assertEquals(ROOT, Pem.bare("\uFEFF" + ROOT), "OpenSSL finds no block behind one");
    }

    @Test
    void allCertificatesAreReadInTheirOrder() {
        var other = TestChain.root("CN=other", TestChain.rsa(2048));
        assertEquals(List.of(Pem.certificate(ROOT), other), Pem.certificates(ROOT + "\n# the other\n" + Pem.of(other)));
    }

    @Test
    void whatIsNotOneCertificateIsRefusedByName() {
        assertEquals("there is no \"BEGIN CERTIFICATE\" block", refusal("None"));
        assertEquals("there are 2 \"CERTIFICATE\" blocks; give one", refusal(ROOT + ROOT));
        assertEquals("the block is not base64", refusal("-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----"));
        assertEquals(
                "the block is not an X.509 certificate",
                refusal("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"));
        assertEquals("the text has 20001 characters; at most 20000 are read", refusal("x".repeat(20_001)));
    }

    @Test
    void privateKeyNeverShowsInARefusal() {
        var refused = assertThrows(
                MalformedPemException.class,
                () -> Pem.privateKey("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"));
        assertEquals("the block is not a private RSA key in PKCS #8", refused.getMessage());
    }

    @Test
    void privateKeyAndCsrComeBackAsTheyWere() {
        var keys = TestChain.rsa(2048);
        assertEquals(keys.getPrivate(), Pem.privateKey(Pem.of(keys.getPrivate())));
        var csr = TestChain.csr(keys, keys);
        assertEquals(csr, Pem.csr(Pem.of(csr)));
    }
}
