package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.http.Json;
import cloudhsm.pipeline.localcloud.time.SimulatedTime.Scheduled;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One line of control through a definition: the whole machine, a branch of a Parallel, or an iteration of a Map. Every
 * step is work of the simulated time, so flows interleave in a fixed order and none has a thread.
 */
final class Flow {
    /** Input or output of a state, in bytes [SFN:service-quotas]. */
    static final int MAXIMUM_DATA = 262_144;

    /** How a flow tells whoever started it that it is over. */
    interface Completion {
        void succeeded(Flow flow, JsonNode output);

        void failed(Flow flow, StateFailure failure);
    }

    private final Interpreter interpreter;
    private final Execution execution;
    private final Definition definition;
    private final Variables variables;
    private final Optional<ObjectNode> mapItem;
    private final Completion completion;

    private long lastEventId;
    private boolean ended;
    private State state;
    private JsonNode input = MissingNode.getInstance();
    private Instant entered = Instant.EPOCH;
    private int[] retries = new int[0];
    private int retryCount;
    private Optional<String> token = Optional.empty();
    private Optional<Scheduled> step = Optional.empty();

    /** What a redrive does: enters the state that was to come next, or runs the one that was not left. */
    private Runnable unfinished = () -> {};

    private Optional<TaskAttempt> attempt = Optional.empty();
    private Optional<Fork> fork = Optional.empty();
    private Optional<DistributedMap> distributedMap = Optional.empty();

    Flow(
            Interpreter interpreter,
            Execution execution,
            Definition definition,
            Variables variables,
            Optional<ObjectNode> mapItem,
            long lastEventId,
            Completion completion) {
        this.interpreter = interpreter;
        this.execution = execution;
        this.definition = definition;
        this.variables = variables;
        this.mapItem = mapItem;
        this.lastEventId = lastEventId;
        this.completion = completion;
    }

    Execution execution() {
        return execution;
    }

    JsonNode stateInput() {
        return input;
    }

    long lastEventId() {
        return lastEventId;
    }

    void lastEventId(long id) {
        lastEventId = id;
    }

    Variables variables() {
        return variables;
    }

    void start(JsonNode firstInput) {
        enterNext(definition.startAt(), firstInput);
    }

    private void enterNext(String name, JsonNode stateInput) {
        unfinished = () -> enter(name, stateInput);
        later(Duration.ZERO, unfinished);
    }

    /** Goes on where the flow ended unsuccessfully, with the input and the variables that it had. */
    void redrive() {
        ended = false;
        later(Duration.ZERO, unfinished);
    }

    /** Runs the state that was not left: of a Parallel or a Map, what did not succeed. */
    private void runAgain() {
        retries = new int[state.common().retry().size()];
        retryCount = 0;
        if (fork.map(Fork::unfinished).orElse(false)) {
            fork.get().redrive();
        } else if (distributedMap.map(DistributedMap::redrivable).orElse(false)) {
            distributedMap.get().redrive();
        } else {
            run();
        }
    }

    private void later(Duration delay, Runnable work) {
        step = Optional.of(interpreter.time().schedule(delay, "execution " + execution.name(), () -> {
            if (!ended && execution.running()) work.run();
        }));
    }

    private void enter(String name, JsonNode stateInput) {
        state = definition.states().get(name);
        input = stateInput;
        entered = interpreter.time().now();
        retries = new int[state.common().retry().size()];
        retryCount = 0;
        var details = Json.object().put("name", name).put("input", Json.text(stateInput));
        details.putObject("inputDetails").put("truncated", false);
        record(state.type() + "StateEntered", "stateEnteredEventDetails", details);
        unfinished = this::runAgain;
        if (!ended) run();
    }

    private void run() {
        token = Optional.empty();
        attempt = Optional.empty();
        fork = Optional.empty();
        distributedMap = Optional.empty();
        try {
            switch (state) {
                case State.Task task -> runTask(task);
                case State.Pass pass ->
                    exit(
                            pass.common().assign(),
                            pass.common().output(),
                            input,
                            pass.common().next());
                case State.Choice choice -> choose(choice);
                case State.Wait wait -> later(waitingTime(wait), () -> stateSucceeded(input));
                case State.Parallel parallel -> runParallel(parallel);
                case State.Map map -> runMap(map);
                case State.DistributedMap map -> {
                    var started = new DistributedMap(this, map, interpreter);
                    distributedMap = Optional.of(started);
                    started.start();
                }
                case State.Succeed succeed ->
                    exit(MissingNode.getInstance(), succeed.common().output(), input, Optional.empty());
                case State.Fail fail ->
                    fail(new StateFailure(text(fail.error(), "Error"), text(fail.cause(), "Cause")));
            }
        } catch (StateFailure failure) {
            stateFailed(failure);
        }
    }

