package cloudhsm.pipeline.provisioning.pki;

import cloudhsm.pipeline.provisioning.pki.CertificateRules.Breach;
import cloudhsm.pipeline.provisioning.pki.Finding.Kind;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.PKCSException;

/**
 * Whether an HSM is genuine: both chains link by link, and the CSR's key the one that the HSM's certificate attests.
 *
 * <p>Links are checked by hand (name, signature, lifetime, strength) because vendor certificates do not satisfy every
 * PKIX rule: the intermediates may lack basic constraints. What they do say counts: {@link CertificateRules}.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/verify-hsm-identity.html">Verify the identity of
 *     the HSM</a>
 */
public final class HsmIdentity {
    private static final String HSM = "HsmCertificate";
    private static final String AWS_HARDWARE = "AwsHardwareCertificate";
    private static final String MANUFACTURER_HARDWARE = "ManufacturerHardwareCertificate";

    private final Clock clock;

    /** @param clock what "valid now" means */
    public HsmIdentity(Clock clock) {
        this.clock = clock;
    }

    /**
     * Everything that is wrong with the AWS chain: HSM certificate, AWS hardware certificate, and the AWS root that
     * issued it.
     */
    public List<Finding> awsChain(HsmCertificates certificates, AwsRoots roots, ExpiredRoot expired) {
        var findings = new ArrayList<Finding>();
        var hardware = links(findings, certificates.hsm(), AWS_HARDWARE, certificates.awsHardware());
        if (hardware.isEmpty()) return findings;
        var issuer = roots.issuerOf(hardware.get());
        for (var anchor : issuer.map(List::of).orElse(roots.anchors())) {
            if (!roots.mayVouch(anchor, expired, clock.instant())) findings.add(expired(anchor));
            checkLink(findings, AWS_HARDWARE, hardware.get(), "the " + anchor.name(), anchor);
        }
        return findings;
    }

    /**
     * Everything that is wrong with the manufacturer's chain. Without its root, what can be checked is that the hardware
     * certificate issued the HSM's, and is not AWS's once more.
     */
    public List<Finding> manufacturerChain(HsmCertificates certificates, Optional<Root> root) {
        var findings = new ArrayList<Finding>();
        var hardware = links(findings, certificates.hsm(), MANUFACTURER_HARDWARE, certificates.manufacturerHardware());
        if (hardware.isEmpty()) return findings;
        readable(new ArrayList<>(), AWS_HARDWARE, certificates.awsHardware(), Pem::certificate)
                .filter(aws ->
                        aws.getIssuerX500Principal().equals(hardware.get().getIssuerX500Principal()))
                .ifPresent(aws -> findings.add(new Finding(
                        Kind.SAME_LINK,
                        "The " + MANUFACTURER_HARDWARE + " names the issuer of the " + AWS_HARDWARE + ", \""
                                + aws.getIssuerX500Principal() + "\": it is not the manufacturer's.")));
        root.ifPresent(anchor -> {
            var now = clock.instant();
            if (now.isBefore(anchor.notBefore()) || now.isAfter(anchor.notAfter())) findings.add(expired(anchor));
            checkLink(findings, MANUFACTURER_HARDWARE, hardware.get(), "the " + anchor.name(), anchor);
        });
        return findings;
    }

    /**
     * Everything that is wrong with the CSR: it must be signed with its own key, by a strong algorithm, and that key be
     * the HSM's.
     */
    public List<Finding> csr(HsmCertificates certificates) {
        var findings = new ArrayList<Finding>();
        var csr = readable(findings, "ClusterCsr", certificates.clusterCsr(), Pem::csr);
        var hsm = readable(findings, HSM, certificates.hsm(), Pem::certificate);
        csr.ifPresent(
                request -> CertificateRules.of(request).forEach(breach -> findings.add(breach.of("The ClusterCsr"))));
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

    /** Checks both certificates and that one issued the other; gives the upper one, if it can be read. */
    private Optional<X509Certificate> links(
            List<Finding> findings, String hsmPem, String hardwareName, String hardwarePem) {
        var hsm = readable(findings, HSM, hsmPem, Pem::certificate);
        var hardware = readable(findings, hardwareName, hardwarePem, Pem::certificate);
        hsm.ifPresent(certificate -> check(findings, HSM, certificate, List.of()));
        hardware.ifPresent(
                certificate -> check(findings, hardwareName, certificate, CertificateRules.ofIssuer(certificate, 0)));
        if (hsm.isPresent() && hardware.isPresent()) {
            checkLink(findings, HSM, hsm.get(), "the " + hardwareName, Root.of(hardwareName, hardware.get()));
        }
        return hardware;
    }

    private void check(List<Finding> findings, String name, X509Certificate certificate, List<Breach> asIssuer) {
        checkValidity(findings, name, certificate, clock.instant());
        if (Root.isSelfSigned(certificate)) {
            findings.add(new Finding(
                    Kind.SAME_LINK, "The " + name + " is self-signed: a root, where a link to one should be."));
        }
        Stream.concat(CertificateRules.of(certificate).stream(), asIssuer.stream())
                .map(breach -> breach.of("The " + name))
                .forEach(findings::add);
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
        if (certificate.getPublicKey().equals(issuer.key())) {
            findings.add(new Finding(
                    Kind.SAME_LINK, "The " + name + " has the key of " + issuerName + ": it is the same link twice."));
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

    private Finding expired(Root root) {
        return new Finding(
                Kind.TRUST_ANCHOR_EXPIRED, "T" + root.inWords().substring(1) + ", but now is " + clock.instant() + ".");
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
