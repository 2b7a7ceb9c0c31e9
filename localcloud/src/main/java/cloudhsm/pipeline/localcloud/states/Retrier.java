package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.http.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * One entry of a state's Retry.
 *
 * @param maxDelay cap of the delay, in seconds; 0 for none
 * @param fullJitter JitterStrategy FULL: anything from nothing to the computed delay
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html">Handling errors</a>
 */
record Retrier(
        List<String> errorEquals,
        double intervalSeconds,
        int maxAttempts,
        double backoffRate,
        double maxDelay,
        boolean fullJitter) {
    Retrier {
        errorEquals = List.copyOf(errorEquals);
    }

    /** @throws AwsException InvalidDefinition, saying where and why */
    static Retrier parse(JsonNode node, String where) {
        AslParser.onlyKnown(
                node,
                Set.of(
                        "ErrorEquals",
                        "IntervalSeconds",
                        "MaxAttempts",
                        "BackoffRate",
                        "MaxDelaySeconds",
                        "JitterStrategy",
                        "Comment"),
                where);
        var interval = node.path("IntervalSeconds").asInt(1);
        var attempts = node.path("MaxAttempts").asInt(3);
        var backoff = node.path("BackoffRate").asDouble(2.0);
        var maxDelay = node.path("MaxDelaySeconds").asInt(0);
        var jitter = node.path("JitterStrategy").asText("NONE");
        if (interval < 1) throw AslParser.invalid(where + "/IntervalSeconds", "must be at least 1");
        if (attempts < 0) throw AslParser.invalid(where + "/MaxAttempts", "must not be negative");
        if (backoff < 1) throw AslParser.invalid(where + "/BackoffRate", "must be at least 1.0");
        if (node.has("MaxDelaySeconds") && (maxDelay <= interval || maxDelay > 31_622_400)) {
            throw AslParser.invalid(
                    where + "/MaxDelaySeconds", "must be more than IntervalSeconds and at most 31622400");
        }
        if (!jitter.equals("NONE") && !jitter.equals("FULL"))
            throw AslParser.invalid(where + "/JitterStrategy", "is NONE or FULL");
        return new Retrier(errorEquals(node, where), interval, attempts, backoff, maxDelay, jitter.equals("FULL"));
    }

    /** The names that a retrier or a catcher is for. */
    static List<String> errorEquals(JsonNode node, String where) {
        var names = new ArrayList<String>();
        node.path("ErrorEquals").forEach(name -> names.add(name.asText()));
        if (names.isEmpty()) throw AslParser.invalid(where + "/ErrorEquals", "is required");
        if (names.contains("States.ALL") && names.size() > 1)
            throw AslParser.invalid(where + "/ErrorEquals", "States.ALL stands alone");
        return names;
    }

    /** How long to wait before the retry after so many retries; 0 for the first. */
    Duration delay(int retriesSoFar, RandomGenerator random) {
        var seconds = intervalSeconds * Math.pow(backoffRate, retriesSoFar);
        if (maxDelay > 0) seconds = Math.min(seconds, maxDelay);
        if (fullJitter) seconds *= random.nextDouble();
        return Duration.ofMillis(Math.round(seconds * 1000));
    }
}
