package cloudhsm.pipeline.provisioning.pki;

import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import javax.security.auth.x500.X500Principal;

/**
 * A root that a hardware certificate must lead to: name, key and lifetime, which is all that checking needs.
 *
 * @param name how messages call it, for example "AWS CloudHSM root"
 * @param sha256 of the root's certificate, lower-case hex
 */
public record Root(
        String name, X500Principal subject, PublicKey key, Instant notBefore, Instant notAfter, String sha256) {
    public Root {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(subject, "subject");
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(notBefore, "notBefore");
        Objects.requireNonNull(notAfter, "notAfter");
        Objects.requireNonNull(sha256, "sha256");
    }

    /** A root that vouches for HSMs has the hardware certificate under it. */
    private static final int AUTHORITIES_BELOW = 1;

    /**
     * A root that somebody gave.
     *
     * @throws MalformedPemException naming everything for which the certificate cannot be a root
     */
    public static Root given(String name, X509Certificate certificate) {
        var unfit = unfit(certificate);
        if (!unfit.isEmpty()) throw new MalformedPemException(String.join("; ", unfit));
        return of(name, certificate);
    }

    /** Everything for which the certificate cannot be a root, each a clause; its lifetime is not looked at. */
    private static List<String> unfit(X509Certificate certificate) {
        var subject = "the certificate \"" + certificate.getSubjectX500Principal() + "\" ";
        if (!isSelfSigned(certificate)) return List.of(subject + "is not self-signed, so it is not a root");
        return Stream.concat(
                        CertificateRules.of(certificate).stream(),
                        CertificateRules.ofIssuer(certificate, AUTHORITIES_BELOW).stream())
                .map(breach -> subject + breach.predicate())
                .toList();
    }

    /** The root that this certificate, found elsewhere and trusted, describes. */
    public static Root of(String name, X509Certificate certificate) {
        return new Root(
                name,
                certificate.getSubjectX500Principal(),
                certificate.getPublicKey(),
                certificate.getNotBefore().toInstant(),
                certificate.getNotAfter().toInstant(),
                Encoded.sha256(certificate));
    }

    /** Whether this root's name and key are behind the certificate. */
    boolean issued(X509Certificate certificate) {
        return certificate.getIssuerX500Principal().equals(subject) && isSignedBy(certificate, key);
    }

    /** When the root is valid, for a sentence. */
    public String inWords() {
        return "the " + name + " \"" + subject + "\" is valid from " + notBefore + " to " + notAfter;
    }

    /** Whether the certificate names itself as issuer and its own key signed it. */
    public static boolean isSelfSigned(X509Certificate certificate) {
        return certificate.getSubjectX500Principal().equals(certificate.getIssuerX500Principal())
                && isSignedBy(certificate, certificate.getPublicKey());
    }

    static boolean isSignedBy(X509Certificate certificate, PublicKey key) {
        try {
            certificate.verify(key);
            return true;
        } catch (GeneralSecurityException wrong) {
            return false;
        }
    }
}
