package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;

/** Reads Amazon States Language with the query language JSONata, once nothing is wrong with it. */
final class AslParser {
    /** An Express execution ends after 5 minutes (Step Functions service quotas). */
    private static final Duration EXPRESS_LIMIT = Duration.ofMinutes(5);

    private AslParser() {}

    /** @throws AwsException InvalidDefinition, with everything that is wrong and where */
    static Definition parse(String definition) {
        var wrong = DefinitionCheck.diagnose(definition);
        if (!wrong.isEmpty()) {
            throw AwsException.badRequest(
                    "InvalidDefinition",
                    wrong.stream()
                            .map(Diagnostic::toString)
                            .collect(Collectors.joining(", ", "Invalid State Machine Definition: '", "'")));
        }
        var machine = Json.parse(definition);
        var timeout =
                Optional.ofNullable(machine.get("TimeoutSeconds")).map(seconds -> Duration.ofSeconds(seconds.asLong()));
        return definition(machine, timeout);
    }

    private static Definition definition(JsonNode node, Optional<Duration> timeout) {
        var states = new LinkedHashMap<String, State>();
        for (var state : node.get("States").properties()) {
            states.put(state.getKey(), state(state.getKey(), state.getValue()));
        }
        return new Definition(node.get("StartAt").asText(), states, timeout);
    }

    private static State state(String name, JsonNode node) {
        var common = common(name, node);
        return switch (node.get("Type").asText()) {
            case "Task" ->
                new State.Task(
                        common,
                        TaskResource.parse(node.get("Resource").asText()).orElseThrow(),
                        node.path("Arguments"),
                        node.path("TimeoutSeconds"),
                        node.path("HeartbeatSeconds"));
            case "Pass" -> new State.Pass(common);
            case "Choice" -> new State.Choice(common, rules(node.get("Choices")), text(node, "Default"));
            case "Wait" -> new State.Wait(common, node.path("Seconds"), node.path("Timestamp"));
            case "Parallel" -> {
                var branches = new ArrayList<Definition>();
                node.get("Branches").forEach(branch -> branches.add(definition(branch, Optional.empty())));
                yield new State.Parallel(common, node.path("Arguments"), branches);
            }
            case "Map" -> map(common, node);
            case "Succeed" -> new State.Succeed(common);
            default -> new State.Fail(common, node.path("Error"), node.path("Cause"));
        };
    }

    private static State.Common common(String name, JsonNode node) {
        var retriers = new ArrayList<Retrier>();
        node.path("Retry").forEach(retrier -> retriers.add(Retrier.of(retrier)));
        var catchers = new ArrayList<State.Catcher>();
        for (var catcher : node.path("Catch")) {
            catchers.add(new State.Catcher(
                    Retrier.errorEquals(catcher),
                    catcher.get("Next").asText(),
                    catcher.path("Assign"),
                    catcher.path("Output")));
        }
        return new State.Common(name, text(node, "Next"), node.path("Assign"), node.path("Output"), retriers, catchers);
    }

    private static List<State.Rule> rules(JsonNode choices) {
        var rules = new ArrayList<State.Rule>();
        for (var rule : choices) {
            rules.add(new State.Rule(
                    rule.get("Condition"), rule.get("Next").asText(), rule.path("Assign"), rule.path("Output")));
        }
        return rules;
    }

    private static State map(State.Common common, JsonNode node) {
        var processor = node.get("ItemProcessor");
        var config = processor.path("ProcessorConfig");
        if (!config.path("Mode").asText().equals("DISTRIBUTED")) {
            return new State.Map(
                    common,
                    node.path("Items"),
                    node.path("ItemSelector"),
                    node.path("MaxConcurrency"),
                    definition(processor, Optional.empty()));
        }
        var express = config.get("ExecutionType").asText().equals("EXPRESS");
        return new State.DistributedMap(
                common,
                // Without a label Step Functions makes one up, which stays the same for the life of the definition.
                text(node, "Label")
                        .orElseGet(() -> UUID.nameUUIDFromBytes(common.name().getBytes(StandardCharsets.UTF_8))
                                .toString()),
                node.path("Items"),
                node.path("ItemReader"),
                node.path("ItemSelector"),
                node.path("ItemBatcher"),
                node.path("MaxConcurrency"),
                node.path("ToleratedFailureCount"),
                node.path("ToleratedFailurePercentage"),
                node.path("ResultWriter"),
                express,
                definition(processor, express ? Optional.of(EXPRESS_LIMIT) : Optional.empty()));
    }

    private static Optional<String> text(JsonNode node, String field) {
        return Optional.ofNullable(node.get(field)).map(JsonNode::asText);
    }
}
