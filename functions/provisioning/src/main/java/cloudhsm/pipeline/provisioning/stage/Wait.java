package cloudhsm.pipeline.provisioning.stage;

import java.time.Instant;
import java.util.Set;

/**
 * A stage of an execution that waits for a resource: what those need who look for it. What ends the task is in
 * {@link SuspendedTask}, which the stage's function alone can read.
 *
 * @param id also the name of the watching execution
 * @param function the stage's function, which looks again
 * @param since when the stage first waited for this resource
 * @param deadline when the wait has taken longer than AWS may
 */
public record Wait(
        String id,
        String function,
        String execution,
        String stage,
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
