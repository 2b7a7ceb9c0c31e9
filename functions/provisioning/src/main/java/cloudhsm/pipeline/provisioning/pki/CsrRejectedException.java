package cloudhsm.pipeline.provisioning.pki;

/** A certificate signing request must not be signed; the message says why. */
public final class CsrRejectedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    CsrRejectedException(String message) {
        super(message);
    }
}
