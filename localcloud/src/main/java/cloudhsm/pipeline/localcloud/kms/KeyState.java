package cloudhsm.pipeline.localcloud.kms;

/**
 * What may be done with a key.
 *
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html">Key states</a>
 */
enum KeyState {
    ENABLED("Enabled"),
    DISABLED("Disabled"),
    /** The key's custom key store is not connected. */
    UNAVAILABLE("Unavailable"),
    PENDING_DELETION("PendingDeletion");

    private final String name;

    KeyState(String name) {
        this.name = name;
    }

    String awsName() {
        return name;
    }
}
