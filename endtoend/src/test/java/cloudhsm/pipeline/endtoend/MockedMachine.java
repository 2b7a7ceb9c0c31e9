package cloudhsm.pipeline.endtoend;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.states.Execution;
import cloudhsm.pipeline.localcloud.states.Mock;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;

/** A deployed state machine whose tasks answer what a test says, so that the definition alone is under test. */
final class MockedMachine {
    /**
     * What a stage, or a service, answers where the test says nothing else: by function, as real runs answered. A
     * function that is not in it answers {}, which serves unless the definition reads its result.
     */
    static final JsonNode RESULTS = results();

    /** What the definition sent with one call. */
    record Call(String state, JsonNode arguments) {
        JsonNode payload() {
            return arguments.has("Payload") ? arguments.get("Payload") : arguments;
        }
    }

    /**
     * An execution that has ended.
     *
     * @param path every state in the order of entering
     */
    record Run(Execution execution, List<String> path, List<Call> calls) {
        /** The payloads of the calls that the state made. */
        List<JsonNode> payloads(String state) {
            return calls.stream()
                    .filter(call -> call.state().equals(state))
                    .map(Call::payload)
                    .toList();
        }

        String error() {
            return execution.error().orElse("");
        }

        /** Functions that answered {} because nothing is known of them. */
        Set<String> unknown() {
            var unknown = new TreeSet<String>();
            for (var call : calls) unknown.add(function(call.arguments()));
            unknown.removeIf(function -> function.isEmpty()
                    || function.equals("ReportFailure")
                    || function.equals("FailExecution")
                    || RESULTS.has(function));
            return unknown;
        }
    }

    private final LocalDeployment deployment;
    private final String name;
    private final String arn;
    private final List<String> path = new CopyOnWriteArrayList<>();
    private int runs;

    /** @param name as its file in statemachine/ is called */
    MockedMachine(LocalDeployment deployment, String name) {
        this.deployment = deployment;
        this.name = name;
        this.arn = deployment.stack().stateMachines().values().stream()
                .filter(each -> StateCoverage.machineOf(each).equals(name))
                .findFirst()
                .orElseThrow();
        deployment.cloud().states().onTransition(transition -> {
            if (!transition.stateMachineArn().equals(arn)) return;
            path.add(transition.to());
            StateCoverage.WITH_MOCKS.add(StateCoverage.Step.of(transition));
        });
    }

    String name() {
        return name;
    }

    /** The name of the execution that comes next. */
    String nextExecution() {
        return "run-" + (runs + 1);
    }

    /** Runs an execution to its end; each state takes its answers in order, and after them the usual result. */
    Run run(String input, Map<String, List<Mock>> answers) {
        path.clear();
        var calls = new CopyOnWriteArrayList<Call>();
        var left = new HashMap<String, Deque<Mock>>();
        answers.forEach((state, mocks) -> left.put(state, new ArrayDeque<>(mocks)));
        var states = deployment.cloud().states();
        states.mockTasks(arn, (state, arguments) -> {
            calls.add(new Call(state, arguments));
            var next = left.getOrDefault(state, new ArrayDeque<>()).poll();
            return next == null ? usual(state, arguments) : next;
        });
        var execution = states.execution(states.startExecution(arn, nextExecution(), Json.parse(input)));
        runs++;
        deployment.cloud().time().runUntil(() -> execution.status() != Execution.Status.RUNNING, Duration.ofDays(31));
        return new Run(execution, new ArrayList<>(path), calls);
    }

    private Mock usual(String state, JsonNode arguments) {
        var function = function(arguments);
        var payload = arguments.path("Payload");
        if (function.equals("ReportFailure")) return answered(reported(payload.path("failure")));
        if (function.equals("FailExecution")) {
            var failure = payload.path("input");
            return new Mock.ErrorOutput(
                    failure.path("error").asText(), failure.path("cause").asText());
        }
        var result = RESULTS.get(function.isEmpty() ? state : function);
        if (result == null && function.isEmpty()) {
            throw new AssertionError("mocked-results.json needs what the service answers to " + state + " of " + name);
        }
        if (result == null) result = Json.object();
        return function.isEmpty() || waits(arguments) ? new Mock.Result(result) : answered(result);
    }

    private static JsonNode reported(JsonNode failure) {
        var report = Json.object();
        report.put("error", failure.path("Error").asText());
        report.put("cause", failure.path("Cause").asText());
        report.putArray("leftBilling");
        report.putArray("observations");
        return report;
    }

    private static boolean waits(JsonNode arguments) {
        return arguments.path("Payload").has("token");
    }

    /** What lambda:invoke returns of a function that is not waited for. */
    static Mock answered(JsonNode payload) {
        var result = Json.object().put("ExecutedVersion", "$LATEST").put("StatusCode", 200);
        result.set("Payload", payload);
        return new Mock.Result(result);
    }

    /** The logical id, without "Function", of the function that is called; empty where another service is. */
    static String function(JsonNode arguments) {
        return arguments
                .path("FunctionName")
                .asText()
                .replaceFirst(".*:function:cloudhsm-pipeline-", "")
                .replaceFirst("Function-[A-Za-z0-9]+$", "");
    }

    private static JsonNode results() {
        try (var file = MockedMachine.class.getResourceAsStream("/mocked-results.json")) {
            return Json.parse(new String(file.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
