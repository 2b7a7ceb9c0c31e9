package cloudhsm.pipeline.localcloud.matrix;

import cloudhsm.pipeline.localcloud.cli.LocalDeployment;
import java.util.List;

/**
 * What the matrix runs again and again: executions, one after the other.
 *
 * @param name as {@code --of} takes it
 * @param before makes what the scenario starts from; nothing goes wrong in it
 */
record Scenario(String name, List<Step> before, List<Step> steps) {
    /** One execution with the input {} on an empty account. */
    private static final Step PROVISION = new Step("ProvisionStateMachineArn", "{}");

    private static final String DEFAULT = "{\"deployment\": \"default\"}";

    static final List<Scenario> ALL = List.of(
            new Scenario("provision", List.of(), List.of(PROVISION)),
            new Scenario(
                    "pause",
                    List.of(PROVISION),
                    List.of(new Step("PauseStateMachineArn", DEFAULT), new Step("ResumeStateMachineArn", DEFAULT))));

    /**
     * One execution, and further ones if it fails.
     *
     * @param output of the stack, which names the state machine
     */
    record Step(String output, String input) {}

    Scenario {
        before = List.copyOf(before);
        steps = List.copyOf(steps);
    }

    /** @throws IllegalStateException if it does not succeed at once */
    void prepare(LocalDeployment deployment, Executions executions) {
        if (run(before, "before", deployment, executions) > before.size()) {
            throw new IllegalStateException("What " + name + " starts from could not be made");
        }
    }

    /** @return how many executions more than its own it took; at least {@link Executions#MOST} if one never succeeded */
    int run(LocalDeployment deployment, Executions executions) {
        return run(steps, name, deployment, executions) - steps.size();
    }

    private static int run(List<Step> steps, String name, LocalDeployment deployment, Executions executions) {
        int count = 0;
        for (int i = 0; i < steps.size(); i++) {
            var stateMachine = deployment.stack().outputs().get(steps.get(i).output());
            count += executions.runUntilSuccess(
                    stateMachine, name + i, steps.get(i).input());
        }
        return count;
    }
}
