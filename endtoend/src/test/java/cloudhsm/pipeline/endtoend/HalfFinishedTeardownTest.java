package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.runlocal.deployment.Holdings;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * A provisioning that somebody stops, wherever it stands, can be torn down to nothing. One account, one after the other.
 * With {@code -Dhalf-finished=all} before every stage, otherwise before those that have made something.
 */
class HalfFinishedTeardownTest {
    /** Before Preflight there is nothing. */
    private static final List<String> EVERY_STAGE =
            ProvisioningTest.STAGES.stream().skip(1).toList();

    private static final Set<String> IN_THE_BUILD = Set.of(
            "CreateCluster",
            "CreateFirstHsm",
            "InitializeCluster",
            "LaunchClient",
            "CreateHsms",
            "CreateKmsUser",
            "ConnectKeyStore",
            "SecureBucket");

    private static Pipeline pipeline;
    private static Set<String> before;

    @BeforeAll
    static void deploy() {
        pipeline = Pipeline.deploy(1, TeardownTest.SELDOM);
        before = Holdings.of(pipeline.cloud());
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    static List<String> stages() {
        var all = "all".equals(System.getProperty("half-finished"));
        return EVERY_STAGE.stream()
                .filter(stage -> all || IN_THE_BUILD.contains(stage))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("stages")
    void nothingIsLeftOfAProvisioningThatWasStoppedBefore(String stage) {
        var deployment = "half-" + EVERY_STAGE.indexOf(stage);
        var execution = pipeline.start(deployment, "{\"deployment\":\"" + deployment + "\"}");
        pipeline.runUntilEntered(deployment, stage);
        // A limit comes upon an execution that is at work; a person stops it before.
        var interrupt = stage.equals("CreateHsms");
        if (!interrupt) pipeline.states().stopExecution(request -> request.executionArn(execution));

        var ended = pipeline.tearDown(
                "down-" + deployment, TeardownTest.input(deployment, "\"data\":\"DELETE\",\"interrupt\":" + interrupt));
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        assertEquals(ExecutionStatus.ABORTED, pipeline.describe(execution).status());
        pipeline.cloud().advance(TeardownTest.RESTORABLE);
        assertEquals("", TeardownTest.leftSince(before, pipeline));
    }
}
