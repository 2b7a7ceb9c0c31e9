package cloudhsm.pipeline.provisioning.pki;

import cloudhsm.pipeline.provisioning.pki.Finding.Kind;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.PKCSException;

/**
 * Whether an HSM is genuine: both chains link by link, and the CSR's key the one that the HSM's certificate attests.
 *
 * <p>Links are checked by hand (name, signature, lifetime) because vendor certificates do not satisfy every PKIX rule:
 * the intermediates may lack basic constraints.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/verify-hsm-identity.html">Verify the identity of
 *     the HSM</a>
 */
public final class HsmIdentity {
    private final Clock clock;

    /** @param clock what "valid now" means */
    public HsmIdentity(Clock clock) {
        this.clock = clock;
    }

    /** Everything that is wrong with the AWS chain: HSM certificate, AWS hardware certificate, AWS root. */
    public List<Finding> awsChain(HsmCertificates certificates, Root root) {
        return chain(certificates.hsm(), "AwsHardwareCertificate", certificates.awsHardware(), Optional.of(root));
    }

    /**
     * Everything that is wrong with the manufacturer's chain. Without its root the chain's only checkable link is that
     * the hardware certificate issued the HSM's.
     */
    public List<Finding> manufacturerChain(HsmCertificates certificates, Optional<Root> root) {
        return chain(certificates.hsm(), "ManufacturerHardwareCertificate", certificates.manufacturerHardware(), root);
    }

    /** Everything that is wrong with the CSR: it must be signed with its own key, and that key be the HSM's. */
    public List<Finding> csr(HsmCertificates certificates) {
        var findings = new ArrayList<Finding>();
        var csr = readable(findings, "ClusterCsr", certificates.clusterCsr(), Pem::csr);
        var hsm = readable(findings, "HsmCertificate", certificates.hsm(), Pem::certificate);
        if (csr.isPresent() && !provesPossession(csr.get())) {
            findings.add(new Finding(
                    Kind.NO_PROOF_OF_POSSESSION, "The ClusterCsr is not signed by the private key of its public key."));
        }
        if (csr.isPresent() && hsm.isPresent() && !sameKey(csr.get(), hsm.get())) {
            findings.add(new Finding(
                    Kind.KEY_MISMATCH,
                    "The ClusterCsr is for the public key " + Encoded.keySha256(csr.get())
                            + ", but the HsmCertificate attests "
                            + Encoded.keySha256(hsm.get().getPublicKey())
                            + " (SHA-256 of SubjectPublicKeyInfo)."));
        }
        return findings;
    }

    /** Whether the CSR's signature was made with the private key of the public key it carries. */
    static boolean provesPossession(PKCS10CertificationRequest csr) {
        try {
            return csr.isSignatureValid(new JcaContentVerifierProviderBuilder().build(csr.getSubjectPublicKeyInfo()));
        } catch (OperatorCreationException | PKCSException unverifiable) {
            return false;
        }
    }

    private static boolean sameKey(PKCS10CertificationRequest csr, X509Certificate hsm) {
        return Arrays.equals(Encoded.key(csr), hsm.getPublicKey().getEncoded());
    }

    private List<Finding> chain(String hsmPem, String hardwareName, String hardwarePem, Optional<Root> root) {
        var findings = new ArrayList<Finding>();
        var now = clock.instant();
        var hsm = readable(findings, "HsmCertificate", hsmPem, Pem::certificate);
        var hardware = readable(findings, hardwareName, hardwarePem, Pem::certificate);
        hsm.ifPresent(certificate -> checkValidity(findings, "HsmCertificate", certificate, now));
        hardware.ifPresent(certificate -> checkValidity(findings, hardwareName, certificate, now));
        if (hsm.isPresent() && hardware.isPresent()) {
            checkLink(findings, "HsmCertificate", hsm.get(), hardwareName, Root.of(hardwareName, hardware.get()));
        }
        root.ifPresent(anchor -> {
            checkAnchor(findings, anchor, now);
            hardware.ifPresent(
                    certificate -> checkLink(findings, hardwareName, certificate, "the " + anchor.name(), anchor));
        });
        return findings;
    }

    private static void checkLink(
            List<Finding> findings, String name, X509Certificate certificate, String issuerName, Root issuer) {
        if (!certificate.getIssuerX500Principal().equals(issuer.subject())) {
            findings.add(new Finding(
                    Kind.WRONG_ISSUER,
                    "The " + name + " names the issuer \"" + certificate.getIssuerX500Principal() + "\", but "
                            + issuerName + " is \"" + issuer.subject() + "\"."));
        }
        if (!Root.isSignedBy(certificate, issuer.key())) {
            findings.add(new Finding(
                    Kind.WRONG_SIGNATURE, "The " + name + " is not signed by the key of " + issuerName + "."));
        }
    }

    private static void checkValidity(List<Finding> findings, String name, X509Certificate certificate, Instant now) {
        var notBefore = certificate.getNotBefore().toInstant();
        var notAfter = certificate.getNotAfter().toInstant();
        if (now.isBefore(notBefore) || now.isAfter(notAfter)) {
            findings.add(new Finding(
                    Kind.NOT_VALID_NOW,
                    "The " + name + " is valid from " + notBefore + " to " + notAfter + ", but now is " + now + "."));
        }
    }

    private static void checkAnchor(List<Finding> findings, Root root, Instant now) {
        if (now.isBefore(root.notBefore()) || now.isAfter(root.notAfter())) {
            findings.add(new Finding(
                    Kind.TRUST_ANCHOR_EXPIRED,
                    "The " + root.name() + " \"" + root.subject() + "\" is valid from " + root.notBefore() + " to "
                            + root.notAfter() + ", but now is " + now + "."));
        }
    }

    private static <T> Optional<T> readable(
            List<Finding> findings, String name, String pem, Function<String, T> reader) {
        if (pem.isBlank()) {
            findings.add(new Finding(Kind.UNREADABLE, "The cluster shows no " + name + "."));
            return Optional.empty();
        }
        try {
            return Optional.of(reader.apply(pem));
        } catch (MalformedPemException malformed) {
            findings.add(
                    new Finding(Kind.UNREADABLE, "The " + name + " cannot be read: " + malformed.getMessage() + "."));
            return Optional.empty();
        }
    }
}
