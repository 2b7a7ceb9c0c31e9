package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for every state machine that is deployed, those to come included. */
class StateMachinesTest {
    private static final Path DIRECTORY = LocalDeployment.projectRoot().resolve("statemachine");

    /**
     * What Lambda and AWS may answer although nothing is wrong, and the name that our stages give it.
     *
     * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html">Handling errors
     *     in Step Functions workflows</a>
     */
    static final Set<String> TRANSIENT = Set.of(
            "TransientAwsFailure",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.TooManyRequestsException",
            "Lambda.Unknown",
            "Runtime.ExitError",
            "Sandbox.Timedout");

    /**
     * The most minutes that a stage waits by budgets of its own before it fails by a name: one creation and one deletion
     * of an HSM in each of up to four zones, a command of 20 minutes on the client, and so on.
     */
    static final Map<String, Integer> MOST_MINUTES = Map.ofEntries(
            Map.entry("CreateCluster", 15),
            Map.entry("CreateFirstHsm", 4 * (30 + 20) + 15),
            Map.entry("InitializeCluster", 15),
            Map.entry("AwaitClient", 10),
            Map.entry("ActivateCluster", 20 + 10),
            Map.entry("CreateHsms", 2 * 6 * (30 + 20)),
            Map.entry("CreateKmsUser", 30 + 20),
            Map.entry("ResetKmsUser", 20),
            Map.entry("ConnectKeyStore", 40 + 40),
            Map.entry("DiagnoseConnection", 20),
            Map.entry("DisconnectKeyStore", 40),
            Map.entry("ProveEncryption", 20),
            Map.entry("DeleteHsms", 20 + 30 + 2 * 20),
            Map.entry("DeleteHsmsOfCluster", 20 + 30 + 2 * 20),
            Map.entry("TerminateClient", 15),
            Map.entry("DeleteCluster", 30),
            Map.entry("AwaitKeyDeletion", (30 + 2) * 24 * 60));

    /** For as long Lambda may keep a stage from looking again, as every task outlasts it. */
    private static final int THROTTLED_MINUTES = 60;

    static List<Path> stateMachines() throws IOException {
        try (Stream<Path> files = Files.list(DIRECTORY)) {
            return files.sorted().toList();
        }
    }

    @Test
    void thereAreStateMachines() throws IOException {
        assertTrue(stateMachines().size() >= 2, "an empty directory would let the other tests pass");
    }

    @ParameterizedTest
    @MethodSource("stateMachines")
    void nothingWaitsForever(Path file) throws IOException {
        var machine = Json.parse(Files.readString(file));
        var problems = new ArrayList<String>();
        if (!machine.has("TimeoutSeconds")) problems.add("the state machine itself has no TimeoutSeconds");
        tasks(machine, (name, task) -> {
            if (task.path("TimeoutSeconds").asInt() <= 0) problems.add(name + " has no TimeoutSeconds");
        });
        assertEquals(List.of(), problems, "a task that hangs would bill two HSMs for as long as it does");
    }

    @ParameterizedTest
    @MethodSource("stateMachines")
    void everyTaskRetriesWhatMayPassAFewTimesWithJitter(Path file) throws IOException {
        var problems = new ArrayList<String>();
        tasks(Json.parse(Files.readString(file)), (name, task) -> {
            var retried = new TreeSet<String>();
            for (var retrier : task.path("Retry")) {
                retrier.path("ErrorEquals").forEach(error -> retried.add(error.asText()));
                if (!retrier.path("JitterStrategy").asText().equals("FULL")) problems.add(name + " has no jitter");
                if (!retrier.has("MaxDelaySeconds")) problems.add(name + " has no MaxDelaySeconds");
            }
            var missing = new TreeSet<>(TRANSIENT);
            missing.removeAll(retried);
            if (!missing.isEmpty()) problems.add(name + " does not retry " + missing);
        });
        assertEquals(List.of(), problems, "one throttled call would end an execution");
    }

