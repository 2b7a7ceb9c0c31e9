package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.localcloud.Holdings;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** A provisioning that somebody stops, wherever it stands, can be torn down to nothing. One account, one after the other. */
class HalfFinishedTeardownTest {
    /** Names of deployments are short, because names of other resources are made of them. */
    private static final int LONGEST = 14;

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

    @ParameterizedTest
    @ValueSource(
            strings = {
                "CreateCluster",
                "CreateFirstHsm",
                "InitializeCluster",
                "LaunchClient",
                "CreateSecondHsm",
                "CreateKmsUser",
                "ConnectKeyStore",
                "SecureBucket"
            })
    void nothingIsLeftOfAProvisioningThatWasStoppedBefore(String stage) {
        var deployment = "until-" + stage.toLowerCase(Locale.ROOT).substring(0, Math.min(stage.length(), LONGEST));
        var execution = pipeline.start(deployment, "{\"deployment\":\"" + deployment + "\"}");
        pipeline.runUntilEntered(deployment, stage);
        pipeline.states().stopExecution(request -> request.executionArn(execution));

        var ended = pipeline.tearDown("down-" + deployment, TeardownTest.input(deployment, "\"data\":\"DELETE\""));
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        pipeline.cloud().advance(TeardownTest.RESTORABLE);
        assertEquals("", TeardownTest.leftSince(before, pipeline));
    }
}