    private void runTask(State.Task task) {
        var started = new TaskAttempt(this, task, interpreter);
        if (task.resource().waitsForTaskToken())
            token = Optional.of(interpreter.tokens().issue(started));
        attempt = Optional.of(started);
        started.start(token);
    }

    private void choose(State.Choice choice) {
        for (var rule : choice.rules()) {
            var holds = evaluate(rule.condition(), "Condition");
            if (!holds.isBoolean()) {
                throw new StateFailure(
                        "States.QueryEvaluationError",
                        "The Condition of state " + state.name() + " is " + holds + ", not a boolean");
            }
            if (holds.asBoolean()) {
                exit(rule.assign(), rule.output(), input, Optional.of(rule.next()));
                return;
            }
        }
        if (choice.defaultNext().isEmpty()) {
            throw new StateFailure("States.NoChoiceMatched", "No rule of the Choice state " + state.name() + " holds");
        }
        exit(choice.common().assign(), choice.common().output(), input, choice.defaultNext());
    }

    private Duration waitingTime(State.Wait wait) {
        if (!wait.seconds().isMissingNode()) {
            var seconds = evaluate(wait.seconds(), "Seconds");
            if (!seconds.canConvertToLong() || seconds.asLong() < 0 || seconds.asLong() > 99_999_999) {
                throw new StateFailure("States.QueryEvaluationError", "Seconds must be 0 to 99999999, not " + seconds);
            }
            return Duration.ofSeconds(seconds.asLong());
        }
        var timestamp = evaluate(wait.timestamp(), "Timestamp").asText();
        try {
            var left = Duration.between(interpreter.time().now(), Instant.parse(timestamp));
            return left.isNegative() ? Duration.ZERO : left;
        } catch (DateTimeParseException malformed) {
            throw new StateFailure("States.QueryEvaluationError", "Timestamp is no RFC 3339 time: " + timestamp);
        }
    }

    private void runParallel(State.Parallel parallel) {
        var branchInput = parallel.arguments().isMissingNode() ? input : evaluate(parallel.arguments(), "Arguments");
        record("ParallelStateStarted", "", Json.object());
        var branches = new ArrayList<Fork.Branch>();
        for (var branch : parallel.branches()) branches.add(new Fork.Branch(branch, branchInput, mapItem));
        fork(branches, branches.size());
    }

    private void runMap(State.Map map) {
        var items = map.items().isMissingNode() ? input : evaluate(map.items(), "Items");
        if (!items.isArray()) {
            throw new StateFailure(
                    "States.QueryEvaluationError", "Items of the Map state " + state.name() + " are not an array");
        }
        var concurrency = map.maxConcurrency().isMissingNode()
                ? 0
                : evaluate(map.maxConcurrency(), "MaxConcurrency").asInt();
        record("MapStateStarted", "mapStateStartedEventDetails", Json.object().put("length", items.size()));
        var branches = new ArrayList<Fork.Branch>();
        for (int index = 0; index < items.size(); index++) {
            var item = mapItem(index, items.get(index));
            branches.add(new Fork.Branch(map.processor(), itemInput(map.itemSelector(), item), Optional.of(item)));
        }
        // An inline Map runs at most 40 iterations at a time [SFN:state-map-inline].
        fork(branches, concurrency == 0 ? 40 : Math.min(40, concurrency));
    }

    private static ObjectNode mapItem(int index, JsonNode value) {
        var item = Json.object().put("Index", index);
        item.set("Value", value);
        return item;
    }

    /** What the ItemSelector makes of an item; the item itself where there is none. */
    JsonNode itemInput(JsonNode selector, int index, JsonNode value) {
        return itemInput(selector, mapItem(index, value));
    }

    private JsonNode itemInput(JsonNode selector, ObjectNode item) {
        return selector.isMissingNode()
                ? item.get("Value")
                : evaluate(selector, states(Optional.of(item)), "ItemSelector");
    }

    private void fork(List<Fork.Branch> branches, int concurrency) {
        var started = new Fork(this, state, branches, concurrency, interpreter);
        fork = Optional.of(started);
        started.start();
    }

    /** The state's work is done with this {@code $states.result}. */
    void stateSucceeded(JsonNode result) {
        if (ended) return;
        try {
            exit(
                    state.common().assign(),
                    state.common().output(),
                    result,
                    state.common().next());
        } catch (StateFailure failure) {
            stateFailed(failure);
        }
    }

    /** Evaluates Assign and Output side by side, leaves the state and goes on, or ends the flow. */
    private void exit(JsonNode assign, JsonNode output, JsonNode result, Optional<String> next) {
        var states = states(mapItem);
        if (state.hasResult()) states.set("result", result);
        leave(assign, output, states, result, next);
    }

