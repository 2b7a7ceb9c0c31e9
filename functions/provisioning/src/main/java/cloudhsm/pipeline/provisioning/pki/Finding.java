package cloudhsm.pipeline.provisioning.pki;

/**
 * One thing that is wrong with an HSM's certificates.
 *
 * @param message a sentence that names the certificates
 */
public record Finding(Kind kind, String message) {
    /** What a caller may want to tell apart. */
    public enum Kind {
        /** A certificate or the CSR is missing or cannot be parsed. */
        UNREADABLE,
        /** The root that should be trusted is not valid any more, or not yet. */
        TRUST_ANCHOR_EXPIRED,
        /** A certificate below the root is not valid now. */
        NOT_VALID_NOW,
        /** A certificate names another issuer than the certificate above it. */
        WRONG_ISSUER,
        /** A certificate is not signed by the key of the certificate above it. */
        WRONG_SIGNATURE,
        /** The CSR is not signed by the key it carries. */
        NO_PROOF_OF_POSSESSION,
        /** The CSR carries another key than the HSM's certificate. */
        KEY_MISMATCH
    }
}