    /**
     * An account may run 10 functions at a time, and others may take them for minutes. Each attempt waits half a minute on
     * average, at last.
     */
    @ParameterizedTest
    @MethodSource("stateMachines")
    void everyTaskOutlastsAnHourInWhichLambdaIsThrottled(Path file) throws IOException {
        var throttled = Json.parse("""
            {"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 2, "MaxAttempts": 120,
             "BackoffRate": 2, "MaxDelaySeconds": 60, "JitterStrategy": "FULL"}\
            """);
        var problems = new ArrayList<String>();
        tasks(Json.parse(Files.readString(file)), (name, task) -> {
            if (!throttled.equals(task.at("/Retry/0"))) problems.add(name + " retries " + task.at("/Retry/0"));
        });
        assertEquals(List.of(), problems, "a pause at a cost limit would give up, and two HSMs bill on");
    }

    @ParameterizedTest
    @ValueSource(strings = {"provision", "teardown", "pause"})
    void aRedriveStartsOverAndEveryStageBehindTheFirstKeepsTheLock(String name) throws IOException {
        var machine = Json.parse(Files.readString(DIRECTORY.resolve(name + ".asl.json")));
        var start = machine.path("StartAt").asText();
        assertEquals(
                start, machine.at("/States/FailExecution/Next").asText(), "a redrive goes on where the lock is taken");
        var failStates = machine.path("States").properties().stream()
                .filter(state -> state.getValue().path("Type").asText().equals("Fail"))
                .map(Map.Entry::getKey)
                .toList();
        assertEquals(List.of(), failStates, "a redriven Fail state only fails again");
        var withoutLock = new TreeSet<String>();
        tasks(machine, (stage, task) -> {
            var isStage = task.path("Resource").asText().endsWith(".waitForTaskToken");
            if (isStage && !task.at("/Arguments/Payload").has("deployment")) withoutLock.add(stage);
        });
        // TeardownReport gives the lock back, so a second run of it has none.
        withoutLock.removeAll(Set.of(start, "FailExecution", "TeardownReport"));
        assertEquals(Set.of(), withoutLock, "redriven, they would work on what another execution has taken over");
    }

    @ParameterizedTest
    @MethodSource("stateMachines")
    void noTaskTimesOutBeforeItsStageHasSaidWhatItWaitsFor(Path file) throws IOException {
        var problems = new ArrayList<String>();
        tasks(Json.parse(Files.readString(file)), (name, task) -> {
            var waits = MOST_MINUTES.containsKey(name);
            var needed = waits ? (MOST_MINUTES.get(name) + THROTTLED_MINUTES) * 60 : 0;
            if (task.path("TimeoutSeconds").asInt() <= needed) problems.add(name + " needs more than " + needed + " s");
        });
        assertEquals(List.of(), problems, "States.Timeout says neither which resource nor what to do");
    }

    @ParameterizedTest
    @MethodSource("stateMachines")
    void everyStateTellsWhatItIsFor(Path file) throws IOException {
        var machine = Json.parse(Files.readString(file));
        var silent = new ArrayList<String>();
        if (machine.path("Comment").asText().isBlank()) silent.add("the state machine itself");
        states(machine, (name, state) -> {
            if (state.path("Comment").asText().length() < 10) silent.add(name);
        });
        assertEquals(List.of(), silent, "the console shows the comment to whoever clicks the state");
    }

    /**
     * An error output need not have a Cause, and an expression without a value ends an execution under
     * States.QueryEvaluationError instead of its own failure: {@code &} makes "" of what is not there.
     */
    @ParameterizedTest
    @MethodSource("stateMachines")
    void aMissingCauseFailsNoExpression(Path file) throws IOException {
        var bare = Pattern.compile("(?<!& )\\$[a-zA-Z.]+\\.Cause(?! &)")
                .matcher(Files.readString(file))
                .results()
                .map(found -> found.group())
                .toList();
        assertEquals(List.of(), bare);
    }

    /** Every Task of the machine. */
    private static void tasks(JsonNode machine, BiConsumer<String, JsonNode> check) {
        states(machine, (name, state) -> {
            if (state.path("Type").asText().equals("Task")) check.accept(name, state);
        });
    }

    /** Every state of the machine, in Parallel and Map states too. */
    static void states(JsonNode machine, BiConsumer<String, JsonNode> check) {
        for (var state : machine.path("States").properties()) {
            check.accept(state.getKey(), state.getValue());
            state.getValue().path("Branches").forEach(branch -> states(branch, check));
            states(state.getValue().path("ItemProcessor"), check);
        }
    }
}
