package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/**
 * Every state and every transition of the state machines is taken by some test. Runs after all other test classes, and
 * sees what those of the same run have taken; {@link DefinitionsTest} alone is enough.
 */
@Isolated("isolated classes run when all others have ended")
class StateCoverageTest {
    @Test
    void everyTransitionIsTakenOrItsReasonIsWrittenDown() throws IOException {
        assertFalse(
                StateCoverage.WITH_MOCKS.isEmpty(),
                "no test has run a state machine: run this class together with DefinitionsTest");
        var untaken = new TreeSet<String>();
        var figures = new StringBuilder();
        for (var machine : StateMachinesTest.stateMachines()) {
            var name = machine.getFileName().toString().replace(".asl.json", "");
            var steps = StateCoverage.steps(name, Files.readString(machine));
            figures.append(figures(name, steps));
            steps.stream().filter(step -> !taken().contains(step)).forEach(step -> untaken.add(step.toString()));
        }
        untaken.forEach(step -> figures.append("not taken  ").append(step).append('\n'));
        System.out.print(figures);
        Files.writeString(LocalDeployment.projectRoot().resolve("endtoend/target/state-coverage.txt"), figures);
        assertEquals(
                String.join("\n", excepted().keySet()),
                String.join("\n", untaken),
                "let a scenario of DefinitionScenarios take it, or write its reason into untaken-transitions.txt");
    }

    @Test
    void everyReasonIsMoreThanAWord() throws IOException {
        excepted().forEach((step, reason) -> assertTrue(reason.split(" ").length >= 3, step));
    }

    @Test
    void theMocksAnswerNothingThatTheFunctionsDoNotAnswer() {
        var invented = new TreeMap<String, Set<String>>();
        RealResults.MEMBERS.forEach((function, members) -> {
            var mocked = new TreeSet<String>();
            MockedMachine.RESULTS.path(function).fieldNames().forEachRemaining(mocked::add);
            mocked.removeAll(members);
            if (!mocked.isEmpty()) invented.put(function, mocked);
        });
        assertEquals(Map.of(), invented, "the definition could rely on a member of mocked-results.json alone");
    }

    private static Set<StateCoverage.Step> taken() {
        var taken = new TreeSet<>(StateCoverage.WITH_MOCKS);
        taken.addAll(StateCoverage.WITH_FUNCTIONS);
        return taken;
    }

    private static String figures(String machine, Set<StateCoverage.Step> steps) {
        var states = steps.stream().map(StateCoverage.Step::to).collect(Collectors.toSet());
        var entered = taken().stream()
                .filter(step -> step.machine().equals(machine))
                .map(StateCoverage.Step::to)
                .collect(Collectors.toSet());
        return String.format(
                Locale.ROOT,
                "%-20s states %3d/%-3d transitions %3d/%-3d (with the real functions %d)%n",
                machine,
                entered.size(),
                states.size(),
                count(steps, taken()),
                count(steps, steps),
                count(steps, StateCoverage.WITH_FUNCTIONS));
    }

    private static long count(Set<StateCoverage.Step> steps, Collection<StateCoverage.Step> taken) {
        return steps.stream()
                .filter(step -> !step.isStart() && taken.contains(step))
                .count();
    }

    private static Map<String, String> excepted() throws IOException {
        var excepted = new TreeMap<String, String>();
        try (var file = StateCoverageTest.class.getResourceAsStream("/untaken-transitions.txt")) {
            var text = new String(file.readAllBytes(), StandardCharsets.UTF_8);
            for (var line : text.lines().toList()) {
                if (line.isBlank() || line.startsWith("#")) continue;
                var parts = List.of(line.split(" \\| ", 2));
                excepted.put(parts.getFirst(), parts.getLast());
            }
        }
        return excepted;
    }
}
