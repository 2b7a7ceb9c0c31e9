package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.time.SimulatedTime;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/** Runs executions, and keeps what their flows share. Called with the lock of the simulated time held. */
final class Interpreter {
    private final Account account;
    private final Expressions expressions;
    private final Integrations integrations;
    private final Executions executions;
    private final StatusChanges statusChanges;
    private final TaskTokens tokens = new TaskTokens();
    private final List<BiConsumer<Execution, ObjectNode>> listeners = new ArrayList<>();
    private final List<Consumer<Transition>> transitionListeners = new ArrayList<>();
    private final Map<String, BiFunction<String, JsonNode, Mock>> mocks = new ConcurrentHashMap<>();
    private final Map<Execution, Flow> flows = new HashMap<>();

    Interpreter(
            Account account,
            Expressions expressions,
            Integrations integrations,
            Executions executions,
            StatusChanges statusChanges) {
        this.account = account;
        this.expressions = expressions;
        this.integrations = integrations;
        this.executions = executions;
        this.statusChanges = statusChanges;
    }

    Account account() {
        return account;
    }

    SimulatedTime time() {
        return account.time();
    }

    RandomGenerator random() {
        return account.random();
    }

    Expressions expressions() {
        return expressions;
    }

    Integrations integrations() {
        return integrations;
    }

    TaskTokens tokens() {
        return tokens;
    }

    void listen(BiConsumer<Execution, ObjectNode> listener) {
        listeners.add(listener);
    }

    void listenToTransitions(Consumer<Transition> listener) {
        transitionListeners.add(listener);
    }

    void took(Execution execution, String from, String way, String to) {
        var transition = new Transition(execution.machine().ownArn(), from, way, to);
        transitionListeners.forEach(listener -> listener.accept(transition));
    }

    void mock(StateMachine machine, BiFunction<String, JsonNode, Mock> tasks) {
        mocks.put(machine.ownArn(), tasks);
    }

    /** What the task answers instead of its service; empty where the machine is not mocked. */
    Optional<Mock> mocked(StateMachine machine, String task, JsonNode arguments) {
        return Optional.ofNullable(mocks.get(machine.ownArn())).map(tasks -> tasks.apply(task, arguments));
    }

    Executions executions() {
        return executions;
    }

    void start(Execution execution) {
        executions.add(execution);
        var details = Json.object()
                .put("input", Json.text(execution.input()))
                .put("roleArn", execution.machine().role().arn());
        details.putObject("inputDetails").put("truncated", false);
        var first = record(execution, "ExecutionStarted", 0, "executionStartedEventDetails", details);
        var definition = execution.machine().definition();
        var flow = new Flow(
                this, execution, definition, new Variables(null), Optional.empty(), first, new Ending(execution));
        flows.put(execution, flow);
        statusChanges.running(execution);
        limitTime(execution);
        flow.start(execution.input());
    }

    private void limitTime(Execution execution) {
        execution.machine().definition().timeout().ifPresent(timeout -> {
            var timer = time().schedule(timeout, "timeout of execution " + execution.name(), () -> {
                if (!execution.running()) return;
                flows.get(execution).cancel();
                end(
                        execution,
                        Execution.Status.TIMED_OUT,
                        Optional.empty(),
                        "ExecutionTimedOut",
                        new StateFailure("States.Timeout", ""));
            });
            execution.whenEnded(timer::cancel);
        });
    }

    /** Ends the execution as StopExecution does; error and cause may be empty. */
    void stop(Execution execution, String error, String cause) {
        flows.get(execution).cancel();
        end(execution, Execution.Status.ABORTED, Optional.empty(), "ExecutionAborted", new StateFailure(error, cause));
    }

    /** Starts the failed state again. */
    void redrive(Execution execution) {
        execution.redrive();
        var flow = flows.get(execution);
        flow.record(
                "ExecutionRedriven",
                "executionRedrivenEventDetails",
                Json.object().put("redriveCount", execution.redriveCount()));
        statusChanges.running(execution);
        limitTime(execution);
        flow.redrive();
    }

    private final class Ending implements Flow.Completion {
        private final Execution execution;

        private Ending(Execution execution) {
            this.execution = execution;
        }

        @Override
        public void succeeded(Flow flow, JsonNode output) {
            var details = Json.object().put("output", Json.text(output));
            details.putObject("outputDetails").put("truncated", false);
            flow.record("ExecutionSucceeded", "executionSucceededEventDetails", details);
            execution.end(
                    Execution.Status.SUCCEEDED, time().now(), Optional.of(output), Optional.empty(), Optional.empty());
        }

        @Override
        public void failed(Flow flow, StateFailure failure) {
            end(execution, Execution.Status.FAILED, Optional.empty(), "ExecutionFailed", failure);
        }
    }

    private void end(
            Execution execution, Execution.Status status, Optional<JsonNode> output, String event, StateFailure why) {
        var details = Json.object();
        var error = Optional.of(why.error()).filter(text -> !text.isEmpty());
        var cause = Optional.of(why.cause()).filter(text -> !text.isEmpty());
        error.ifPresent(text -> details.put("error", text));
        cause.ifPresent(text -> details.put("cause", text));
        var name = Character.toLowerCase(event.charAt(0)) + event.substring(1) + "EventDetails";
        flows.get(execution).record(event, name, details);
        execution.end(status, time().now(), output, error, cause);
    }

    /** Appends an event and tells the listeners; the 25,000th ends the execution. Returns the event's id. */
    long record(Execution execution, String type, long previousEventId, String detailsName, ObjectNode details) {
        if (execution.history().size() == History.MAXIMUM_EVENTS - 1
                && execution.running()
                && !type.startsWith("Execution")) {
            var full = new StateFailure(
                    "States.Runtime",
                    "The execution reached the maximum number of history events (" + History.MAXIMUM_EVENTS + ").");
            execution.end(
                    Execution.Status.FAILED,
                    time().now(),
                    Optional.empty(),
                    Optional.of(full.error()),
                    Optional.of(full.cause()));
            type = "ExecutionFailed";
            detailsName = "executionFailedEventDetails";
            details = Json.object().put("error", full.error()).put("cause", full.cause());
        } else if (execution.history().size() >= History.MAXIMUM_EVENTS) {
            return previousEventId;
        }
        var event = execution.history().add(time().now(), type, previousEventId, detailsName, details);
        listeners.forEach(listener -> listener.accept(execution, event));
        return event.path("id").asLong();
    }
}
