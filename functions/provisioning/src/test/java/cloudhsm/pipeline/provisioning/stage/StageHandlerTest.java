package cloudhsm.pipeline.provisioning.stage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.SendTaskFailureRequest;

/** How a stage that waits is ended: by name, with the resource, the state seen, the time waited and the next step. */
class StageHandlerTest {
    private static final Resource CLUSTER = Resource.cluster("cluster-abcdefghijk");
    private static final Duration BUDGET = Duration.ofMinutes(10);

    private final TestAccount aws = new TestAccount();
    private final List<SendTaskFailureRequest> failures = new ArrayList<>();
    private final StageRuntime runtime = new StageRuntime(
            aws.client(SfnClient.builder(), new FailuresSeen()),
            aws.runtime.waits(),
            aws.runtime.lock(),
            aws.runtime.questions(),
            "stage",
            watch(),
            aws.runtime.clock());
    private Runnable call = () -> aws.cloudHsm.describeClusters();
    private Set<String> whileIn = Set.of("CREATE_IN_PROGRESS", "ABSENT");

    /** Remembers what Step Functions is told. */
    private final class FailuresSeen implements ExecutionInterceptor {
        @Override
        public void beforeExecution(Context.BeforeExecution context, ExecutionAttributes attributes) {
            if (context.request() instanceof SendTaskFailureRequest failure) failures.add(failure);
        }
    }

    private record Input() {}

    /** Waits for ever, asking AWS something each time. */
    private final class Waiter extends StageHandler<Input> {
        private Waiter() {
            super(Input.class, runtime);
        }

        @Override
        protected Outcome run(Input input, Optional<Resource> awaited) {
            call.run();
            return new Outcome.Waiting(CLUSTER, whileIn, BUDGET);
        }
    }

    @Test
    void nothingThatHoldsATokenPrintsIt() {
        var token = "planted-token";
        var now = runtime.clock().instant();
        var wait = new Wait("id", "stage", "execution", "Stage", CLUSTER, whileIn, now, now.plus(BUDGET));
        var task = new SuspendedTask(wait, token, "{}");
        for (var holder : List.of(
                new StageHandler.Request(token, "execution", "Stage", "default", null, null, null, false, null),
                new StageHandler.Request(token, "execution", "Stage", "default", null, "id", null, false, null),
                task,
                StageHandler.Attempt.after(task, Optional.empty()))) {
            assertFalse(String.valueOf(holder).contains(token), () -> holder.getClass() + " prints its token");
        }
    }

