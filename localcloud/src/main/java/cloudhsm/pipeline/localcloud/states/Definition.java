package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.http.AwsException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * States that lead to each other: a whole machine, one branch of a Parallel, or the processor of a Map.
 *
 * @param timeout of the whole execution; only a machine has one
 */
record Definition(String startAt, Map<String, State> states, Optional<Duration> timeout) {
    Definition {
        states = Map.copyOf(states);
    }

    /** @throws AwsException InvalidDefinition for a transition to nowhere, and a state that nothing leads to */
    void requireReachable(String path) {
        var reached = new HashSet<String>();
        var toVisit = new ArrayDeque<Map.Entry<String, String>>();
        toVisit.add(Map.entry(startAt, path + "/StartAt"));
        while (!toVisit.isEmpty()) {
            var step = toVisit.remove();
            var state = states.get(step.getKey());
            if (state == null) throw AslParser.invalid(step.getValue(), "there is no state " + step.getKey());
            if (!reached.add(step.getKey())) continue;
            var where = path + "/States/" + step.getKey();
            state.common().next().ifPresent(next -> toVisit.add(Map.entry(next, where + "/Next")));
            state.common().catchers().forEach(catcher -> toVisit.add(Map.entry(catcher.next(), where + "/Catch")));
            if (state instanceof State.Choice choice) {
                choice.rules().forEach(rule -> toVisit.add(Map.entry(rule.next(), where + "/Choices")));
                choice.defaultNext().ifPresent(next -> toVisit.add(Map.entry(next, where + "/Default")));
            }
        }
        for (var name : new TreeSet<>(states.keySet())) {
            if (!reached.contains(name))
                throw AslParser.invalid(path + "/States/" + name, "no transition leads to this state");
        }
    }
}
