package cloudhsm.pipeline.endtoend;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.states.Mock;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Executions of the provisioning whose first task waits for its token, one for each name. A function that is invoked
 * outside a state machine can end such a task, and what Step Functions then sees is what counts.
 */
final class WaitingTasks {
    private final LocalDeployment deployment;
    private final Map<String, String> executions = new HashMap<>();
    private final Map<String, String> tokens = new ConcurrentHashMap<>();

    private WaitingTasks(LocalDeployment deployment) {
        this.deployment = deployment;
    }

    static WaitingTasks start(LocalDeployment deployment, Set<String> names) {
        var tasks = new WaitingTasks(deployment);
        var machine = deployment.provisionStateMachine();
        var states = deployment.cloud().states();
        states.mockTasks(machine, (state, arguments) -> {
            var payload = arguments.path("Payload");
            if (state.equals("Preflight")) {
                var name = payload.at("/input/request/name").asText();
                tasks.tokens.putIfAbsent(name, payload.path("token").asText());
            }
            return new Mock.NoAnswer();
        });
        for (var name : names) {
            tasks.executions.put(
                    name, states.startExecution(machine, name, Json.object().put("name", name)));
        }
        deployment.cloud().advance(Duration.ofSeconds(1));
        if (!tasks.tokens.keySet().equals(names)) throw new AssertionError("tokens of " + tasks.tokens.keySet());
        return tasks;
    }

    String token(String name) {
        return tokens.get(name);
    }

    /** ARN of the execution. */
    String execution(String name) {
        return executions.get(name);
    }

    /** SUCCEEDED, or the name under which the task failed; empty while it waits. */
    String end(String name) {
        for (var event :
                deployment.cloud().states().execution(executions.get(name)).historyEvents()) {
            switch (event.path("type").asText()) {
                case "TaskSucceeded" -> {
                    return "SUCCEEDED";
                }
                case "TaskFailed" -> {
                    return event.path("taskFailedEventDetails").path("error").asText();
                }
                default -> {}
            }
        }
        return "";
    }
}
