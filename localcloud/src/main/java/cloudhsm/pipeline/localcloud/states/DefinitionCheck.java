package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds everything for which Step Functions refuses a definition in Amazon States Language with the query language
 * JSONata, and what the embedded AWS does not offer.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html">Amazon
 *     States Language</a>
 */
final class DefinitionCheck {
    private static final int MAXIMUM_BYTES = 1_048_576;

    /** Of TimeoutSeconds, HeartbeatSeconds and Seconds. */
    private static final long MAXIMUM_SECONDS = 99_999_999;

    private static final List<String> QUERY_LANGUAGES = List.of("JSONPath", "JSONata");
    private static final Set<String> TOP =
            Set.of("Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version");
    private static final Set<String> BRANCH = Set.of("Comment", "StartAt", "States");
    private static final Set<String> PROCESSOR = Set.of("Comment", "StartAt", "States", "ProcessorConfig");
    private static final Set<String> COMMON = Set.of("Type", "Comment", "QueryLanguage");
    private static final Map<String, Set<String>> FIELDS = Map.of(
            "Task",
            Set.of(
                    "Next",
                    "End",
                    "Resource",
                    "Arguments",
                    "Output",
                    "Assign",
                    "Retry",
                    "Catch",
                    "TimeoutSeconds",
                    "HeartbeatSeconds"),
            "Pass",
            Set.of("Next", "End", "Output", "Assign"),
            "Choice",
            Set.of("Choices", "Default", "Output", "Assign"),
            "Wait",
            Set.of("Next", "End", "Seconds", "Timestamp", "Output", "Assign"),
            "Parallel",
            Set.of("Next", "End", "Branches", "Arguments", "Output", "Assign", "Retry", "Catch"),
            "Map",
            Set.of(
                    "Next",
                    "End",
                    "Items",
                    "ItemSelector",
                    "MaxConcurrency",
                    "ItemProcessor",
                    "Label",
                    "ItemReader",
                    "ItemBatcher",
                    "ToleratedFailurePercentage",
                    "ToleratedFailureCount",
                    "ResultWriter",
                    "Output",
                    "Assign",
                    "Retry",
                    "Catch"),
            "Succeed",
            Set.of("Output"),
            "Fail",
            Set.of("Error", "Cause"));

    /** Fields of a state that a JSONPath machine has instead. */
    private static final Set<String> JSON_PATH = Set.of(
            "InputPath",
            "OutputPath",
            "ResultPath",
            "ResultSelector",
            "Parameters",
            "Result",
            "ItemsPath",
            "MaxConcurrencyPath",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentagePath",
            "TimeoutSecondsPath",
            "HeartbeatSecondsPath",
            "SecondsPath",
            "TimestampPath",
            "ErrorPath",
            "CausePath");

    /** Fields of a state whose texts may be expressions; those of rules and catchers are checked there. */
    private static final Set<String> EXPRESSIONS = Set.of(
            "Arguments",
            "Output",
            "Assign",
            "TimeoutSeconds",
            "HeartbeatSeconds",
            "Seconds",
            "Timestamp",
            "Error",
            "Cause",
            "Items",
            "ItemSelector",
            "MaxConcurrency",
            "ItemReader",
            "ItemBatcher",
            "ToleratedFailurePercentage",
            "ToleratedFailureCount",
            "ResultWriter");

    private final Diagnostics diagnostics = new Diagnostics();
    private final ExpressionCheck expressions = new ExpressionCheck(diagnostics);
    private final DistributedMapCheck distributedMaps = new DistributedMapCheck(diagnostics);
    private final Set<String> names = new HashSet<>();

    private DefinitionCheck() {}

