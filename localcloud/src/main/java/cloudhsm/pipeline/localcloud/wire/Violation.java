package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A value that the model does not allow.
 *
 * @param path where, for example {@code tagList.1.member.key}; lists count from 1
 * @param member the member's own name in the model
 * @param shape the name of its shape
 * @param value what was given; empty where the value is missing or secret
 * @param constraint what it breaks, in AWS's words
 * @param inBody whether the value belongs into the body, not into path, query or a header
 */
public record Violation(
        Kind kind, String path, String member, String shape, String value, String constraint, boolean inBody) {
    private static final int LONGEST_SHOWN = 64;

    /** How a value can break a model. */
    public enum Kind {
        MISSING,
        /** Of another JSON type, or text that is no such number, boolean or base64. */
        TYPE,
        PATTERN,
        LENGTH,
        RANGE,
        ENUM,
        /** A member that the model does not have. AWS ignores many of these; the embedded AWS does not. */
        UNKNOWN
    }

    /**
     * The refusal of the services of the JSON protocols: what cannot be read at all is told apart from the rest.
     *
     * @param code the service's own, for example {@code ValidationException}
     */
    public static AwsException refusal(String code, List<Violation> violations) {
        var unreadable = violations.stream().anyMatch(violation -> violation.kind == Kind.TYPE);
        return AwsException.badRequest(unreadable ? "SerializationException" : code, message(violations));
    }

    /** For example {@code 1 validation error detected: Value null at 'keyId' failed to satisfy constraint: …}. */
    public static String message(List<Violation> violations) {
        return violations.size() + (violations.size() == 1 ? " validation error" : " validation errors")
                + " detected: "
                + violations.stream().map(Violation::toString).collect(Collectors.joining("; "));
    }

    @Override
    public String toString() {
        var shown = switch (kind) {
            case MISSING -> "Value null";
            default -> value.isEmpty() ? "Value" : "Value '" + shortened() + "'";
        };
        return shown + " at '" + path + "' failed to satisfy constraint: " + constraint;
    }

    private String shortened() {
        return value.length() <= LONGEST_SHOWN ? value : value.substring(0, LONGEST_SHOWN) + "…";
    }
}
