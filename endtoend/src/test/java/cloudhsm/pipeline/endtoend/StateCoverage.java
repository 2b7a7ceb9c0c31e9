package cloudhsm.pipeline.endtoend;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.states.Transition;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;

/** Which transitions the tests of this JVM have taken, and which the definitions have. */
final class StateCoverage {
    /** Taken with the real functions. */
    static final Set<Step> WITH_FUNCTIONS = new ConcurrentSkipListSet<>();

    /** Taken with tasks that answer what a test says. */
    static final Set<Step> WITH_MOCKS = new ConcurrentSkipListSet<>();

    /**
     * A transition of a definition.
     *
     * @param machine as its file in statemachine/ is called: provision, heal, …
     */
    record Step(String machine, String from, String way, String to) implements Comparable<Step> {
        static Step of(Transition taken) {
            return new Step(machineOf(taken.stateMachineArn()), taken.from(), taken.way(), taken.to());
        }

        /** Whether a flow begins here: it shows that the state was entered, but there is nothing to choose. */
        boolean isStart() {
            return way.equals("StartAt");
        }

        @Override
        public int compareTo(Step other) {
            return toString().compareTo(other.toString());
        }

        @Override
        public String toString() {
            return machine + ": " + from + " " + way + " -> " + to;
        }
    }

    private StateCoverage() {}

    /** The stack names each machine after itself and its file. */
    static String machineOf(String stateMachineArn) {
        return stateMachineArn.replaceFirst(".*:cloudhsm-pipeline-", "");
    }

    /** Every transition of the definition, those in branches and processors included. */
    static Set<Step> steps(String machine, String definition) {
        var steps = new TreeSet<Step>();
        collect(machine, Json.parse(definition), steps);
        return steps;
    }

    private static void collect(String machine, JsonNode definition, Set<Step> steps) {
        steps.add(new Step(machine, "", "StartAt", definition.path("StartAt").asText()));
        for (var named : definition.path("States").properties()) {
            var name = named.getKey();
            var state = named.getValue();
            for (var way : new String[] {"Next", "Default"}) {
                if (state.has(way))
                    steps.add(new Step(machine, name, way, state.get(way).asText()));
            }
            for (var way : new String[] {"Choices", "Catch"}) {
                for (int i = 0; i < state.path(way).size(); i++) {
                    steps.add(new Step(
                            machine,
                            name,
                            way + "/" + i,
                            state.get(way).get(i).path("Next").asText()));
                }
            }
            state.path("Branches").forEach(branch -> collect(machine, branch, steps));
            if (state.has("ItemProcessor")) collect(machine, state.get("ItemProcessor"), steps);
        }
    }
}
