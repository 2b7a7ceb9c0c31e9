package cloudhsm.pipeline.localcloud.states;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What is wrong with the ways through states that lead to each other: a machine, a branch or a processor. */
final class TransitionCheck {
    /** @param from empty for StartAt */
    private record Way(String from, String to, String location) {}

    private final Diagnostics diagnostics;
    private final JsonNode states;
    private final String path;
    private final List<Way> ways = new ArrayList<>();

    TransitionCheck(Diagnostics diagnostics, JsonNode definition, String path) {
        this.diagnostics = diagnostics;
        this.states = definition.path("States");
        this.path = path;
        add("", definition, "StartAt", path);
        for (var state : states.properties()) {
            var name = state.getKey();
            var location = location(name);
            add(name, state.getValue(), "Next", location);
            add(name, state.getValue(), "Default", location);
            for (var field : List.of("Choices", "Catch")) {
                var entries = state.getValue().path(field);
                for (int i = 0; entries.isArray() && i < entries.size(); i++) {
                    add(name, entries.get(i), "Next", location + "/" + field + "[" + i + "]");
                }
            }
        }
    }

    private void add(String from, JsonNode node, String field, String location) {
        if (node.has(field)) ways.add(new Way(from, node.get(field).asText(), location + "/" + field));
    }

    private String location(String state) {
        return path + "/States/" + state;
    }

    void requireTargets() {
        for (var way : ways) {
            if (states.has(way.to())) continue;
            diagnostics.add("MISSING_TRANSITION_TARGET", "Missing 'Next' target: " + way.to(), way.location());
        }
    }

    /** A state ends the machine, if it is ever reached. Returns whether one does. */
    boolean requireTerminalState() {
        for (var state : states) {
            if (state.path("End").asBoolean(false)) return true;
            if (Set.of("Succeed", "Fail").contains(state.path("Type").asText())) return true;
        }
        diagnostics.addWithoutLocation("MISSING_END_STATE", "Workflow has no terminal state");
        return false;
    }

    void requireReachable() {
        var reached = new HashSet<String>();
        var toVisit = new ArrayDeque<String>(List.of(""));
        while (!toVisit.isEmpty()) {
            var from = toVisit.remove();
            for (var way : ways) {
                if (way.from().equals(from) && states.has(way.to()) && reached.add(way.to())) toVisit.add(way.to());
            }
        }
        for (var name : (Iterable<String>) states::fieldNames) {
            if (reached.contains(name)) continue;
            diagnostics.add("MISSING_TRANSITION_TARGET", "State \"" + name + "\" is not reachable.", location(name));
        }
    }
}
