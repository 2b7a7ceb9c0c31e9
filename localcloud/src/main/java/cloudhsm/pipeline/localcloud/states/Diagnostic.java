package cloudhsm.pipeline.localcloud.states;

import java.util.Optional;

/**
 * One thing for which Step Functions refuses a definition.
 *
 * @param code the kind, as the diagnostics of ValidateStateMachineDefinition name it: SCHEMA_VALIDATION_FAILED, …
 * @param location {@code /States/Name/Field}, an array's elements as {@code [0]}; empty where AWS gives none
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html">
 *     ValidateStateMachineDefinition</a>
 */
record Diagnostic(String code, String message, Optional<String> location) {
    /** As CreateStateMachine lists it in its error, "at null" without a location. */
    @Override
    public String toString() {
        return code + ": " + message + " at " + location.orElse("null");
    }
}
