package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.runlocal.deployment.Holdings;
import java.util.List;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** A key that was made with {@code "deletable": false} outlives every teardown until a person says otherwise. */
class KeyThatStaysTest {
    private static final String TEARDOWN = TeardownTest.input("default", "\"data\": \"DELETE\", \"interrupt\": true");

    @Test
    void aTeardownIsRefusedByNameAndItsAdviceWorks() {
        try (var pipeline = Pipeline.deploy(1, TeardownTest.SELDOM)) {
            provision(pipeline, "up", "{\"key\": {\"deletable\": false}}");
            var before = Holdings.of(pipeline.cloud());

            var refused = pipeline.tearDown("refused", TEARDOWN);
            assertEquals("KEY_NOT_DELETABLE", refused.error());
            assertTrue(refused.cause().contains("start a provisioning with the deployment's name and"), refused::cause);
            assertEquals(before, Holdings.of(pipeline.cloud()));
            for (var change : List.of("ScheduleKeyDeletion", "DisconnectCustomKeyStore", "DeleteHsm", "StopExecution"))
                assertEquals(0, pipeline.cloud().calls(change), change);

            provision(pipeline, "the-key-may-go", "{\"key\": {\"deletable\": true}}");
            var ended = pipeline.tearDown("down", TEARDOWN);
            assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        }
    }

    private static void provision(Pipeline pipeline, String name, String input) {
        var execution = pipeline.provision(name, input);
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
    }
}
