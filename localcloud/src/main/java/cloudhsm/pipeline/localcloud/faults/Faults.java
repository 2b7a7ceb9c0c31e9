package cloudhsm.pipeline.localcloud.faults;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;

/** What goes wrong on demand. Rules are consulted in the order they were added; each fires once, on its n-th match. */
public final class Faults {
    /** What an API call can suffer. */
    public enum Kind {
        THROTTLED,
        INTERNAL_ERROR,
        /** The call takes effect, the connection breaks before the answer. */
        ANSWER_LOST,
        /** The call takes effect, and the function that made it dies; of another caller, as {@link #ANSWER_LOST}. */
        FUNCTION_KILLED
    }

    private static final Kind[] SURVIVED = {Kind.THROTTLED, Kind.INTERNAL_ERROR, Kind.ANSWER_LOST};

    private static final class Rule {
        private final String caller;
        private final String service;
        private final String operation;
        private final Kind kind;
        private int remaining;

        private Rule(String caller, String service, String operation, int callNumber, Kind kind) {
            this.caller = caller;
            this.service = service;
            this.operation = operation;
            this.remaining = callNumber;
            this.kind = kind;
        }

        private boolean concerns(String callerArn, String service, String operation) {
            return this.service.equals(service) && this.operation.equals(operation) && callerArn.contains(caller);
        }
    }

    private final List<Rule> rules = new ArrayList<>();
    private double share;
    private double killed = 1.0 / Kind.values().length;
    private RandomGenerator random = RandomGenerator.getDefault();

    /** The same for a call of anybody. */
    public BooleanSupplier add(String service, String operation, int callNumber, Kind kind) {
        return add("", service, operation, callNumber, kind);
    }

    /**
     * @param caller part of the ARN of those whose calls count, for example a function's name; empty for anybody
     * @param service signing name, for example {@code cloudhsm}
     * @param callNumber the how-maniest of those calls from now on; 1 is the next
     * @return whether that call has come
     */
    public synchronized BooleanSupplier add(
            String caller, String service, String operation, int callNumber, Kind kind) {
        if (callNumber < 1) throw new IllegalArgumentException("The first call is number 1, not " + callNumber);
        var rule = new Rule(caller, service, operation, callNumber, kind);
        rules.add(rule);
        return () -> hasFired(rule);
    }

    private synchronized boolean hasFired(Rule rule) {
        return !rules.contains(rule);
    }

    /**
     * From now on any call of any service may go wrong, in any of the ways.
     *
     * @param share of the calls that do, for example 0.05; 0 for none
     */
    public synchronized void failAtRandom(double share, long seed) {
        failAtRandom(share, 1.0 / Kind.values().length, seed);
    }

    /**
     * The same, with fewer or more functions that die.
     *
     * @param killed share of the calls that go wrong
     */
    public synchronized void failAtRandom(double share, double killed, long seed) {
        for (var each : new double[] {share, killed}) {
            if (each < 0 || each > 1) throw new IllegalArgumentException("A share is between 0 and 1, not " + each);
        }
        this.share = share;
        this.killed = killed;
        this.random = new Random(seed);
    }

    /** Counts the call; null if it goes well. */
    public synchronized Kind onCall(String callerArn, String service, String operation) {
        Kind kind = null;
        for (var rules = this.rules.iterator(); rules.hasNext(); ) {
            var rule = rules.next();
            if (!rule.concerns(callerArn, service, operation)) continue;
            if (--rule.remaining == 0) {
                rules.remove();
                if (kind == null) kind = rule.kind;
            }
        }
        if (kind == null && share > 0 && random.nextDouble() < share) {
            kind = random.nextDouble() < killed ? Kind.FUNCTION_KILLED : SURVIVED[random.nextInt(SURVIVED.length)];
        }
        return kind;
    }

    /** How many faults wait for their call. */
    public synchronized int pending() {
        return rules.size();
    }

    /** The error that a caller sees of {@link Kind#THROTTLED} and {@link Kind#INTERNAL_ERROR}. */
    public static AwsException error(Kind kind, String service) {
        if (kind == Kind.THROTTLED) {
            return switch (service) {
                case "s3" -> new AwsException("SlowDown", 503, "Please reduce your request rate.");
                case "cloudformation", "iam", "sns", "sts" -> AwsException.badRequest("Throttling", "Rate exceeded");
                case "sqs" -> AwsException.badRequest("RequestThrottled", "Rate exceeded");
                case "lambda" -> new AwsException("TooManyRequestsException", 429, "Rate exceeded");
                case "scheduler" -> new AwsException("ThrottlingException", 429, "Rate exceeded");
                default -> AwsException.badRequest("ThrottlingException", "Rate exceeded");
            };
        }
        var code = switch (service) {
            case "cloudhsm" -> "CloudHsmInternalFailureException";
            case "kms" -> "KMSInternalException";
            case "s3" -> "InternalError";
            case "lambda" -> "ServiceException";
            case "dynamodb", "ssm" -> "InternalServerError";
            case "scheduler" -> "InternalServerException";
            case "events" -> "InternalException";
            case "secretsmanager" -> "InternalServiceError";
            case "sns" -> "InternalError";
            case "logs" -> "ServiceUnavailableException";
            default -> "InternalFailure";
        };
        return new AwsException(code, 500, "We encountered an internal error. Please try again.");
    }
}
