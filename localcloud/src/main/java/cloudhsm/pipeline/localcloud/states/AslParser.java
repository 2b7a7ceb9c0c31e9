package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.http.AwsException;
import cloudhsm.pipeline.localcloud.http.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Reads Amazon States Language with the query language JSONata. What it does not know it refuses, as AWS does: unknown
 * fields, transitions to nowhere, states that nothing leads to, expressions that are no JSONata.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html">Amazon
 *     States Language</a>
 */
final class AslParser {
    private static final int MAXIMUM_BYTES = 1_048_576;
    private static final Set<String> TOP =
            Set.of("Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version");
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

    private final Expressions expressions;
    private final Set<String> names = new HashSet<>();
    private final Set<String> labels = new HashSet<>();

    private AslParser(Expressions expressions) {
        this.expressions = expressions;
    }

    /** @throws AwsException InvalidDefinition, saying where and why */
    static Definition parse(String definition, Expressions expressions) {
        if (definition.getBytes(StandardCharsets.UTF_8).length > MAXIMUM_BYTES) {
            throw invalid("/", "the definition is longer than 1 MB");
        }
        JsonNode root;
        try {
            root = Json.parse(definition);
        } catch (AwsException notJson) {
            throw invalid("/", "the definition is not JSON");
        }
        if (!root.path("QueryLanguage").asText("JSONPath").equals("JSONata")) {
            throw invalid(
                    "/QueryLanguage", "the embedded AWS runs JSONata machines only; set QueryLanguage to JSONata");
        }
        onlyKnown(root, TOP, "");
        return new AslParser(expressions).states(root, "", Set.of());
    }

    private Definition states(JsonNode node, String path, Set<String> outerVariables) {
        var states = new LinkedHashMap<String, State>();
        if (!node.path("States").isObject() || node.path("States").isEmpty())
            throw invalid(path + "/States", "is required");
        var startAt = requiredText(node, "StartAt", path);
        var variables = new HashSet<>(outerVariables);
        node.get("States")
                .properties()
                .forEach(state -> collectAssigned(
                        state.getValue(), variables, outerVariables, path + "/States/" + state.getKey()));
        for (var state : node.get("States").properties()) {
            var name = state.getKey();
            var where = path + "/States/" + name;
            if (name.length() > 80) throw invalid(where, "a state's name has at most 80 characters");
            if (!names.add(name)) throw invalid(where, "the name is used twice in this machine");
            states.put(name, state(name, state.getValue(), where, variables));
        }

        Optional<Duration> timeout = node.has("TimeoutSeconds")
                ? Optional.of(Duration.ofSeconds(node.get("TimeoutSeconds").asLong()))
                : Optional.empty();
        var definition = new Definition(startAt, states, timeout);
        definition.requireReachable(path);
        return definition;
    }

    /** A variable of an outer scope can be read in an inner one, but not assigned there. */
    private static void collectAssigned(JsonNode state, Set<String> variables, Set<String> outer, String where) {
        var assigns = new ArrayList<JsonNode>();
        assigns.add(state.path("Assign"));
        state.path("Catch").forEach(catcher -> assigns.add(catcher.path("Assign")));
        state.path("Choices").forEach(rule -> assigns.add(rule.path("Assign")));
        for (var assign : assigns) {
            for (var name : (Iterable<String>) assign::fieldNames) {
                if (name.length() > 80 || !name.matches("[\\p{L}_][\\p{L}\\p{N}_]*") || name.equals("states")) {
                    throw invalid(where + "/Assign", name + " is not a variable's name");
                }
                if (outer.contains(name)) {
                    throw invalid(where + "/Assign", "the variable " + name + " belongs to the outer scope");
                }
                variables.add(name);
            }
        }
    }

    private State state(String name, JsonNode node, String where, Set<String> variables) {
        var type = requiredText(node, "Type", where);
        var fields = FIELDS.get(type);
        if (fields == null) throw invalid(where + "/Type", type + " is not a type of state");
        if (!node.path("QueryLanguage").asText("JSONata").equals("JSONata")) {
            throw invalid(where + "/QueryLanguage", "the embedded AWS runs JSONata states only");
        }
        for (var field : (Iterable<String>) node::fieldNames) {
            if (!COMMON.contains(field) && !fields.contains(field)) {
                throw invalid(where + "/" + field, "the field is not known, or not supported, in a " + type + " state");
            }
        }
        if (!type.equals("Map") && !type.equals("Parallel")) expressions.check(node, where);
        var common = common(name, node, where, fields.contains("Next"));
        return switch (type) {
            case "Task" -> {
                var arn = requiredText(node, "Resource", where);
                var resource = TaskResource.parse(arn)
                        .orElseThrow(() ->
                                invalid(where + "/Resource", "the embedded AWS does not offer the integration " + arn));
                if (resource.waitsForTaskToken()
                        && !node.path("Arguments").toString().contains("states.context.Task.Token")) {
                    throw invalid(
                            where + "/Arguments",
                            "a task that waits for its token must pass $states.context.Task.Token on");
                }
                yield new State.Task(
                        common,
                        resource,
                        node.path("Arguments"),
                        node.path("TimeoutSeconds"),
                        node.path("HeartbeatSeconds"));
            }
            case "Pass" -> new State.Pass(common);
            case "Choice" -> choice(common, node, where);
            case "Wait" -> {
                if (node.has("Seconds") == node.has("Timestamp")) {
                    throw invalid(where, "a Wait has either Seconds or Timestamp");
                }
                yield new State.Wait(common, node.path("Seconds"), node.path("Timestamp"));
            }
            case "Parallel" -> {
                var branches = new ArrayList<Definition>();
                var index = 0;
                for (var branch : node.path("Branches")) {
                    branches.add(states(branch, where + "/Branches/" + index++, variables));
                }
                if (branches.isEmpty()) throw invalid(where + "/Branches", "is required");
                checkOwnFields(node, where);
                yield new State.Parallel(common, node.path("Arguments"), branches);
            }
            case "Map" -> {
                checkOwnFields(node, where);
                yield map(common, node, where, variables);
            }
            case "Succeed" -> new State.Succeed(common);
            default -> new State.Fail(common, node.path("Error"), node.path("Cause"));
        };
    }

