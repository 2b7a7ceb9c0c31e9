package cloudhsm.pipeline.provisioning.pki;

/**
 * What becomes of a chain whose AWS root has expired. A trust anchor is a name and a key, its lifetime is no part of
 * path validation (RFC 5280 §6.1.1); that it is trusted beyond it is for a person to say.
 */
public enum ExpiredRoot {
    /** It is refused. */
    REFUSE,
    /** The pinned root's name and key are trusted all the same; every certificate under it must be valid now. */
    ACCEPT_PINNED
}
