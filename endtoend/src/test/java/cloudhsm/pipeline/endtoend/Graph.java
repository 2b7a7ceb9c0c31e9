package cloudhsm.pipeline.endtoend;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A state machine's graph in Mermaid's notation, as docs/state-machines.md shows it. What every stage has, the way to the
 * failure's report, is left out: it would hide everything else.
 */
final class Graph {
    private static final Set<String> FAILURE = Set.of("ReportFailure", "FailExecution");

    private final Map<String, String> ids = new LinkedHashMap<>();
    private final Set<String> lines = new LinkedHashSet<>();

    private Graph() {}

    /** The lines of a {@code mermaid} block. */
    static String of(JsonNode machine) {
        var graph = new Graph();
        graph.draw(machine);
        return "flowchart TD\n" + graph.lines.stream().collect(Collectors.joining("\n")) + "\n";
    }

    private void draw(JsonNode machine) {
        for (var state : machine.path("States").properties()) {
            if (FAILURE.contains(state.getKey())) continue;
            node(state.getKey(), state.getValue());
            state.getValue().path("Branches").forEach(branch -> within(state.getKey(), branch));
            if (state.getValue().has("ItemProcessor"))
                within(state.getKey(), state.getValue().path("ItemProcessor"));
        }
    }

    private void within(String name, JsonNode part) {
        var start = part.path("StartAt").asText();
        draw(part);
        lines.add("  " + id(name) + " -.-> " + id(start));
    }

    private void node(String name, JsonNode state) {
        var shape = switch (state.path("Type").asText()) {
            case "Choice" -> "{\"%s\"}";
            case "Wait" -> "([\"%s\"])";
            case "Parallel", "Map" -> "[[\"%s\"]]";
            case "Fail", "Succeed" -> "((\"%s\"))";
            default -> "[\"%s\"]";
        };
        lines.add("  " + id(name) + shape.formatted(name));
        if (state.has("Next")) edge(name, state.path("Next").asText(), "-->");
        for (var choice : state.path("Choices")) edge(name, choice.path("Next").asText(), "-->");
        if (state.has("Default")) edge(name, state.path("Default").asText(), "-->");
        for (var caught : state.path("Catch")) edge(name, caught.path("Next").asText(), "-- fails -->");
    }

    private void edge(String from, String to, String arrow) {
        if (!FAILURE.contains(to)) lines.add("  " + id(from) + " " + arrow + " " + id(to));
    }

    private String id(String name) {
        return ids.computeIfAbsent(name, state -> state.replaceAll("[^A-Za-z]", ""));
    }
}
