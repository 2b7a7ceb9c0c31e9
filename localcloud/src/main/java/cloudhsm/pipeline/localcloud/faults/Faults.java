package cloudhsm.pipeline.localcloud.faults;

import cloudhsm.pipeline.localcloud.http.AwsException;
import java.util.ArrayList;
import java.util.List;

/** What goes wrong on demand. Rules are consulted in the order they were added; each fires once, on its n-th match. */
public final class Faults {
    /** What an API call can suffer. */
    public enum Kind {
        THROTTLED,
        INTERNAL_ERROR,
        /** The call takes effect, the connection breaks before the answer. */
        ANSWER_LOST
    }

    private static final class Rule {
        private final String service;
        private final String operation;
        private final Kind kind;
        private int remaining;

        private Rule(String service, String operation, int callNumber, Kind kind) {
            this.service = service;
            this.operation = operation;
            this.remaining = callNumber;
            this.kind = kind;
        }
    }

    private final List<Rule> rules = new ArrayList<>();

    /**
     * @param service signing name, for example {@code cloudhsm}
     * @param callNumber the how-maniest call of that operation from now on; 1 is the next
     */
    public synchronized void add(String service, String operation, int callNumber, Kind kind) {
        if (callNumber < 1) throw new IllegalArgumentException("The first call is number 1, not " + callNumber);
        rules.add(new Rule(service, operation, callNumber, kind));
    }

    /** Counts the call; null if it goes well. */
    public synchronized Kind onCall(String service, String operation) {
        Kind kind = null;
        for (var rules = this.rules.iterator(); rules.hasNext(); ) {
            var rule = rules.next();
            if (!rule.service.equals(service) || !rule.operation.equals(operation)) continue;
            if (--rule.remaining == 0) {
                rules.remove();
                if (kind == null) kind = rule.kind;
            }
        }
        return kind;
    }

    /** The error that a caller sees of {@link Kind#THROTTLED} and {@link Kind#INTERNAL_ERROR}. */
    public static AwsException error(Kind kind, String service) {
        if (kind == Kind.THROTTLED) {
            return service.equals("s3")
                    ? new AwsException("SlowDown", 503, "Please reduce your request rate.")
                    : AwsException.badRequest("ThrottlingException", "Rate exceeded");
        }
        var code = switch (service) {
            case "cloudhsm" -> "CloudHsmInternalFailureException";
            case "kms" -> "KMSInternalException";
            case "s3" -> "InternalError";
            case "lambda" -> "ServiceException";
            default -> "InternalServerError";
        };
        return new AwsException(code, 500, "We encountered an internal error. Please try again.");
    }
}