    private void leave(JsonNode assign, JsonNode output, ObjectNode states, JsonNode result, Optional<String> next) {
        var assigned = assign.isMissingNode() ? Json.object() : evaluate(assign, states, "Assign");
        var value = output.isMissingNode() ? result : evaluate(output, states, "Output");
        requireFits(value, "output of the state");
        requireFits(assigned, "variables assigned by the state");
        variables.assign(assigned);
        var details = Json.object().put("name", state.name()).put("output", Json.text(value));
        details.putObject("outputDetails").put("truncated", false);
        if (!assigned.isEmpty()) {
            var shown = details.putObject("assignedVariables");
            assigned.properties().forEach(variable -> shown.put(variable.getKey(), Json.text(variable.getValue())));
            details.putObject("assignedVariablesDetails").put("truncated", false);
        }
        record(state.type() + "StateExited", "stateExitedEventDetails", details);
        if (ended) return;
        if (next.isPresent()) {
            enterNext(next.get(), value);
        } else {
            ended = true;
            completion.succeeded(this, value);
        }
    }

    private void requireFits(JsonNode value, String what) {
        if (Json.text(value).getBytes(StandardCharsets.UTF_8).length > MAXIMUM_DATA) {
            throw new StateFailure(
                    "States.DataLimitExceeded",
                    "The " + what + " '" + state.name() + "' is larger than the maximum of " + MAXIMUM_DATA
                            + " bytes.");
        }
    }

    /** The state failed: its Retry first, then its Catch, else the flow fails. */
    void stateFailed(StateFailure failure) {
        if (ended) return;
        if (failure.error().equals("States.QueryEvaluationError")) recordEvaluationFailed(failure);
        var retriers = state.common().retry();
        for (int i = 0; i < retriers.size(); i++) {
            var retrier = retriers.get(i);
            if (!failure.matches(retrier.errorEquals())) continue;
            if (retries[i] >= retrier.maxAttempts()) break;
            var delay = retrier.delay(retries[i], interpreter.random());
            retries[i]++;
            retryCount++;
            later(delay, this::run);
            return;
        }
        for (var catcher : state.common().catchers()) {
            if (!failure.matches(catcher.errorEquals())) continue;
            var states = states(mapItem);
            states.set("errorOutput", failure.output());
            try {
                leave(catcher.assign(), catcher.output(), states, failure.output(), Optional.of(catcher.next()));
            } catch (StateFailure inCatch) {
                recordEvaluationFailed(inCatch);
                fail(inCatch);
            }
            return;
        }
        fail(failure);
    }

    private void recordEvaluationFailed(StateFailure failure) {
        record(
                "EvaluationFailed",
                "evaluationFailedEventDetails",
                Json.object()
                        .put("error", failure.error())
                        .put("cause", failure.cause())
                        .put("state", state.name()));
    }

    private void fail(StateFailure failure) {
        if (ended) return;
        ended = true;
        completion.failed(this, failure);
    }

    /** Ends the flow from outside: a sibling failed, or the execution was stopped. */
    void cancel() {
        if (ended) return;
        ended = true;
        step.ifPresent(Scheduled::cancel);
        attempt.ifPresent(TaskAttempt::end);
        fork.ifPresent(Fork::cancel);
        distributedMap.ifPresent(DistributedMap::cancel);
        // A flow that is cancelled before its first step has no state yet.
        if (state instanceof State.Wait || state != null && state.hasResult()) {
            record(state.type() + "StateAborted", "", Json.object());
        }
    }

    private String text(JsonNode field, String name) {
        return field.isMissingNode() ? "" : evaluate(field, name).asText();
    }

    JsonNode evaluate(JsonNode template, String field) {
        return evaluate(template, states(mapItem), field);
    }

    private JsonNode evaluate(JsonNode template, ObjectNode states, String field) {
        return interpreter.expressions().evaluate(template, states, variables.visible(), field);
    }

    /** {@code $states}, without result and errorOutput. */
    private ObjectNode states(Optional<ObjectNode> item) {
        var states = Json.object();
        states.set("input", input);
        var context = states.putObject("context");
        var machine = execution.machine();
        var run = context.putObject("Execution")
                .put("Id", execution.arn())
                .put("Name", execution.name())
                .put("RoleArn", machine.role().arn())
                .put("StartTime", execution.started().toString())
                .put("RedriveCount", execution.redriveCount());
        execution.redrives().last().ifPresent(last -> run.put("RedriveTime", last.toString()));
        run.set("Input", execution.input());
        context.putObject("StateMachine").put("Id", machine.arn()).put("Name", machine.name());
        context.putObject("State")
                .put("Name", state.name())
                .put("EnteredTime", entered.toString())
                .put("RetryCount", retryCount);
        token.ifPresent(issued -> context.putObject("Task").put("Token", issued));
        item.ifPresent(current -> context.putObject("Map").set("Item", current));
        return states;
    }

    /** Appends an event that follows this flow's last one. */
    void record(String type, String detailsName, ObjectNode details) {
        lastEventId = interpreter.record(execution, type, lastEventId, detailsName, details);
    }
}