    private State map(State.Common common, JsonNode node, String where, Set<String> variables) {
        var processor = node.path("ItemProcessor");
        var within = where + "/ItemProcessor";
        onlyKnown(processor, Set.of("StartAt", "States", "ProcessorConfig", "Comment", "QueryLanguage"), within);
        var mode = processor.path("ProcessorConfig").path("Mode").asText("INLINE");
        if (mode.equals("DISTRIBUTED")) {
            // The children are executions of their own and see no variable of this one (aws-facts 7.5).
            var map = DistributedMapParser.parse(common, node, states(processor, within, Set.of()), where);
            if (!labels.add(map.label())) {
                throw invalid(where + "/Label", "the label " + map.label() + " is used twice in this machine");
            }
            return map;
        }
        if (!mode.equals("INLINE")) {
            throw invalid(within + "/ProcessorConfig/Mode", "is INLINE or DISTRIBUTED");
        }
        for (var field : DistributedMapParser.FIELDS) {
            if (node.has(field)) throw invalid(where + "/" + field, "the field is for distributed Maps only");
        }
        return new State.Map(
                common,
                node.path("Items"),
                node.path("ItemSelector"),
                node.path("MaxConcurrency"),
                states(processor, within, variables));
    }

    /** The expressions of a state that contains states; those are checked one by one. */
    private void checkOwnFields(JsonNode node, String where) {
        for (var field : node.properties()) {
            if (field.getKey().equals("ItemProcessor") || field.getKey().equals("Branches")) continue;
            expressions.check(field.getValue(), where + "/" + field.getKey());
        }
    }

    private State.Common common(String name, JsonNode node, String where, boolean leads) {
        var next = Optional.ofNullable(node.get("Next")).map(JsonNode::asText);
        if (leads && next.isPresent() == node.path("End").asBoolean(false)) {
            throw invalid(where, "a state has either Next or End: true");
        }
        var retry = new ArrayList<Retrier>();
        for (var retrier : node.path("Retry")) retry.add(Retrier.parse(retrier, where + "/Retry/" + retry.size()));
        var catchers = new ArrayList<State.Catcher>();
        for (var catcher : node.path("Catch")) {
            var here = where + "/Catch/" + catchers.size();
            onlyKnown(catcher, Set.of("ErrorEquals", "Next", "Assign", "Output", "Comment"), here);
            catchers.add(new State.Catcher(
                    Retrier.errorEquals(catcher, here),
                    requiredText(catcher, "Next", here),
                    catcher.path("Assign"),
                    catcher.path("Output")));
        }
        return new State.Common(name, next, node.path("Assign"), node.path("Output"), retry, catchers);
    }

    private static State.Choice choice(State.Common common, JsonNode node, String where) {
        var rules = new ArrayList<State.Rule>();
        for (var rule : node.path("Choices")) {
            var here = where + "/Choices/" + rules.size();
            onlyKnown(rule, Set.of("Condition", "Next", "Assign", "Output", "Comment"), here);
            if (!rule.has("Condition")) throw invalid(here + "/Condition", "is required");
            rules.add(new State.Rule(
                    rule.get("Condition"), requiredText(rule, "Next", here), rule.path("Assign"), rule.path("Output")));
        }
        if (rules.isEmpty()) throw invalid(where + "/Choices", "is required");
        return new State.Choice(
                common, rules, Optional.ofNullable(node.get("Default")).map(JsonNode::asText));
    }

    static void onlyKnown(JsonNode node, Set<String> known, String where) {
        for (var field : (Iterable<String>) node::fieldNames) {
            if (!known.contains(field))
                throw invalid(where + "/" + field, "the field is not known, or not supported, here");
        }
    }

    static String requiredText(JsonNode node, String field, String where) {
        var value = node.path(field);
        if (value instanceof MissingNode || !value.isTextual()) throw invalid(where + "/" + field, "is required");
        return value.asText();
    }

    static AwsException invalid(String where, String why) {
        return AwsException.badRequest(
                "InvalidDefinition",
                "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: " + why + " at " + where + "'");
    }
}
