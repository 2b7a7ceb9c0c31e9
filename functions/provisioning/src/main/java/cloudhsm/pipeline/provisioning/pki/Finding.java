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
        KEY_MISMATCH,
        /** A link is the root itself, or the same as another link. */
        SAME_LINK,
        /** A certificate or the CSR is signed with a digest or an algorithm that no verifier should accept. */
        WEAK_SIGNATURE,
        /** A certificate or the CSR carries a key that no verifier should accept. */
        WEAK_KEY,
        /** A certificate that issued another says of itself that it must not. */
        NOT_AN_AUTHORITY,
        /** A certificate demands, by a critical extension, what is not understood here. */
        UNKNOWN_CRITICAL_EXTENSION;

        /** Whether names and signatures may hold all the same, so that what was seen is for a person to judge. */
        public boolean isUnfit() {
            return switch (this) {
                case WEAK_SIGNATURE, WEAK_KEY, NOT_AN_AUTHORITY, UNKNOWN_CRITICAL_EXTENSION -> true;
                case UNREADABLE,
                        TRUST_ANCHOR_EXPIRED,
                        NOT_VALID_NOW,
                        WRONG_ISSUER,
                        WRONG_SIGNATURE,
                        NO_PROOF_OF_POSSESSION,
                        KEY_MISMATCH,
                        SAME_LINK -> false;
            };
        }
    }
}
