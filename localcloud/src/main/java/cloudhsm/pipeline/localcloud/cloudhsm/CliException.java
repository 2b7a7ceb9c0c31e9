package cloudhsm.pipeline.localcloud.cloudhsm;

/** A client tool refuses; the message is what it prints. */
final class CliException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final boolean usage;

    private CliException(String message, boolean usage) {
        super(message, null, false, false);
        this.usage = usage;
    }

    /** The command was understood and failed: {@code error_code} 1. */
    static CliException failed(String message) {
        return new CliException(message, false);
    }

    /** The command line was not understood: exit status 2, and no JSON. */
    static CliException usage(String message) {
        return new CliException(message, true);
    }

    boolean usage() {
        return usage;
    }
}
