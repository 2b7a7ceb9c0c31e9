package cloudhsm.pipeline.provisioning.cluster;

/** The cluster-ca secret is not what the pipeline writes; the message, a clause, says why and shows nothing of a key. */
final class UnreadableCaSecretException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnreadableCaSecretException(String message) {
        super(message);
    }
}
