package cloudhsm.pipeline.localcloud.states;

/**
 * One step of an execution from state to state. State names are unique in a machine, those in branches and processors
 * included.
 *
 * @param stateMachineArn of the machine, for the processor of a distributed Map as well
 * @param from the state that was left; empty where a definition, a branch or an iteration begins
 * @param way how the definition leads on: {@code StartAt}, {@code Next}, {@code Default}, or {@code Choices} and
 *     {@code Catch} with the index of the rule or catcher, as in {@code Catch/0}
 * @param to the state that is entered
 */
public record Transition(String stateMachineArn, String from, String way, String to) {
    static final String START = "StartAt";
    static final String NEXT = "Next";
    static final String DEFAULT = "Default";
    static final String CHOICE = "Choices/";
    static final String CATCH = "Catch/";

    @Override
    public String toString() {
        return from + " " + way + " -> " + to;
    }
}
