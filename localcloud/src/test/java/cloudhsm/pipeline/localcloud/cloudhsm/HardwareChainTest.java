package cloudhsm.pipeline.localcloud.cloudhsm;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.cloudhsmv2.model.Certificates;

/**
 * The commands of the manual, on the files that DescribeClusters gives: the JDK's path validation says the same as
 * {@code openssl verify}, and OpenSSL is asked as well where it is installed.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/verify-hsm-identity.html">Verify the identity of
 *     the HSM</a>
 */
class HardwareChainTest {
    private final CloudHsmScenario scenario = new CloudHsmScenario();

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        scenario.close();
    }

    @Test
    void bothChainsPassTheManualsCommands() throws Exception {
        var certificates = scenario.describe(scenario.clusterWithCsr()).certificates();
        for (var chain : chains(certificates)) {
            assertDoesNotThrow(() -> validate(chain));
            assertEquals("HsmCertificate.crt: OK", verify(chain));
        }
        assertEquals(
                publicKey("x509", certificates.hsmCertificate()),
                publicKey("req", certificates.clusterCsr()),
                "the manual's last comparison");
    }

    @Test
    void chainsWithoutExtensionsCanBeHadAndDoNotPass() throws Exception {
        scenario.aws.cloudHsm().hardwareIs(HsmHardware.WITHOUT_EXTENSIONS);
        var certificates = scenario.describe(scenario.clusterWithCsr()).certificates();
        for (var chain : chains(certificates)) {
            assertThrows(CertPathValidatorException.class, () -> validate(chain), "no basic constraints");
            assertEquals("error HsmCertificate.crt: verification failed", verify(chain));
        }
    }

    /** From the HSM up, each as PEM. */
    private record Chain(String hsm, String hardware, String root) {}

    private List<Chain> chains(Certificates shown) {
        return List.of(
                new Chain(
                        shown.hsmCertificate(),
                        shown.awsHardwareCertificate(),
                        scenario.aws.cloudHsm().awsRootPem()),
                new Chain(
                        shown.hsmCertificate(),
                        shown.manufacturerHardwareCertificate(),
                        scenario.aws.cloudHsm().manufacturerRootPem()));
    }

    private static void validate(Chain chain) throws GeneralSecurityException {
        var path = CertificateFactory.getInstance("X.509")
                .generateCertPath(List.of(certificate(chain.hsm()), certificate(chain.hardware())));
        var parameters = new PKIXParameters(Set.of(new TrustAnchor(certificate(chain.root()), null)));
        parameters.setRevocationEnabled(false);
        CertPathValidator.getInstance("PKIX").validate(path, parameters);
    }

    private static X509Certificate certificate(String pem) throws GeneralSecurityException {
        return (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
    }

    /** What OpenSSL says at last, and what it says of such a chain where there is no OpenSSL: the JDK has been asked. */
    private String verify(Chain chain) throws Exception {
        Files.writeString(directory.resolve("HsmCertificate.crt"), chain.hsm());
        Files.writeString(directory.resolve("chain.crt"), chain.hardware() + chain.root());
        if (!isInstalled()) {
            try {
                validate(chain);
                return "HsmCertificate.crt: OK";
            } catch (CertPathValidatorException invalid) {
                return "error HsmCertificate.crt: verification failed";
            }
        }
        return openssl("verify", "-CAfile", "chain.crt", "HsmCertificate.crt");
    }

    private String publicKey(String kind, String pem) throws Exception {
        if (!isInstalled()) {
            var key = kind.equals("x509")
                    ? TestAuthority.certificate(pem).getSubjectPublicKeyInfo()
                    : TestAuthority.csr(pem).getSubjectPublicKeyInfo();
            return Base64.getEncoder().encodeToString(key.getEncoded());
        }
        Files.writeString(directory.resolve("in"), pem);
        openssl(kind, "-in", "in", "-noout", "-pubkey", "-out", "key");
        return Files.readString(directory.resolve("key"));
    }

    private static boolean isInstalled() {
        return Arrays.stream(System.getenv("PATH").split(":"))
                .anyMatch(bin -> Files.isExecutable(Path.of(bin, "openssl")));
    }

    /** The last line of its output. */
    private String openssl(String... arguments) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of("openssl"));
        command.addAll(List.of(arguments));
        var process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return output.lines().reduce("", (before, line) -> line);
    }
}
