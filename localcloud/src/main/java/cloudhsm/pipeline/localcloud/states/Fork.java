package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A Parallel's branches or an inline Map's iterations: starts them in order, joins them, ends all when one fails. */
final class Fork implements Flow.Completion {
    /** What one branch runs, and with what. */
    record Branch(Definition definition, JsonNode input, Optional<ObjectNode> mapItem) {}

    private final Flow outer;
    private final State state;
    private final List<Branch> branches;
    private final int concurrency;
    private final Interpreter interpreter;
    private final List<Flow> flows = new ArrayList<>();
    private final JsonNode[] results;
    private int succeeded;
    private boolean over;

    Fork(Flow outer, State state, List<Branch> branches, int concurrency, Interpreter interpreter) {
        this.outer = outer;
        this.state = state;
        this.branches = branches;
        this.concurrency = concurrency;
        this.interpreter = interpreter;
        this.results = new JsonNode[branches.size()];
    }

    void start() {
        if (branches.isEmpty()) join();
        while (flows.size() < Math.min(concurrency, branches.size())) startNext();
    }

    private void startNext() {
        var branch = branches.get(flows.size());
        var flow = new Flow(
                interpreter,
                outer.execution(),
                branch.definition(),
                new Variables(outer.variables()),
                branch.mapItem(),
                outer.lastEventId(),
                this);
        flows.add(flow);
        if (isMap()) flow.record("MapIterationStarted", "mapIterationStartedEventDetails", iteration(flow));
        flow.start(branch.input());
    }

    @Override
    public void succeeded(Flow flow, JsonNode output) {
        if (over) return;
        if (isMap()) flow.record("MapIterationSucceeded", "mapIterationSucceededEventDetails", iteration(flow));
        results[flows.indexOf(flow)] = output;
        succeeded++;
        if (flows.size() < branches.size()) {
            startNext();
        } else if (succeeded == branches.size()) {
            outer.lastEventId(flow.lastEventId());
            join();
        }
    }

    private void join() {
        over = true;
        outer.record(state.type() + "StateSucceeded", "", Json.object());
        var result = Json.array();
        for (var each : results) result.add(each);
        outer.stateSucceeded(result);
    }

    @Override
    public void failed(Flow flow, StateFailure failure) {
        if (over) return;
        if (isMap()) flow.record("MapIterationFailed", "mapIterationFailedEventDetails", iteration(flow));
        outer.lastEventId(flow.lastEventId());
        cancel();
        outer.record(state.type() + "StateFailed", "", Json.object());
        outer.stateFailed(failure);
    }

    /** Whether a branch failed or was cancelled. */
    boolean unfinished() {
        return succeeded < branches.size();
    }

    /** Goes on with the branches that did not succeed, each where it ended. */
    void redrive() {
        over = false;
        var begun = List.copyOf(flows);
        for (int index = 0; index < begun.size(); index++) {
            if (results[index] != null) continue;
            begun.get(index).lastEventId(outer.lastEventId());
            begun.get(index).redrive();
        }
    }

    void cancel() {
        over = true;
        flows.forEach(Flow::cancel);
    }

    private boolean isMap() {
        return state instanceof State.Map;
    }

    private ObjectNode iteration(Flow flow) {
        return Json.object().put("name", state.name()).put("index", flows.indexOf(flow));
    }
}
