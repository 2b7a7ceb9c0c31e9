package cloudhsm.pipeline.provisioning.pki;

/** A text is not the one PEM block it should be; the message says what is wrong with it. */
public final class MalformedPemException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedPemException(String message) {
        super(message);
    }
}
