package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.http.Call;
import cloudhsm.pipeline.localcloud.lambda.LambdaProcess;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/**
 * Every function of the template in a JVM of its own, run by the Lambda runtime client from the built artifact, with
 * the template's environment and nothing else, on its samples of events/.
 */
@EnabledOnOs(OS.LINUX)
class RuntimeFidelityTest {
    private static final Path EVENTS = LocalDeployment.projectRoot().resolve("events");

    /** How a stage's defect is named: InvalidGroup.NotFound is EC2's own name. */
    private static final String JAVA_CLASS = "[a-z]+[.].*";

    /** The waiting execution that no function ends. */
    private static final String RESUMED = "resumed";

    /** Functions that something else than a state machine invokes too, and with what. */
    private static final Map<String, List<String>> TRIGGERS = Map.of(
            "LookAtEverythingFunction",
            List.of("health-check.json"),
            "ReportFailedReencryptionFunction",
            List.of("execution-status-change.json"),
            "ReencryptObjectsFunction",
            List.of("sqs-s3-batch.json"),
            "ResumeExecutionFunction",
            List.of(
                    "client-state-change.json",
                    "cluster-csr-state-change.json",
                    "cluster-state-change.json",
                    "command-invocation-status-change.json",
                    "command-state-change.json",
                    "hsm-state-change.json",
                    "instance-state-change.json",
                    "key-deleted.json",
                    "key-state-change.json",
                    "key-store-state-change.json",
                    "object-encryption-change.json"));

    /**
     * One event's way through the real runtime.
     *
     * @param error how Step Functions sees the invocation fail: errorType of the payload; empty if the function returned
     * @param errorHeader the runtime client's header Lambda-Runtime-Function-Error-Type
     */
    record Answer(String function, String event, JsonNode payload, String error, String errorHeader) {}

    private static LocalDeployment deployment;
    private static WaitingTasks tasks;
    private static SampleSurroundings surroundings;
    private static final List<Answer> ANSWERS = new ArrayList<>();
    private static final Map<String, Long> FIRST_ANSWER_MS = new TreeMap<>();
    private static Duration cpu = Duration.ZERO;

    @BeforeAll
    static void invokeEveryFunctionOnItsSamples() throws Exception {
        deployment = LocalDeployment.deploy(
                LocalCloud.start(), LocalDeployment.projectRoot(), Map.of("HealthCheckSchedule", "rate(30 days)"));
        var names = new TreeSet<>(Set.of(RESUMED));
        functions().forEach(function -> names.add(stage(function)));
        tasks = WaitingTasks.start(deployment, names);
        surroundings = new SampleSurroundings(deployment, tasks.execution(RESUMED));
        surroundings.storeWaits(
                TRIGGERS.get("ResumeExecutionFunction").stream()
                        .map(event -> json(EVENTS.resolve(event)).path("detail"))
                        .toList(),
                tasks.token(RESUMED));
        surroundings.recordDeployment();
        surroundings.lockDeployment();
        surroundings.storePages();
        try (var twoAtATime = Executors.newFixedThreadPool(2)) {
            var runs = new ArrayList<Future<List<Answer>>>();
            for (var function : functions()) runs.add(twoAtATime.submit(() -> invoke(function)));
            for (var run : runs) ANSWERS.addAll(run.get());
        }
        writeAnswers();
        System.out.printf(
                Locale.ROOT,
                "Lambda runtime client: functions %d, events %d, first answer %d to %d ms (median %d), CPU %d s%n",
                functions().size(),
                ANSWERS.size(),
                sortedFirstAnswers().getFirst(),
                sortedFirstAnswers().getLast(),
                sortedFirstAnswers().get(FIRST_ANSWER_MS.size() / 2),
                cpu.toSeconds());
    }

    /** For people: what came of each sample. */
    private static void writeAnswers() throws IOException {
        var lines = new ArrayList<String>();
        for (var answer : ANSWERS) {
            var stage = stage(answer.function());
            var end = isStage(answer.function()) ? tasks.end(stage) : Json.text(answer.payload());
            lines.add("%s %s %d ms: %s%s"
                    .formatted(
                            stage,
                            answer.event(),
                            FIRST_ANSWER_MS.get(answer.function()),
                            end.isEmpty() ? "waits" : end,
                            answer.error()));
        }
        Files.write(LocalDeployment.projectRoot().resolve("endtoend/target/runtime-fidelity.txt"), lines);
    }

    @AfterAll
    static void close() {
        deployment.close();
    }

    @Test
    void everyFunctionHasASampleAndAnswersIt() {
        var answering = new TreeSet<String>();
        ANSWERS.forEach(answer -> answering.add(answer.function()));
        assertEquals(functions(), answering);
        assertEquals(
                List.of(),
                ANSWERS.stream().filter(answer -> !answer.error().isEmpty()).toList(),
                "handler, environment and serialization are right, or the invocation fails");
    }

    @Test
    void everyStageUnderstandsItsInputAndEndsOrWaitsForItsTask() {
        var problems = new TreeMap<String, String>();
        for (var function : functions()) {
            var stage = stage(function);
            if (!isStage(function)) continue;
            var end = tasks.end(stage);
            var understood = !end.equals("INVALID_STAGE_INPUT") && !end.matches(JAVA_CLASS);
            if (!understood || end.isEmpty() && !surroundings.isWaitedFor(stage)) problems.put(stage, end);
        }
        assertEquals(Map.of(), problems, "each stage ends its task under a name of AWS's or its own, or waits");
    }

