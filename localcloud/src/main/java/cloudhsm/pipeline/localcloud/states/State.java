package cloudhsm.pipeline.localcloud.states;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;

/** A state of a definition. Optional fields that hold JSON are missing nodes where they are absent. */
sealed interface State {
    Common common();

    /** The state's type as event names spell it: {@code Task}, {@code Choice}, … */
    default String type() {
        return getClass().getSimpleName();
    }

    /** Whether leaving the state shows {@code $states.result}: what it called or ran. */
    default boolean hasResult() {
        return this instanceof Task
                || this instanceof Parallel
                || this instanceof Map
                || this instanceof DistributedMap;
    }

    default String name() {
        return common().name();
    }

    /**
     * What most types have.
     *
     * @param next empty where the state ends its flow
     */
    record Common(
            String name,
            Optional<String> next,
            JsonNode assign,
            JsonNode output,
            List<Retrier> retry,
            List<Catcher> catchers) {
        public Common {
            retry = List.copyOf(retry);
            catchers = List.copyOf(catchers);
        }
    }

    /** One entry of a state's Catch. */
    record Catcher(List<String> errorEquals, String next, JsonNode assign, JsonNode output) {
        public Catcher {
            errorEquals = List.copyOf(errorEquals);
        }
    }

    /** One entry of Choices. */
    record Rule(JsonNode condition, String next, JsonNode assign, JsonNode output) {}

    /** Calls a service, and with {@code .waitForTaskToken} waits for its token to come back. */
    record Task(
            Common common,
            TaskResource resource,
            JsonNode arguments,
            JsonNode timeoutSeconds,
            JsonNode heartbeatSeconds)
            implements State {}

    /** Passes its output on. */
    record Pass(Common common) implements State {}

    /** Goes where the first rule whose condition holds leads. */
    record Choice(Common common, List<Rule> rules, Optional<String> defaultNext) implements State {
        public Choice {
            rules = List.copyOf(rules);
        }
    }

    /** Waits for seconds or until a timestamp; one of the two is missing. */
    record Wait(Common common, JsonNode seconds, JsonNode timestamp) implements State {}

    /** Runs its branches side by side. */
    record Parallel(Common common, JsonNode arguments, List<Definition> branches) implements State {
        public Parallel {
            branches = List.copyOf(branches);
        }
    }

    /** Runs its processor for each item, inline. */
    record Map(Common common, JsonNode items, JsonNode itemSelector, JsonNode maxConcurrency, Definition processor)
            implements State {}

    /**
     * Runs its processor for each item or batch in an execution of its own.
     *
     * @param label the Map's name in ARNs
     * @param reader where the items come from S3, else missing
     * @param toleratedFailureCount missing, as the percentage, where it does not bound the failures
     * @param express whether the executions are EXPRESS, which are never redriven but started anew
     */
    record DistributedMap(
            Common common,
            String label,
            JsonNode items,
            JsonNode reader,
            JsonNode itemSelector,
            JsonNode batcher,
            JsonNode maxConcurrency,
            JsonNode toleratedFailureCount,
            JsonNode toleratedFailurePercentage,
            JsonNode writer,
            boolean express,
            Definition processor)
            implements State {
        @Override
        public String type() {
            return "Map";
        }
    }

    /** Ends the flow well. */
    record Succeed(Common common) implements State {}

    /** Ends the execution badly. */
    record Fail(Common common, JsonNode error, JsonNode cause) implements State {}
}
