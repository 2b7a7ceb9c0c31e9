package cloudhsm.pipeline.endtoend;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.states.Mock;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One way through a definition.
 *
 * @param name what happens, for whoever reads the test's report
 * @param answers of states, in order; what is not here answers as usual
 * @param passes states that are entered one after the other, somewhere on the way; of parallel branches only one
 * @param error the execution's; empty where it succeeds
 */
record DefinitionScenario(
        String machine, String name, String input, Map<String, List<Mock>> answers, List<String> passes, String error) {

    static DefinitionScenario scenario(String machine, String name, String input) {
        return new DefinitionScenario(machine, name, input, Map.of(), List.of(), "");
    }

    /** The state's next answers. */
    DefinitionScenario when(String state, Mock... mocks) {
        var more = new LinkedHashMap<>(answers);
        more.put(state, List.of(mocks));
        return new DefinitionScenario(machine, name, input, Collections.unmodifiableMap(more), passes, error);
    }

    DefinitionScenario goes(String... states) {
        return new DefinitionScenario(machine, name, input, answers, List.of(states), error);
    }

    DefinitionScenario fails(String with) {
        return new DefinitionScenario(machine, name, input, answers, passes, with);
    }

    /** The stage fails under this name. */
    static Mock.ErrorOutput error(String name) {
        return new Mock.ErrorOutput(name, "Because of " + name + ".");
    }

    /** The stage is done. */
    static Mock result(String json) {
        return new Mock.Result(Json.parse(json));
    }

    /** The function, which nobody waits for, answers. */
    static Mock answered(String json) {
        return MockedMachine.answered(Json.parse(json));
    }

    /** The same answer a number of times. */
    static Mock[] times(int count, Mock answer) {
        return Collections.nCopies(count, answer).toArray(Mock[]::new);
    }

    @Override
    public String toString() {
        return machine + ": " + name;
    }
}