    @Test
    void eachEventOfAwsResumesWhatWaitsForIt() {
        for (var answer : ANSWERS) {
            if (!answer.function().equals("ResumeExecutionFunction")) continue;
            assertEquals(1, answer.payload().path("resumed").asInt(), answer::event);
        }
    }

    @Test
    void aBatchOfUploadsIsAnsweredInLambdasOwnShape() {
        var batch = ANSWERS.stream()
                .filter(answer -> answer.function().equals("ReencryptObjectsFunction"))
                .findFirst()
                .orElseThrow();
        assertEquals("{\"batchItemFailures\":[]}", Json.text(batch.payload()));
    }

    @Test
    void errorsHaveTheTypesThatStepFunctionsMatches() {
        try (var process = process("CreateClusterFunction")) {
            var unknownMember = answer("CreateClusterFunction", process, "unknown member", "{\"surprise\": 1}");
            assertEquals("com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException", unknownMember.error());
            assertEquals("Runtime.UserException", unknownMember.errorHeader(), "for Lambda's telemetry only");
            var inProcess = deployment
                    .cloud()
                    .lambda()
                    .invoke(name("CreateClusterFunction"), "{\"surprise\": 1}".getBytes(StandardCharsets.UTF_8));
            assertEquals(
                    unknownMember.error(),
                    Json.parse(inProcess.payload()).path("errorType").asText(),
                    "the embedded AWS names it as the runtime client does");
            var noEvent = answer("CreateClusterFunction", process, "no JSON", "nonsense");
            assertEquals("com.fasterxml.jackson.core.JsonParseException", noEvent.error());
        }
    }

    @Test
    void aSnapshotHoldsNoCredentialsAndNobodyHearsOfItsPriming() {
        var function = "ReencryptObjectsFunction";
        var sample = payload(function, EVENTS.resolve("sqs-s3-batch.json"));
        var unprimed = LambdaProcess.Start.FROM_SNAPSHOT_WITHOUT_HOOKS;
        var before = deployment.cloud().endpoint().calls().size();
        try (var process = process(function);
                var other = deployment.cloud().lambda().separateProcess(name(function), unprimed)) {
            process.takeSnapshot();
            other.takeSnapshot();
            assertEquals(List.of(), callsSince(before), "the hook speaks to nobody");
            assertEquals(other.log(), process.log(), "and has nothing to say");
            assertEquals(
                    "", answer(function, process, "after the restore", sample).error());
        }
        var asked = callsSince(before).stream().map(Call::service).toList();
        assertTrue(asked.contains("s3"), asked::toString);
        assertFalse(
                callsSince(before).stream().anyMatch(call -> call.errorCode().equals("UnrecognizedClientException")),
                "credentials that were read before the snapshot are void");
    }

    private static List<Call> callsSince(int before) {
        var calls = deployment.cloud().endpoint().calls();
        return calls.subList(before, calls.size());
    }

    private static Set<String> functions() {
        return new TreeSet<>(deployment.stack().functions().keySet());
    }

    private static String name(String function) {
        return deployment.stack().functions().get(function);
    }

    private static LambdaProcess process(String function) {
        return deployment.cloud().lambda().separateProcess(name(function));
    }

    private static String stage(String function) {
        return function.replaceFirst("Function$", "");
    }

    private static boolean isStage(String function) {
        var sample = stageSample(function);
        return Files.exists(sample) && json(sample).has("token");
    }

    private static Path stageSample(String function) {
        return EVENTS.resolve("stages/" + stage(function) + ".json");
    }

    private static List<Answer> invoke(String function) {
        var events = new ArrayList<Path>();
        if (Files.exists(stageSample(function))) events.add(stageSample(function));
        TRIGGERS.getOrDefault(function, List.of()).forEach(event -> events.add(EVENTS.resolve(event)));
        var answers = new ArrayList<Answer>();
        try (var process = process(function)) {
            for (var event : events) {
                var began = System.nanoTime();
                answers.add(answer(function, process, event.getFileName().toString(), payload(function, event)));
                synchronized (FIRST_ANSWER_MS) {
                    FIRST_ANSWER_MS.putIfAbsent(
                            function,
                            Duration.ofNanos(System.nanoTime() - began).toMillis());
                }
            }
            synchronized (FIRST_ANSWER_MS) {
                cpu = cpu.plus(process.cpu());
            }
        }
        return answers;
    }

    private static Answer answer(String function, LambdaProcess process, String event, String payload) {
        var result = process.invoke(payload.getBytes(StandardCharsets.UTF_8));
        var answer = Json.parse(result.payload());
        return result.functionError().isEmpty()
                ? new Answer(function, event, answer, "", "")
                : new Answer(function, event, answer, answer.path("errorType").asText(), process.errorType());
    }

    /** The sample as the state machine would send it: with a token, and of an execution that runs. */
    private static String payload(String function, Path event) {
        var sample = json(event);
        if (!isStage(function)) return Json.text(sample);
        var stage = stage(function);
        var asked = ((ObjectNode) sample).put("token", tasks.token(stage)).put("execution", tasks.execution(RESUMED));
        // Not the holder of the lock, which another stage still needs: TeardownReport gives it back.
        if (sample.path("input").has("execution")) {
            ((ObjectNode) sample.get("input")).put("execution", tasks.execution(stage));
        }
        return Json.text(asked);
    }

    private static JsonNode json(Path file) {
        try {
            return Json.parse(Files.readString(file));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static List<Long> sortedFirstAnswers() {
        return FIRST_ANSWER_MS.values().stream().sorted().toList();
    }
}
