package cloudhsm.pipeline.provisioning.pki;

import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The roots that an AWS chain may end in: those that the operator gave, side by side, or else the pinned one.
 *
 * @param pinned the one whose key may be trusted after its end, by {@link ExpiredRoot#ACCEPT_PINNED}
 * @param anchors at least one
 */
public record AwsRoots(Root pinned, List<Root> anchors) {
    public AwsRoots {
        anchors = List.copyOf(anchors);
    }

    /**
     * @param pem self-signed certificates, one block after the other; blank for the pinned root
     * @throws MalformedPemException if it is neither
     */
    public static AwsRoots of(Root pinned, String pem) {
        if (pem.isBlank()) return new AwsRoots(pinned, List.of(pinned));
        return new AwsRoots(
                pinned,
                Pem.certificates(pem).stream()
                        .map(certificate -> Root.given(AwsRoot.NAME, certificate))
                        .toList());
    }

    /** Whether the root is the pinned one by name and key, whatever its certificate's lifetime. */
    public boolean isPinned(Root root) {
        return root.subject().equals(pinned.subject()) && root.key().equals(pinned.key());
    }

    /** Whether a chain may end in the root now. */
    public boolean mayVouch(Root root, ExpiredRoot expired, Instant now) {
        if (now.isBefore(root.notBefore())) return false;
        return !now.isAfter(root.notAfter()) || (expired == ExpiredRoot.ACCEPT_PINNED && isPinned(root));
    }

    /** The anchor that issued the certificate; of several with one key, the one that ends last. */
    public Optional<Root> issuerOf(X509Certificate certificate) {
        return anchors.stream().filter(anchor -> anchor.issued(certificate)).max(Comparator.comparing(Root::notAfter));
    }
}
