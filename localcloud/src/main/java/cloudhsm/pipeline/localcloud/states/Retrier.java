package cloudhsm.pipeline.localcloud.states;

import java.time.Duration;
import java.util.List;
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

    /** How long to wait before the retry after so many retries; 0 for the first. */
    Duration delay(int retriesSoFar, RandomGenerator random) {
        var seconds = intervalSeconds * Math.pow(backoffRate, retriesSoFar);
        if (maxDelay > 0) seconds = Math.min(seconds, maxDelay);
        if (fullJitter) seconds *= random.nextDouble();
        return Duration.ofMillis(Math.round(seconds * 1000));
    }
}
