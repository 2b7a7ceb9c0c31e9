package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.states.Mock;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * The state machines alone: deployed as they are, with tasks that answer what a test says. Which state comes next, and
 * what a person is told.
 */
class DefinitionsTest {
    /** As Step Functions fails a task whose TimeoutSeconds are over: without a cause. */
    private static final Mock.ErrorOutput TIMEOUT = new Mock.ErrorOutput("States.Timeout", "");

    /** As SendTaskFailure without a cause may end a task: the error output has no member Cause. */
    private static final Mock.ErrorOutput WITHOUT_CAUSE = new Mock.ErrorOutput("UNFORESEEN", null);

    private static LocalDeployment deployment;
    private static final Map<String, Map<String, DefinitionScenario>> SCENARIOS = new HashMap<>();
    private static final Map<String, MockedMachine> MACHINES = new HashMap<>();

    @BeforeAll
    static void deploy() {
        deployment = LocalDeployment.deploy(
                LocalCloud.start(), LocalDeployment.projectRoot(), Map.of("HealthCheckSchedule", "rate(30 days)"));
        deployment.cloud().states().onEvaluation(RecordedEvaluations::add);
        for (var arn : deployment.stack().stateMachines().values()) {
            var name = StateCoverage.machineOf(arn);
            MACHINES.put(name, new MockedMachine(deployment, name));
        }
    }

    @AfterAll
    static void close() {
        MACHINES.clear();
        deployment.close();
    }

    static List<DefinitionScenario> scenarios() {
        return DefinitionScenarios.all();
    }

    static Set<String> machines() {
        var names = new TreeSet<String>();
        scenarios().forEach(scenario -> names.add(scenario.machine()));
        return names;
    }

    @ParameterizedTest
    @MethodSource("scenarios")
    void theExecutionGoesThisWay(DefinitionScenario scenario) {
        var run = run(scenario, scenario.answers());
        assertTrue(
                Collections.indexOfSubList(run.path(), scenario.passes()) >= 0,
                () -> scenario + " passes " + scenario.passes() + ", but went " + run.path() + " " + ended(run));
        assertEquals(scenario.error(), run.error(), () -> scenario + " " + ended(run));
        for (var report : run.payloads("ReportFailure")) {
            if (scenario.error().isEmpty()) continue;
            assertEquals(scenario.error(), report.path("failure").path("Error").asText(), scenario::toString);
            assertEquals(
                    run.execution().cause().orElseThrow(),
                    report.path("failure").path("Cause").asText(),
                    () -> scenario + ": whoever gets the mail and whoever looks at the execution read the same");
        }
    }

    @ParameterizedTest
    @MethodSource("machines")
    void theFailureOfEachTaskReachesAPerson(String machine) {
        var problems = new ArrayList<String>();
        for (var failure : List.of(DefinitionScenario.error("UNFORESEEN"), TIMEOUT, WITHOUT_CAUSE)) {
            scenarioOfEachTask(machine).forEach((task, scenario) -> {
                var answers = new LinkedHashMap<>(scenario.answers());
                answers.put(task, List.of(failure));
                var run = run(scenario, answers);
                if (!isTold(run, task, failure)) {
                    problems.add(task + " fails with " + failure + ", and nobody is told: " + ended(run));
                }
            });
        }
        assertEquals(List.of(), problems);
    }

    @ParameterizedTest
    @MethodSource("machines")
    void whatMayPassIsTriedAgainAndLeavesNoTrace(String machine) {
        var problems = new ArrayList<String>();
        scenarioOfEachTask(machine).forEach((task, scenario) -> {
            var smooth = run(scenario, scenario.answers());
            var answers = new LinkedHashMap<>(scenario.answers());
            var first = new ArrayList<Mock>(List.of(DefinitionScenario.error("TransientAwsFailure")));
            first.addAll(scenario.answers().getOrDefault(task, List.of()));
            answers.put(task, first);
            var run = run(scenario, answers);
            if (!sorted(run.path()).equals(sorted(smooth.path()))) {
                problems.add("a throttled " + task + " leads to " + run.path() + " instead of " + smooth.path());
            }
        });
        assertEquals(List.of(), problems);
    }

