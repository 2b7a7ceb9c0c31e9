package cloudhsm.pipeline.localcloud.matrix;

import cloudhsm.pipeline.localcloud.cli.LocalDeployment;
import java.util.List;

/** What the matrix runs again and again. */
enum Scenario {
    /** One execution with the input {} on an empty account. */
    PROVISION(List.of(), List.of(new Step("ProvisionStateMachineArn", "{}")));

    /**
     * One execution.
     *
     * @param output of the stack, which names the state machine
     */
    private record Step(String output, String input) {}

    private final List<Step> before;
    private final List<Step> steps;

    Scenario(List<Step> before, List<Step> steps) {
        this.before = before;
        this.steps = steps;
    }

    /** Makes what the scenario starts from; nothing goes wrong in it. */
    void prepare(LocalDeployment deployment, Executions executions) {
        if (run(before, "before", deployment, executions) > before.size()) {
            throw new IllegalStateException("The preparation of " + this + " failed");
        }
    }

    /** @return how many executions more than its own it took; at least {@link Executions#MOST} if one never succeeded */
    int run(LocalDeployment deployment, Executions executions) {
        return run(steps, "run", deployment, executions) - steps.size();
    }

    private static int run(List<Step> steps, String name, LocalDeployment deployment, Executions executions) {
        int count = 0;
        for (var step : steps) {
            var stateMachine = deployment.stack().outputs().get(step.output());
            count += executions.runUntilSuccess(stateMachine, name + "-" + steps.indexOf(step), step.input());
        }
        return count;
    }
}
