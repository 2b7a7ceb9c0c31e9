package cloudhsm.pipeline.provisioning.lambda;

import java.time.Instant;
import java.util.Set;

/**
 * A stage of an execution that waits for a resource. The task token stays in the table and in the stage's function.
 *
 * @param id also the name of the watching execution
 * @param token Step Functions' task token; never in a log, an event or another function's input
 * @param function the stage's function, which looks again
 * @param input the stage's own input, as JSON
 * @param since when the stage first waited for this resource
 * @param deadline when the wait has taken longer than AWS may
 */
public record Wait(
        String id,
        String token,
        String function,
        String execution,
        String stage,
        String input,
        Resource resource,
        Set<String> whileIn,
        Instant since,
        Instant deadline) {
    public Wait {
        whileIn = Set.copyOf(whileIn);
    }

    /** Whether the stage has to look again: the resource has left the pending states, or time is up. */
    public boolean isOver(String state, Instant now) {
        return !whileIn.contains(state) || now.isAfter(deadline);
    }

    @Override
    public String toString() {
        return "Wait[" + id + " for " + resource + " while in " + whileIn + "]";
    }
}
