package cloudhsm.pipeline.localcloud.cloudhsm;

/** What the hardware under a new HSM shows of itself before its cluster is initialised. */
public enum HsmHardware {
    /** All that {@code openssl verify} needs, as the manual uses it. */
    SOUND,
    /** Hardware certificates that do not say that they are authorities; an older script for another type got by so. */
    WITHOUT_EXTENSIONS,
    /** Hardware certificates that say that they are no authorities (CA:FALSE). */
    NO_AUTHORITY,
    /** A CSR that is signed with SHA-1. */
    CSR_SIGNED_WITH_SHA1,
    /** A CSR that is not signed by the key it is for. */
    CSR_SIGNED_BY_ANOTHER_KEY,
    /** An HSM certificate that no hardware certificate has issued, although it says so. */
    FORGED
}