    @ParameterizedTest
    @MethodSource("scenarios")
    void theSamplesOfStagesShowWhatTheDefinitionSends(DefinitionScenario scenario) throws IOException {
        var problems = new TreeSet<String>();
        for (var call : run(scenario, scenario.answers()).calls()) {
            var function = MockedMachine.function(call.arguments());
            var file = LocalDeployment.projectRoot().resolve("events/stages/" + function + ".json");
            if (function.isEmpty()) continue;
            if (!Files.exists(file) && Derived.isWritten()) Derived.writeSample(file, scenario.machine(), call);
            if (!Files.exists(file)) continue; // StagesTest names it, once
            var missing = names(call.payload());
            missing.removeAll(names(Json.parse(Files.readString(file))));
            if (!missing.isEmpty()) problems.add(file.getFileName() + " lacks " + missing + " of " + call.state());
        }
        assertEquals(Set.of(), problems, scenario::toString);
    }

    /** Members of the payload and of its input. */
    private static Set<String> names(JsonNode payload) {
        var names = new TreeSet<String>();
        payload.fieldNames().forEachRemaining(names::add);
        payload.path("input").fieldNames().forEachRemaining(name -> names.add("input." + name));
        return names;
    }

    private static List<String> sorted(List<String> path) {
        return path.stream().sorted().toList();
    }

    private static MockedMachine.Run run(DefinitionScenario scenario, Map<String, List<Mock>> answers) {
        var machine = MACHINES.get(scenario.machine());
        if (scenario.machine().equals("reencrypt-existing")) putPage(machine.nextExecution());
        try {
            return machine.run(scenario.input(), answers);
        } catch (IllegalStateException inVain) {
            throw new AssertionError(scenario + ": " + inVain.getMessage(), inVain);
        }
    }

    /** The list of objects that ListObjects would have written. */
    private static void putPage(String execution) {
        deployment
                .cloud()
                .client(S3Client.builder().forcePathStyle(true))
                .putObject(
                        put -> put.bucket(deployment.stack().outputs().get("EvidenceBucketName"))
                                .key("reencrypt-existing/" + execution + "/pages/000000000.jsonl"),
                        RequestBody.fromString("{\"key\": \"a\"}"));
    }

    /** Each task, and a scenario that comes by it, without an answer of its own for it if there is one. */
    private static Map<String, DefinitionScenario> scenarioOfEachTask(String machine) {
        return SCENARIOS.computeIfAbsent(machine, DefinitionsTest::findScenarioOfEachTask);
    }

    private static Map<String, DefinitionScenario> findScenarioOfEachTask(String machine) {
        var found = new LinkedHashMap<String, DefinitionScenario>();
        for (var scenario : scenarios()) {
            if (!scenario.machine().equals(machine) || scenario.answers().containsKey("FailExecution")) continue;
            for (var call : run(scenario, scenario.answers()).calls()) {
                var task = call.state();
                var known = found.get(task);
                if (known == null
                        || known.answers().containsKey(task)
                                && !scenario.answers().containsKey(task)) found.put(task, scenario);
            }
        }
        return found;
    }

    /**
     * Whether the failure is the execution's own, or a later stage gets its name and its cause to report. The watch
     * has nobody to tell: it looks again.
     */
    private static boolean isTold(MockedMachine.Run run, String task, Mock.ErrorOutput failure) {
        if (run.error().equals(failure.error())) return true;
        if (task.equals("Look")) return Collections.indexOfSubList(run.path(), List.of("Look", "Tick", "Look")) >= 0;
        if (task.equals("ReportFailure")) return run.error().equals(reportedBefore(run));
        if (task.equals("ReencryptPage")) return run.error().equals("States.ExceedToleratedFailureThreshold");
        return run.calls().stream()
                .filter(call -> !call.state().equals(task))
                .map(call -> Json.text(call.payload()))
                .anyMatch(payload -> payload.contains(failure.error())
                        && payload.contains(Objects.requireNonNullElse(failure.cause(), "")));
    }

    /** What ReportFailure was to report when it failed itself. */
    private static String reportedBefore(MockedMachine.Run run) {
        return run.payloads("ReportFailure")
                .getFirst()
                .path("failure")
                .path("Error")
                .asText();
    }

    private static String ended(MockedMachine.Run run) {
        return run.execution().status() + " " + run.error() + " "
                + run.execution().cause().orElse("") + " after " + run.path()
                + (run.unknown().isEmpty()
                        ? ""
                        : "; mocked-results.json has nothing for " + run.unknown() + ", so they answered {}");
    }
}
