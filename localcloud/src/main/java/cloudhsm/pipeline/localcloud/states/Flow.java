package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.time.SimulatedTime.Scheduled;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * One line of control through a definition: the whole machine, a branch of a Parallel, or an iteration of a Map. Every
 * step is work of the simulated time, so flows interleave in a fixed order and none has a thread.
 */
final class Flow {
    /** How a flow tells whoever started it that it is over. */
    interface Completion {
        void succeeded(Flow flow, JsonNode output);

        void failed(Flow flow, StateFailure failure);
    }

    /** How a state is left; without a next state the flow ends. */
    private record Way(String name, Optional<String> next) {
        static final Way END = new Way("End", Optional.empty());
    }

    private final Interpreter interpreter;
    private final Execution execution;
    private final Definition definition;
    private final Variables variables;
    private final Optional<ObjectNode> mapItem;
    private final Completion completion;
    private final StateFields fields;

    private long lastEventId;
    private boolean ended;
    private State state;
    private JsonNode input = MissingNode.getInstance();
    private int[] retries = new int[0];
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
        this.fields = new StateFields(interpreter, execution, variables, mapItem);
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
        interpreter.took(execution, "", Transition.START, definition.startAt());
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
        if (fork.map(Fork::unfinished).orElse(false)) {
            fields.begin(0);
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
        fields.enter(state, stateInput, interpreter.time().now());
        retries = new int[state.common().retry().size()];
        var details = Json.object().put("name", name).put("input", Json.text(stateInput));
        details.putObject("inputDetails").put("truncated", false);
        record(state.type() + "StateEntered", "stateEnteredEventDetails", details);
        unfinished = this::runAgain;
        if (!ended) run();
    }

    private void run() {
        fields.begin(IntStream.of(retries).sum());
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
                            new Way(Transition.NEXT, pass.common().next()));
                case State.Choice choice -> choose(choice);
                case State.Wait wait -> later(fields.waitingTime(wait), () -> stateSucceeded(input));
                case State.Parallel parallel -> runParallel(parallel);
                case State.Map map -> runMap(map);
                case State.DistributedMap map -> {
                    var started = new DistributedMap(this, map, interpreter);
                    distributedMap = Optional.of(started);
                    started.start();
                }
                case State.Succeed succeed ->
                    exit(MissingNode.getInstance(), succeed.common().output(), input, Way.END);
                case State.Fail fail ->
                    fail(new StateFailure(fields.text(fail.error(), "Error"), fields.text(fail.cause(), "Cause")));
            }
        } catch (StateFailure failure) {
            stateFailed(failure);
        }
    }

    private void runTask(State.Task task) {
        var started = new TaskAttempt(this, task, interpreter);
        Optional<String> token = task.resource().waitsForTaskToken()
                ? Optional.of(interpreter.tokens().issue(started))
                : Optional.empty();
        token.ifPresent(fields::token);
        attempt = Optional.of(started);
        started.start(token);
    }

    private void choose(State.Choice choice) {
        for (int i = 0; i < choice.rules().size(); i++) {
            var rule = choice.rules().get(i);
            if (!fields.holds(rule)) continue;
            exit(rule.assign(), rule.output(), input, new Way(Transition.CHOICE + i, Optional.of(rule.next())));
            return;
        }
        if (choice.defaultNext().isEmpty()) {
            throw new StateFailure("States.NoChoiceMatched", "No rule of the Choice state " + state.name() + " holds");
        }
        exit(
                choice.common().assign(),
                choice.common().output(),
                input,
                new Way(Transition.DEFAULT, choice.defaultNext()));
    }

    private void runParallel(State.Parallel parallel) {
        var branchInput = parallel.arguments().isMissingNode() ? input : evaluate(parallel.arguments(), "Arguments");
        record("ParallelStateStarted", "", Json.object());
        var branches = new ArrayList<Fork.Branch>();
        for (var branch : parallel.branches()) branches.add(new Fork.Branch(branch, branchInput, mapItem));
        fork(branches, branches.size());
    }

    private void runMap(State.Map map) {
        var items = fields.items(map);
        var concurrency = map.maxConcurrency().isMissingNode()
                ? 0
                : evaluate(map.maxConcurrency(), "MaxConcurrency").asInt();
        record("MapStateStarted", "mapStateStartedEventDetails", Json.object().put("length", items.size()));
        var branches = new ArrayList<Fork.Branch>();
        for (int index = 0; index < items.size(); index++) {
            var item = StateFields.mapItem(index, items.get(index));
            branches.add(
                    new Fork.Branch(map.processor(), fields.itemInput(map.itemSelector(), item), Optional.of(item)));
        }
        // An inline Map runs at most 40 iterations at a time [SFN:state-map-inline].
        fork(branches, concurrency == 0 ? 40 : Math.min(40, concurrency));
    }

    /** What the ItemSelector makes of an item; the item itself where there is none. */
    JsonNode itemInput(JsonNode selector, int index, JsonNode value) {
        return fields.itemInput(selector, StateFields.mapItem(index, value));
    }

    JsonNode evaluate(JsonNode template, String field) {
        return fields.evaluate(template, field);
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
                    new Way(Transition.NEXT, state.common().next()));
        } catch (StateFailure failure) {
            stateFailed(failure);
        }
    }

    /** Evaluates Assign and Output side by side, leaves the state and goes on, or ends the flow. */
    private void exit(JsonNode assign, JsonNode output, JsonNode result, Way way) {
        var states = fields.states();
        if (state.hasResult()) states.set("result", result);
        leave(assign, output, states, result, way);
    }

    private void leave(JsonNode assign, JsonNode output, ObjectNode states, JsonNode result, Way way) {
        var assigned = assign.isMissingNode() ? Json.object() : fields.evaluate(assign, states, "Assign");
        var value = output.isMissingNode() ? result : fields.evaluate(output, states, "Output");
        fields.requireFits(value, "output of the state");
        fields.requireFits(assigned, "variables assigned by the state");
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
        if (way.next().isPresent()) {
            interpreter.took(execution, state.name(), way.name(), way.next().get());
            enterNext(way.next().get(), value);
        } else {
            ended = true;
            completion.succeeded(this, value);
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
            later(delay, this::run);
            return;
        }
        var catchers = state.common().catchers();
        for (int i = 0; i < catchers.size(); i++) {
            var catcher = catchers.get(i);
            if (!failure.matches(catcher.errorEquals())) continue;
            var states = fields.states();
            states.set("errorOutput", failure.output());
            try {
                leave(
                        catcher.assign(),
                        catcher.output(),
                        states,
                        failure.output(),
                        new Way(Transition.CATCH + i, Optional.of(catcher.next())));
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

    /** Appends an event that follows this flow's last one. */
    void record(String type, String detailsName, ObjectNode details) {
        lastEventId = interpreter.record(execution, type, lastEventId, detailsName, details);
    }
}
