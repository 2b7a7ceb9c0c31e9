package cloudhsm.pipeline.localcloud.states;

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

    /** What is wrong with the Retry of a state. */
    static void check(JsonNode state, String location, Diagnostics diagnostics) {
        var retriers = diagnostics.array(state, "Retry", location);
        for (int i = 0; i < retriers.size(); i++) {
            var node = retriers.get(i);
            var here = location + "/Retry[" + i + "]";
            diagnostics.onlySupported(
                    node,
                    Set.of(
                            "ErrorEquals",
                            "IntervalSeconds",
                            "MaxAttempts",
                            "BackoffRate",
                            "MaxDelaySeconds",
                            "JitterStrategy",
                            "Comment"),
                    here);
            checkErrors(node, i == retriers.size() - 1, here, diagnostics);
            diagnostics.integer(node, "IntervalSeconds", 1, 99_999_999, here);
            diagnostics.integer(node, "MaxAttempts", 0, 99_999_999, here);
            diagnostics.integer(node, "MaxDelaySeconds", 1, 31_622_400, here);
            if (node.has("BackoffRate") && node.get("BackoffRate").asDouble(0) < 1) {
                diagnostics.schema("Minimum value is 1.0", here + "/BackoffRate");
            }
            if (node.has("MaxDelaySeconds")
                    && node.get("MaxDelaySeconds").asLong()
                            <= node.path("IntervalSeconds").asLong(1)) {
                diagnostics.schema("Must be more than IntervalSeconds", here + "/MaxDelaySeconds");
            }
            diagnostics.oneOf(node, "JitterStrategy", List.of("NONE", "FULL"), here);
        }
    }

    /** What is wrong with the ErrorEquals of a retrier or a catcher. */
    static void checkErrors(JsonNode node, boolean last, String location, Diagnostics diagnostics) {
        var errors = diagnostics.requiredArray(node, "ErrorEquals", location);
        var all = errors.stream().anyMatch(error -> error.asText().equals("States.ALL"));
        if (all && (errors.size() > 1 || !last)) {
            diagnostics.schema("States.ALL stands alone, and in the last entry", location + "/ErrorEquals");
        }
    }

    /** Of an entry that was checked. */
    static Retrier of(JsonNode node) {
        return new Retrier(
                errorEquals(node),
                node.path("IntervalSeconds").asInt(1),
                node.path("MaxAttempts").asInt(3),
                node.path("BackoffRate").asDouble(2.0),
                node.path("MaxDelaySeconds").asInt(0),
                node.path("JitterStrategy").asText().equals("FULL"));
    }

    /** The names that a retrier or a catcher is for. */
    static List<String> errorEquals(JsonNode node) {
        var names = new ArrayList<String>();
        node.path("ErrorEquals").forEach(name -> names.add(name.asText()));
        return names;
    }

    /** How long to wait before the retry    /** How long to wait before the retry after so many retries; 0 for the first. */
    Duration delay(int retriesSoFar, RandomGenerator random) {
        var seconds = intervalSeconds * Math.pow(backoffRate, retriesSoFar);
        if (maxDelay > 0) seconds = Math.min(seconds, maxDelay);
        if (fullJitter) seconds *= random.nextDouble();
        return Duration.ofMillis(Math.round(seconds * 1000));
    }
}
