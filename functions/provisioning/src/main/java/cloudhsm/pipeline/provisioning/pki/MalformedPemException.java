package cloudhsm.pipeline.provisioning.pki;

/** A text is not the PEM it should be, or its certificate cannot be what it is given as; the message says why. */
public final class MalformedPemException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedPemException(String message) {
        super(message);
    }
}
