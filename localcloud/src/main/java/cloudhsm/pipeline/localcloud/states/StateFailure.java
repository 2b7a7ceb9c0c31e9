package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** A state failed: the names that Retry and Catch see. */
final class StateFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final String error;

    /**
     * @param error for example {@code States.Timeout}, or the function's exception class
     * @param cause text for people; JSON where a function failed; null where there is none, which leaves it out of
     *     {@code $states.errorOutput}
     */
    StateFailure(String error, String cause) {
        super(cause, null, false, false);
        this.error = error;
    }

    String error() {
        return error;
    }

    /** Empty where there is none. */
    String cause() {
        return getMessage() == null ? "" : getMessage();
    }

    /** {@code $states.errorOutput}. */
    ObjectNode output() {
        var output = Json.object().put("Error", error);
        return getMessage() == null ? output : output.put("Cause", getMessage());
    }

    /**
     * Whether a retrier or catcher with these names handles this failure [SFN:concepts-error-handling]: States.Runtime always ends
     * the execution, States.DataLimitExceeded must be named, States.TaskFailed covers everything but States.Timeout.
     */
    boolean matches(Iterable<String> errorEquals) {
        if (error.equals("States.Runtime")) return false;
        for (var name : errorEquals) {
            if (name.equals(error)) return true;
            if (name.equals("States.ALL") && !error.equals("States.DataLimitExceeded")) return true;
            if (name.equals("States.TaskFailed")
                    && !error.equals("States.Timeout")
                    && !error.equals("States.DataLimitExceeded")) return true;
        }
        return false;
    }
}
