package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;

/** What the fields of the state say that a flow is in: their expressions, with {@code $states} and the variables. */
final class StateFields {
    /** Input or output of a state, in bytes [SFN:service-quotas]. */
    static final int MAXIMUM_DATA = 262_144;

    private final Interpreter interpreter;
    private final Execution execution;
    private final Variables variables;
    private final Optional<ObjectNode> mapItem;

    private State state;
    private JsonNode input = MissingNode.getInstance();
    private Instant entered = Instant.EPOCH;
    private int retryCount;
    private Optional<String> token = Optional.empty();

    /** @param mapItem of the iteration of an inline Map that the flow is */
    StateFields(Interpreter interpreter, Execution execution, Variables variables, Optional<ObjectNode> mapItem) {
        this.interpreter = interpreter;
        this.execution = execution;
        this.variables = variables;
        this.mapItem = mapItem;
    }

    void enter(State entering, JsonNode stateInput, Instant at) {
        state = entering;
        input = stateInput;
        entered = at;
    }

    /** The state's work begins, after so many retries; a token of an earlier attempt is forgotten. */
    void begin(int retries) {
        retryCount = retries;
        token = Optional.empty();
    }

    void token(String issued) {
        token = Optional.of(issued);
    }

    /** Whether the rule of a Choice state applies. */
    boolean holds(State.Rule rule) {
        var holds = evaluate(rule.condition(), "Condition");
        if (!holds.isBoolean()) {
            throw new StateFailure(
                    "States.QueryEvaluationError",
                    "The Condition of state " + state.name() + " is " + holds + ", not a boolean");
        }
        return holds.asBoolean();
    }

    Duration waitingTime(State.Wait wait) {
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

    /** The items of an inline Map: an array. */
    JsonNode items(State.Map map) {
        var items = map.items().isMissingNode() ? input : evaluate(map.items(), "Items");
        if (!items.isArray()) {
            throw new StateFailure(
                    "States.QueryEvaluationError", "Items of the Map state " + state.name() + " are not an array");
        }
        return items;
    }

    /** {@code $states.context.Map.Item}. */
    static ObjectNode mapItem(int index, JsonNode value) {
        var item = Json.object().put("Index", index);
        item.set("Value", value);
        return item;
    }

    /** What the ItemSelector makes of an item; the item itself where there is none. */
    JsonNode itemInput(JsonNode selector, ObjectNode item) {
        return selector.isMissingNode()
                ? item.get("Value")
                : evaluate(selector, states(Optional.of(item)), "ItemSelector");
    }

    String text(JsonNode field, String name) {
        return field.isMissingNode() ? "" : evaluate(field, name).asText();
    }

    JsonNode evaluate(JsonNode template, String field) {
        return evaluate(template, states(), field);
    }

    JsonNode evaluate(JsonNode template, ObjectNode states, String field) {
        return interpreter.expressions().evaluate(template, states, variables.visible(), field);
    }

    void requireFits(JsonNode value, String what) {
        if (Json.text(value).getBytes(StandardCharsets.UTF_8).length > MAXIMUM_DATA) {
            throw new StateFailure(
                    "States.DataLimitExceeded",
                    "The " + what + " '" + state.name() + "' is larger than the maximum of " + MAXIMUM_DATA
                            + " bytes.");
        }
    }

    /** {@code $states} of this flow, without result and errorOutput. */
    ObjectNode states() {
        return states(mapItem);
    }

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
}
