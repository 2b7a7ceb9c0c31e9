package cloudhsm.pipeline.localcloud.states;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * When an execution was redriven, and whether it can be now.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html">Redriving executions</a>
 */
final class Redrives {
    /** After its end, an execution can be redriven this long. */
    private static final Duration PERIOD = Duration.ofDays(14);

    /** An execution may be open this long, from its start. */
    private static final Duration MAXIMUM_TIME = Duration.ofDays(365);

    /** A redrive's own events must fit into the history. */
    private static final int MAXIMUM_EVENTS = History.MAXIMUM_EVENTS - 1;

    /** A client token answers this long, and only the last ones do. */
    private static final Duration TOKEN_VALIDITY = Duration.ofMinutes(15);

    private static final int TOKENS = 10;

    private record Redrive(Optional<String> clientToken, Instant when) {}

    private final List<Redrive> redrives = new ArrayList<>();

    void add(Optional<String> clientToken, Instant now) {
        redrives.addFirst(new Redrive(clientToken, now));
    }

    int count() {
        return redrives.size();
    }

    Optional<Instant> last() {
        return redrives.stream().map(Redrive::when).findFirst();
    }

    /** When the execution was redriven with this client token, as long as AWS remembers that. */
    Optional<Instant> of(String clientToken, Instant now) {
        return redrives.stream()
                .limit(TOKENS)
                .filter(redrive -> redrive.clientToken().equals(Optional.of(clientToken)))
                .map(Redrive::when)
                .filter(when -> !now.isAfter(when.plus(TOKEN_VALIDITY)))
                .findFirst();
    }

    /** Why RedriveExecution refuses this execution; empty if it does not. */
    Optional<String> refusal(Execution execution, Instant now) {
        if (execution.running() || execution.status() == Execution.Status.SUCCEEDED) {
            return Optional.of("Execution is " + execution.status() + " and cannot be redriven");
        }
        // Assumed: redrive-of-map-child
        if (execution.mapRunArn().isPresent()) return Optional.of("Execution is redriven by its Map Run only");
        return beyondLimits(execution, now);
    }

    /** Why an execution that did not succeed cannot be redriven, by its Map Run neither; empty if it can. */
    Optional<String> beyondLimits(Execution execution, Instant now) {
        if (execution.history().size() >= MAXIMUM_EVENTS) {
            return Optional.of("Execution history event limit exceeded");
        }
        if (now.isAfter(execution.started().plus(MAXIMUM_TIME))) {
            return Optional.of("Execution has exceeded the max execution time");
        }
        if (now.isAfter(execution.stopped().orElseThrow().plus(PERIOD))) {
            return Optional.of("Execution redrivable period exceeded");
        }
        return Optional.empty();
    }
}
