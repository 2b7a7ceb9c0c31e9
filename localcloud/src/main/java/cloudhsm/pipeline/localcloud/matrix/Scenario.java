package cloudhsm.pipeline.localcloud.matrix;

import cloudhsm.pipeline.localcloud.cli.LocalDeployment;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * What the matrix runs again and again: executions, one after the other.
 *
 * @param name as {@code --of} takes it
 * @param parameters of the template, where others than usual
 * @param before makes what the scenario starts from; nothing goes wrong in it
 * @param afterwards how long AWS and the pipeline may take for what ends after the last execution
 * @param leavesNothing whether the account must hold in the end what it held before anything ran
 */
record Scenario(
        String name,
        Map<String, String> parameters,
        List<Step> before,
        List<Step> steps,
        Duration afterwards,
        boolean leavesNothing) {
    /** One execution with the input {} on an empty account. */
    private static final Step PROVISION = new Step("ProvisionStateMachineArn", "{}");

    private static final Step PAUSE = new Step("PauseStateMachineArn", "{\"deployment\": \"default\"}");
    private static final Step RESUME = new Step("ResumeStateMachineArn", "{\"deployment\": \"default\"}");

    private static final Step TEARDOWN = new Step(
            "TeardownStateMachineArn", "{\"deployment\": \"default\", \"confirm\": \"default\", \"data\": \"DELETE\"}");

    /** Watches, the next health check, messages of a function that died. */
    private static final Duration MINUTES = Duration.ofMinutes(25);

    /** Until CloudHSM has deleted the backups, and Secrets Manager the secrets, that could still be restored. */
    private static final Duration DAYS = Duration.ofDays(8);

    /** Of the 16 days of a teardown, nothing happens in almost all: the look every few minutes is a seldom one. */
    private static final Map<String, String> SELDOM = Map.of("HealthCheckSchedule", "rate(12 hours)");

    static final List<Scenario> ALL = List.of(
            new Scenario("provision", Map.of(), List.of(), List.of(PROVISION), MINUTES, false),
            new Scenario("pause", Map.of(), List.of(PROVISION), List.of(PAUSE, RESUME), MINUTES, false),
            new Scenario("teardown", SELDOM, List.of(PROVISION), List.of(TEARDOWN), DAYS, true));

    /**
     * One execution, and further ones if it fails.
     *
     * @param output of the stack, which names the state machine
     */
    record Step(String output, String input) {}

    Scenario {
        parameters = Map.copyOf(parameters);
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
