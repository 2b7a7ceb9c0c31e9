package cloudhsm.pipeline.localcloud.protocol;

import java.util.Map;

/** A refusal as AWS words it: each protocol renders it in its own shape. */
public final class AwsException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final String code;
    private final int status;
    private final transient Map<String, Object> members;

    /**
     * @param code AWS's exception or error code, for example {@code CustomKeyStoreInvalidStateException}
     * @param status HTTP status
     * @param message what AWS tells the caller
     */
    public AwsException(String code, int status, String message) {
        this(code, status, message, Map.of());
    }

    /** @param members further members of the error's shape, beside its message */
    public AwsException(String code, int status, String message, Map<String, Object> members) {
        super(message, null, false, false);
        this.code = code;
        this.status = status;
        this.members = Map.copyOf(members);
    }

    /** A client fault, HTTP 400. */
    public static AwsException badRequest(String code, String message) {
        return new AwsException(code, 400, message);
    }

    public String code() {
        return code;
    }

    public int status() {
        return status;
    }

    public Map<String, Object> members() {
        return members;
    }
}