    @BeforeEach
    void createTable() {
        PipelineTable.create(aws.client(DynamoDbClient.builder()), aws.cloud);
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private String watch() {
        return aws.cloud
                .states()
                .createStateMachine(
                        "watch", """
                        {"QueryLanguage": "JSONata", "StartAt": "Watched", "States": {"Watched": {"Type": "Succeed"}}}\
                        """, aws.cloud.iam().createRole("watch", aws.trusting("states.amazonaws.com")));
    }

    private void invoke(String request) {
        invoke(new Waiter(), request);
    }

    private static void invoke(StageHandler<?> stage, String request) {
        try {
            var in = new ByteArrayInputStream(request.getBytes(StandardCharsets.UTF_8));
            stage.handleRequest(in, new ByteArrayOutputStream(), null);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }

    private void firstRun() {
        firstRun("CreateCluster", "provision:first");
    }

    /** @param execution its state machine's name and its own */
    private void firstRun(String stage, String execution) {
        invoke("""
            {"token": "token of %1$s", "stage": "%2$s", "input": {},
             "execution": "arn:aws:states:eu-central-1:111122223333:execution:%1$s"}
            """.formatted(execution, stage));
    }

    private void runAgain(String seen) {
        var wait = runtime.waits().all().getFirst();
        invoke("{\"waitId\": \"" + wait.id() + "\", \"seen\": \"" + seen + "\"}");
    }

    /** What a stage of an input with a text does not run without. */
    private final class Named extends StageHandler<Named.Given> {
        private record Given(String name, int count) {}

        private Named() {
            super(Given.class, runtime);
        }

        @Override
        protected Outcome run(Given input, Optional<Resource> awaited) {
            throw new AssertionError("was run with " + input);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{}", "{\"count\": 1}", "{\"name\": null, \"count\": 1}", "{\"name\": \"a\", \"colour\": 1}"})
    void stageIsNotRunWithAnInputThatLacksAMemberOrHasAnother(String input) {
        invoke(new Named(), """
            {"token": "token", "stage": "Named", "input": %s,
             "execution": "arn:aws:states:eu-central-1:111122223333:execution:provision:first"}
            """.formatted(input));
        assertEquals("INVALID_STAGE_INPUT", failures.getFirst().error());
        assertTrue(
                failures.getFirst().cause().contains(input.contains("colour") ? "colour" : "name"), failures::toString);
    }

    @Test
    void whatTakesTooLongIsSaidWithTheStateSeenAndTheTimeWaited() {
        firstRun();
        aws.cloud.advance(BUDGET.minusSeconds(1));
        runAgain("CREATE_IN_PROGRESS");
        assertEquals(List.of(), failures, "the budget is not used up");
        aws.cloud.advance(Duration.ofSeconds(31));
        runAgain("CREATE_IN_PROGRESS");
        assertEquals("TOOK_TOO_LONG", failures.getFirst().error());
        assertEquals(
                CLUSTER
                        + " is still CREATE_IN_PROGRESS after 10 min 30 s; CreateCluster allows AWS 10 min 00 s."
                        + " Nothing was changed. Next: look at the resource in the console, then start a new"
                        + " execution; it continues from here.",
                failures.getFirst().cause());
        assertEquals(List.of(), runtime.waits().all(), "nothing waits any more");
    }

    @Test
    void anotherWaitForTheSameResourceHasABudgetOfItsOwn() {
        firstRun();
        aws.cloud.advance(BUDGET.minusMinutes(1));
        whileIn = Set.of("DELETE_IN_PROGRESS");
        runAgain("DEGRADED");
        aws.cloud.advance(BUDGET.minusMinutes(1));
        runAgain("DELETE_IN_PROGRESS");
        assertEquals(List.of(), failures, "a late creation must not take its time from the deletion");
        aws.cloud.advance(Duration.ofMinutes(2));
        runAgain("DELETE_IN_PROGRESS");
        assertTrue(
                failures.getFirst().cause().contains(" is still DELETE_IN_PROGRESS after 11 min"), failures::toString);
    }

    /** Seventy characters of an execution's name, as of executions that a program starts. */
    private static final String LONG_NAME = "nightly-rebuild-of-the-archive-of-the-department-of-public-works-2026-";

    @Test
    void executionsWhoseNamesBeginAlikeKeepTheirWaits() {
        var executions = Set.of(
                "provision:" + LONG_NAME + "11",
                "provision:" + LONG_NAME + "12",
                "pause:monday",
                "teardown:monday",
                "other-stack-teardown:monday");
        executions.forEach(execution -> firstRun("DeleteHsms", execution));
        assertEquals(executions, waiting());
    }

    @Test
    void twoStagesOfOneExecutionWhoseNamesBeginAlikeKeepTheirWaits() {
        var stage = "DisconnectTheKeyStoreThatCouldNotBeConnected";
        firstRun(stage + "TheFirstTime", "heal:first");
        firstRun(stage + "TheSecondTime", "heal:first");
        assertEquals(2, runtime.waits().all().size());
        runtime.waits()
                .all()
                .forEach(wait -> assertTrue(
                        wait.id().matches("[\\w-]{1,80}"), "the name of an execution as well: " + wait.id()));
    }

    @Test
    void aStageThatIsTriedAgainReplacesItsOwnWait() {
        firstRun();
        firstRun();
        assertEquals(Set.of("provision:first"), waiting());
    }

    private Set<String> waiting() {
        return runtime.waits().all().stream()
                .map(wait -> wait.execution().replaceFirst(".*:execution:", ""))
                .collect(Collectors.toSet());
    }

    /** What Observer and ResumeExecution read is what everybody but the stage itself reads. */
    @Test
    void theTokenLiesWhereOnlyItsStageReads() {
        firstRun();
        var items = aws.client(DynamoDbClient.builder())
                .scan(scan -> scan.tableName(PipelineTable.NAME))
                .items();
        var partitions = items.stream()
                .filter(item -> item.toString().contains("token of"))
                .map(item -> item.get("pk").s())
                .toList();
        assertEquals(List.of("WAIT#Waiter"), partitions);
        assertEquals(2, items.size(), "the wait, and its token");
    }

    @Test
    void aFunctionThatDiesWhileItRemovesItsWaitLeavesNoToken() {
        firstRun();
        aws.cloud.advance(BUDGET.plusMinutes(1));
        aws.cloud.faults().add("dynamodb", "DeleteItem", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkClientException.class, () -> runAgain("CREATE_IN_PROGRESS"));
        aws.cloud.advance(Waits.LEASE.plusSeconds(1));
        runAgain("CREATE_IN_PROGRESS");
        assertEquals(
                List.of(),
                aws.client(DynamoDbClient.builder())
                        .scan(scan -> scan.tableName(PipelineTable.NAME))
                        .items());
    }

    @Test
    void whereTheExecutionHasEndedTheStageRemovesItsWaitAndTokenAndDoesNothingElse() {
        firstRun();
        call = () -> {
            throw new AssertionError("a stopped execution creates nothing");
        };
        invoke("{\"waitId\": \"" + runtime.waits().all().getFirst().id()
                + "\", \"seen\": \"ACTIVE\", \"ended\": true}");
        assertEquals(List.of(), failures);
        assertEquals(
                List.of(),
                aws.client(DynamoDbClient.builder())
                        .scan(scan -> scan.tableName(PipelineTable.NAME))
                        .items());
    }

    @Test
    void anAnswerThatCannotBeReadEndsTheStageAtOnceUnderItsName() {
        aws.s3.createBucket(request -> request.bucket("photos")
                .createBucketConfiguration(location -> location.locationConstraint("eu-central-1")));
        aws.s3.putObject(request -> request.bucket("photos").key("Icon\u0003.jpg"), RequestBody.empty());
        call = () -> aws.s3.listObjectsV2(request -> request.bucket("photos"));
        firstRun();
        assertEquals("AWS_CALL_FAILED", failures.getFirst().error());
        assertTrue(
                failures.getFirst()
                        .cause()
                        .startsWith(
                                "CreateCluster could not make a call to AWS, or not read its answer: Could not parse"
                                        + " XML response."),
                failures::toString);
    }

    @Test
    void throttlingBehindAWaitIsLeftToTheStateMachinesRetry() {
        firstRun();
        aws.cloud.faults().add("cloudhsm", "DescribeClusters", 1, Faults.Kind.THROTTLED);
        runAgain("UNINITIALIZED");
        assertEquals("TransientAwsFailure", failures.getFirst().error());
        assertTrue(
                failures.getFirst().cause().startsWith("CreateCluster met a failure that may pass"),
                failures::toString);
    }
}