    /** Everything that is wrong; empty where the definition can be created. */
    static List<Diagnostic> diagnose(String definition) {
        var check = new DefinitionCheck();
        if (definition.getBytes(StandardCharsets.UTF_8).length > MAXIMUM_BYTES) {
            check.diagnostics.schema("The definition is longer than 1 MB", "/");
            return check.diagnostics.found();
        }
        try {
            check.machine(Json.MAPPER
                    .reader()
                    .with(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .readTree(definition));
        } catch (JsonProcessingException notJson) {
            check.diagnostics.addWithoutLocation("INVALID_JSON_DESCRIPTION", notJson.getOriginalMessage());
        }
        return check.diagnostics.found();
    }

    private void machine(JsonNode machine) {
        var language = machine.path("QueryLanguage");
        if (language.isMissingNode() || language.asText().equals("JSONPath")) {
            diagnostics.schema(
                    "The embedded AWS runs JSONata machines only; set QueryLanguage to JSONata", "/QueryLanguage");
            return;
        }
        diagnostics.oneOf(machine, "QueryLanguage", QUERY_LANGUAGES, "");
        diagnostics.onlySupported(machine, TOP, "/");
        diagnostics.integer(machine, "TimeoutSeconds", 1, MAXIMUM_SECONDS, "");
        states(machine, "", Set.of());
    }

    /** A branch of a Parallel, or the processor of a Map. */
    private void inner(JsonNode definition, Set<String> supported, String location, Set<String> outerVariables) {
        diagnostics.onlySupported(definition, supported, location);
        states(definition, location, outerVariables);
    }

    /** @param path of the definition; empty for the machine itself */
    private void states(JsonNode definition, String path, Set<String> outerVariables) {
        if (!diagnostics.required(definition, path, "StartAt", "States")) return;
        if (definition.get("States").isEmpty()) {
            diagnostics.schema("There are no states", path + "/States");
            return;
        }
        var states = definition.get("States").properties();
        var variables = new HashSet<>(outerVariables);
        for (var state : states) {
            variables(state.getValue(), variables, outerVariables, path + "/States/" + state.getKey());
        }
        for (var state : states) {
            var name = state.getKey();
            var location = path + "/States/" + name;
            if (name.length() > 80) {
                diagnostics.add("INVALID_STATE_NAME", "A state's name has at most 80 characters", location);
            }
            if (!names.add(name)) {
                diagnostics.add("DUPLICATE_STATE_NAME", "The state name is used twice in this machine", location);
            }
            state(state.getValue(), location, variables);
        }
        var transitions = new TransitionCheck(diagnostics, definition, path);
        transitions.requireTargets();
        // That a branch or a processor never ends is nothing that AWS refuses.
        if (!path.isEmpty() || transitions.requireTerminalState()) transitions.requireReachable();
    }

    /** A variable of an outer scope can be read in an inner one, but not assigned there. */
    private void variables(JsonNode state, Set<String> variables, Set<String> outer, String location) {
        var assigns = new ArrayList<JsonNode>();
        assigns.add(state.path("Assign"));
        state.path("Catch").forEach(catcher -> assigns.add(catcher.path("Assign")));
        state.path("Choices").forEach(rule -> assigns.add(rule.path("Assign")));
        for (var assign : assigns) {
            for (var name : (Iterable<String>) assign::fieldNames) {
                if (name.length() > 80 || !name.matches("[\\p{L}_][\\p{L}\\p{N}_]*") || name.equals("states")) {
                    diagnostics.schema(name + " is not a variable's name", location + "/Assign");
                }
                if (outer.contains(name)) {
                    diagnostics.schema("The variable " + name + " belongs to the outer scope", location + "/Assign");
                }
                variables.add(name);
            }
        }
    }

    private void state(JsonNode state, String location, Set<String> variables) {
        if (state.path("QueryLanguage").asText().equals("JSONPath")) {
            diagnostics.schema(
                    "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", location);
            return;
        }
        diagnostics.oneOf(state, "QueryLanguage", QUERY_LANGUAGES, location);
        var type = diagnostics.requiredText(state, "Type", location).orElse("");
        var fields = FIELDS.get(type);
        if (fields == null) {
            if (!type.isEmpty()) diagnostics.schema(type + " is not a type of state", location + "/Type");
            return;
        }
        fields(state, fields, location);
        if (fields.contains("Next") && state.has("Next") == state.path("End").asBoolean(false)) {
            diagnostics.schema("A state has either Next or End: true", location);
        }
        expressions(state, type, location);
        Retrier.check(state, location, diagnostics);
        catchers(state, location);
        switch (type) {
            case "Task" -> task(state, location);
            case "Choice" -> rules(state, location);
            case "Wait" -> {
                if (state.has("Seconds") == state.has("Timestamp")) {
                    diagnostics.schema("A Wait has either Seconds or Timestamp", location);
                }
                diagnostics.integerOrExpression(state, "Seconds", 0, MAXIMUM_SECONDS, location);
            }
            case "Parallel" -> {
                var branches = diagnostics.requiredArray(state, "Branches", location);
                for (int i = 0; i < branches.size(); i++) {
                    inner(branches.get(i), BRANCH, location + "/Branches[" + i + "]", variables);
                }
            }
            case "Map" -> map(state, location, variables);
            default -> {}
        }
    }

    private void fields(JsonNode state, Set<String> supported, String location) {
        for (var field : (Iterable<String>) state::fieldNames) {
            if (supported.contains(field) || COMMON.contains(field)) continue;
            if (JSON_PATH.contains(field)) {
                diagnostics.schema(
                        "The QueryLanguage is set to 'JSONata', but field '" + field
                                + "' is only supported for the 'JSONPath' QueryLanguage",
                        location);
            } else {
                diagnostics.unsupported(field, location);
            }
        }
    }

    private void expressions(JsonNode state, String type, String location) {
        for (var field : state.properties()) {
            if (!EXPRESSIONS.contains(field.getKey())) continue;
            expressions.check(field.getValue(), location + "/" + field.getKey(), readable(state, type, field.getKey()));
        }
    }

    /** Where AWS's pages name the field that a part of {@code $states} is for, it is refused in every other. */
    private static Set<String> readable(JsonNode state, String type, String field) {
        return switch (field) {
            case "Output", "Assign" -> Set.of("Task", "Parallel", "Map").contains(type) ? Set.of("result") : Set.of();
            case "Arguments" ->
                state.path("Resource").asText().endsWith(".waitForTaskToken") ? Set.of("context.Task") : Set.of();
            case "ItemSelector" -> Set.of("context.Map");
            default -> Set.of();
        };
    }

    private void catchers(JsonNode state, String location) {
        var catchers = diagnostics.array(state, "Catch", location);
        for (int i = 0; i < catchers.size(); i++) {
            var catcher = catchers.get(i);
            var here = location + "/Catch[" + i + "]";
            diagnostics.onlySupported(catcher, Set.of("ErrorEquals", "Next", "Assign", "Output", "Comment"), here);
            Retrier.checkErrors(catcher, i == catchers.size() - 1, here, diagnostics);
            diagnostics.requiredText(catcher, "Next", here);
            expressions.check(catcher.path("Assign"), here + "/Assign", Set.of("errorOutput"));
            expressions.check(catcher.path("Output"), here + "/Output", Set.of("errorOutput"));
        }
    }

    private void task(JsonNode task, String location) {
        diagnostics.integerOrExpression(task, "TimeoutSeconds", 1, MAXIMUM_SECONDS, location);
        diagnostics.integerOrExpression(task, "HeartbeatSeconds", 1, MAXIMUM_SECONDS, location);
        if (task.path("TimeoutSeconds").isNumber()
                && task.path("HeartbeatSeconds").isNumber()
                && task.path("HeartbeatSeconds").asLong()
                        >= task.path("TimeoutSeconds").asLong()) {
            diagnostics.schema("HeartbeatSeconds must be less than TimeoutSeconds", location);
        }
        var arn = diagnostics.requiredText(task, "Resource", location);
        if (arn.isEmpty()) return;
        var resource = TaskResource.parse(arn.get());
        if (resource.isEmpty()) {
            diagnostics.schema("The embedded AWS does not offer the integration " + arn.get(), location + "/Resource");
        } else if (resource.get().waitsForTaskToken()
                && !task.path("Arguments").toString().contains("states.context.Task.Token")) {
            diagnostics.schema(
                    "A task that waits for its token must pass $states.context.Task.Token on", location + "/Arguments");
        }
    }

    private void rules(JsonNode choice, String location) {
        var rules = diagnostics.requiredArray(choice, "Choices", location);
        for (int i = 0; i < rules.size(); i++) {
            var rule = rules.get(i);
            var here = location + "/Choices[" + i + "]";
            diagnostics.onlySupported(rule, Set.of("Condition", "Next", "Assign", "Output", "Comment"), here);
            diagnostics.required(rule, here, "Condition", "Next");
            for (var field : List.of("Condition", "Assign", "Output")) {
                expressions.check(rule.path(field), here + "/" + field, Set.of());
            }
        }
    }

    private void map(JsonNode map, String location, Set<String> variables) {
        diagnostics.integerOrExpression(map, "MaxConcurrency", 0, Long.MAX_VALUE, location);
        if (!diagnostics.required(map, location, "ItemProcessor")) return;
        var processor = map.get("ItemProcessor");
        var within = location + "/ItemProcessor";
        var config = processor.path("ProcessorConfig");
        if (!diagnostics.oneOf(config, "Mode", List.of("INLINE", "DISTRIBUTED"), within + "/ProcessorConfig")) return;
        if (config.path("Mode").asText().equals("DISTRIBUTED")) {
            // The children are executions of their own and see no variable of this one [SFN:workflow-variables].
            inner(processor, PROCESSOR, within, Set.of());
            distributedMaps.check(map, location);
            return;
        }
        inner(processor, PROCESSOR, within, variables);
        diagnostics.onlySupported(config, Set.of("Mode"), within + "/ProcessorConfig");
        for (var field : DistributedMapCheck.FIELDS) {
            if (map.has(field)) {
                diagnostics.schema("The field is for distributed Maps only", location + "/" + field);
            }
        }
    }
}
