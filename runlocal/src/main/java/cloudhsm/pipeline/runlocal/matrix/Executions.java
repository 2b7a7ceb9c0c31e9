package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Starts executions as a person in the console does: when one has failed, another one. */
final class Executions {
    /** No fault is so bad that a third execution is needed for it; a pair of faults may cost an execution each. */
    static final int MOST = 3;

    /** More than any state machine may take. */
    private static final Duration LIMIT = Duration.ofDays(60);

    private static final Set<String> ENDS =
            Set.of("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted");

    private final LocalDeployment deployment;
    /** Under which error an execution ended; "" if it succeeded. */
    private final Map<String, String> ended = new ConcurrentHashMap<>();

    Executions(LocalDeployment deployment) {
        this.deployment = deployment;
        deployment.cloud().states().onHistoryEvent((execution, event) -> {
            var type = event.path("type").asText();
            if (!ENDS.contains(type)) return;
            var error = event.path("executionFailedEventDetails").path("error").asText();
            ended.put(execution.arn(), type.equals("ExecutionSucceeded") ? "" : error.isEmpty() ? type : error);
        });
    }

    /** @return how many executions it took; {@link #MOST} + 1 if none ended as the step wants it */
    int runUntilAsWanted(String stateMachineArn, String name, Scenario.Step step) {
        for (int i = 1; i <= MOST; i++) {
            if (run(stateMachineArn, name + "-" + i, step.input()).equals(step.error())) return i;
        }
        return MOST + 1;
    }

    private String run(String stateMachineArn, String name, String input) {
        var arn = deployment.startExecution(stateMachineArn, name, input);
        deployment.cloud().time().runUntil(() -> ended.containsKey(arn), LIMIT);
        return ended.get(arn);
    }
}
