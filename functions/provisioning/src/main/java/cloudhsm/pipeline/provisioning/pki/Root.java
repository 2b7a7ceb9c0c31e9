package cloudhsm.pipeline.provisioning.pki;

import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Objects;
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
