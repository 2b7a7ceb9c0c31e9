package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.util.ArrayList;
import java.util.List;

/** Runs a scenario on an account of its own, with the faults of one cell. */
final class CellRun {
    private static final long SEED = 1;

    private final Scenario scenario;

    CellRun(Scenario scenario) {
        this.scenario = scenario;
    }

    /** What a run without faults calls, and what it leaves. */
    record CleanRun(List<RecordedCall> calls, EndState end) {
        CleanRun {
            calls = List.copyOf(calls);
        }
    }

    /**
     * @param furtherExecutions how many executions it took beyond those of a clean run
     * @param problems one sentence for each; none if the run ended as the clean one
     */
    record Result(Scenario scenario, Cell cell, int furtherExecutions, List<String> problems) {
        Result {
            problems = List.copyOf(problems);
        }

        boolean failed() {
            return !problems.isEmpty();
        }
    }

    /** @throws IllegalStateException if something is wrong even without a fault */
    CleanRun cleanly() {
        try (var deployment = deploy()) {
            var cloud = deployment.cloud();
            var untouched = EndState.of(cloud);
            var executions = new Executions(deployment);
            scenario.prepare(deployment, executions);
            var before = cloud.endpoint().calls().size();
            var further = scenario.run(deployment, executions);
            if (further != 0)
                throw new IllegalStateException("Without any fault, " + scenario.name() + " did not end as it should");
            var calls = cloud.endpoint().calls();
            cloud.advance(scenario.afterwards());
            var end = EndState.of(cloud);
            var problems = problemsOf(cloud);
            problems.addAll(scenario.left().forbidden(end.differencesFrom(untouched)));
            if (!problems.isEmpty()) throw new IllegalStateException("Without any fault: " + problems);
            return new CleanRun(RecordedCall.of(calls.subList(before, calls.size())), end);
        }
    }

    Result with(Cell cell, EndState expected) {
        try (var deployment = deploy()) {
            var cloud = deployment.cloud();
            var executions = new Executions(deployment);
            scenario.prepare(deployment, executions);
            cell.injectInto(cloud.faults());
            var further = scenario.run(deployment, executions);
            if (further >= Executions.MOST) {
                return new Result(scenario, cell, further, List.of("no execution ended as it should"));
            }
            cloud.advance(scenario.afterwards());
            var problems = new ArrayList<>(EndState.of(cloud).differencesFrom(expected));
            problems.addAll(problemsOf(cloud));
            if (cell.injections().size() == 1 && cloud.faults().pending() > 0) {
                problems.add("the call was never made, so nothing was shown");
            }
            return new Result(scenario, cell, further, problems);
        } catch (RuntimeException broken) {
            return new Result(scenario, cell, 0, List.of("the run broke off: " + broken));
        }
    }

    private LocalDeployment deploy() {
        return LocalDeployment.deploy(LocalCloud.start(SEED), LocalDeployment.projectRoot(), scenario.parameters());
    }

    private static List<String> problemsOf(LocalCloud cloud) {
        var problems = new ArrayList<>(EndState.tooManyHsms(cloud));
        problems.addAll(SecretSearch.leaks(cloud));
        return problems;
    }
}
