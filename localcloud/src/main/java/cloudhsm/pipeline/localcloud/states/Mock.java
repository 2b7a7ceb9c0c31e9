package cloudhsm.pipeline.localcloud.states;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * What a task answers instead of calling its service, in the words of TestState's {@code mock}.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html">Testing state machines
 *     with TestState</a>
 */
public sealed interface Mock {
    /** The task succeeds with {@code $states.result}; of a {@code .waitForTaskToken} task what its token came back with. */
    record Result(JsonNode result) implements Mock {}

    /**
     * The task fails with {@code $states.errorOutput}.
     *
     * @param cause null for an error output without a Cause
     */
    record ErrorOutput(String error, String cause) implements Mock {}

    /** Nothing comes back yet: a {@code .waitForTaskToken} task goes on waiting for its token. */
    record NoAnswer() implements Mock {}
}
