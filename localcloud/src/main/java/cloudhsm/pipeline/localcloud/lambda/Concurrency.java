package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How many invocations of the account run at a time. Code takes no simulated time, so each invocation is said to take
 * as long as its function's {@link #duration}. State is guarded by the lock of the simulated time.
 *
 * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html">Understanding Lambda function
 *     scaling</a>
 */
final class Concurrency {
    /** Executions that always stay for functions without a reservation; all of them in accounts with fewer. */
    private static final int LEAST_UNRESERVED = 100;

    /** Of an invocation, if nothing else is said: a warm function and a few calls. */
    // Assumed: invocation
    private static final Duration USUAL = Duration.ofMillis(200);

    private final Clock clock;
    private final Map<String, Integer> reserved = new HashMap<>();
    private final Map<String, Duration> durations = new HashMap<>();

    /** By function, when each of its invocations ends. */
    private final Map<String, List<Instant>> running = new HashMap<>();

    private int quota = LambdaLimits.ACCOUNT_CONCURRENCY;

    Concurrency(Clock clock) {
        this.clock = clock;
    }

    int quota() {
        return quota;
    }

    void quota(int executions) {
        quota = executions;
    }

    /** What functions without a reservation share. */
    int unreserved() {
        return quota - reserved.values().stream().mapToInt(Integer::intValue).sum();
    }

    /** @throws AwsException InvalidParameterValueException where too few would be left for all other functions */
    void reserve(String function, int executions) {
        var least = Math.min(LEAST_UNRESERVED, quota);
        var left = unreserved() + reserved.getOrDefault(function, 0) - executions;
        if (left < least) {
            throw LambdaLimits.invalid("Specified ReservedConcurrentExecutions for function decreases account's"
                    + " UnreservedConcurrentExecution below its minimum value of [" + least + "].");
        }
        reserved.put(function, executions);
    }

    Duration duration(String function) {
        return durations.getOrDefault(function, USUAL);
    }

    void duration(String function, Duration duration) {
        durations.put(function, duration);
    }

    void forget(String function) {
        reserved.remove(function);
        durations.remove(function);
        running.remove(function);
    }

    /**
     * An invocation begins.
     *
     * @throws AwsException TooManyRequestsException where as many run as may
     */
    void begin(String function) {
        var now = clock.instant();
        running.values().forEach(ends -> ends.removeIf(end -> !end.isAfter(now)));
        var own = running.computeIfAbsent(function, name -> new ArrayList<>());
        var limit = reserved.get(function);
        if (limit != null && own.size() >= limit) throw tooMany("ReservedFunctionConcurrentInvocationLimitExceeded");
        if (limit == null && unreservedRunning() >= unreserved()) throw tooMany("ConcurrentInvocationLimitExceeded");
        own.add(now.plus(duration(function)));
    }

    private int unreservedRunning() {
        return running.entrySet().stream()
                .filter(function -> !reserved.containsKey(function.getKey()))
                .mapToInt(function -> function.getValue().size())
                .sum();
    }

    private static AwsException tooMany(String reason) {
        return new AwsException("TooManyRequestsException", 429, "Rate Exceeded.", Map.of("Reason", reason));
    }
}
