package cloudhsm.pipeline.localcloud.states;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * States that lead to each other: a whole machine, one branch of a Parallel, or the processor of a Map.
 *
 * @param timeout of the whole execution; only a machine has one, and the processor of an Express child
 */
record Definition(String startAt, Map<String, State> states, Optional<Duration> timeout) {
    Definition {
        states = Map.copyOf(states);
    }
}
