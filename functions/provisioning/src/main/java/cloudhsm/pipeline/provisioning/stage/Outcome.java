package cloudhsm.pipeline.provisioning.stage;

import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/** What one run of a stage came to. */
public sealed interface Outcome {
    /** Nothing left to wait for: the state's output. */
    record Done(Record output) implements Outcome {}

    /**
     * AWS is working. The stage runs again when the resource is in none of these states any more.
     *
     * @param whileIn the states that mean "still working"; every other one, expected or not, ends the wait
     * @param budget how long AWS may take, from the first time the stage waited for this resource in
     *     these states
     * @param nextInput the input of the next run, where it is another one: what a stage has to remember
     */
    record Waiting(Resource resource, Set<String> whileIn, Duration budget, Optional<Record> nextInput)
            implements Outcome {
        public Waiting {
            whileIn = Set.copyOf(whileIn);
        }

        /** The next run has the same input. */
        public Waiting(Resource resource, Set<String> whileIn, Duration budget) {
            this(resource, whileIn, budget, Optional.empty());
        }

        /** The same wait; the next run has this input. */
        public Waiting then(Record input) {
            return new Waiting(resource, whileIn, budget, Optional.of(input));
        }
    }

    /**
     * Repeating cannot help: the state machine branches on the reason, a person reads the message.
     *
     * @param reason a stable name such as HSM_DEGRADED
     * @param message what happened to which resource, why, and what to do next
     */
    record Failed(String reason, String message) implements Outcome {}
}
