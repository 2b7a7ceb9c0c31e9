package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** A failed execution of each state machine goes on when it is redriven; one deployment, in this order. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RedrivenExecutionsTest {
    private static final String DEPLOYMENT = "{\"deployment\": \"default\"}";
    private static final String TEARDOWN =
            "{\"deployment\": \"default\", \"confirm\": \"default\", \"data\": \"DELETE\"}";

    private static Pipeline pipeline;
    private static DescribeExecutionResponse lockedPause;
    private static DescribeExecutionResponse lockedTeardown;

    @BeforeAll
    static void provision() {
        // Nobody else heals what this test breaks.
        pipeline = Pipeline.deploy(1, Map.of("SelfHealing", "disabled"));
        var first = pipeline.start("first", "{}");
        pipeline.runUntilEntered("first", "CreateFirstHsm");
        lockedPause = pipeline.run("Pause", "pause", DEPLOYMENT);
        lockedTeardown = pipeline.tearDown("teardown", TEARDOWN);
        succeeds(pipeline.end(first));
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    @Test
    @Order(1)
    void aRepairGoesOnWhenWhatItNeededAPersonForIsDone() {
        var keyStoreId = disconnect();
        pipeline.cloud().kms().failNextConnection("NETWORK_ERRORS");
        pipeline.kms().connectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        pipeline.runUntil(() -> state() == ConnectionStateType.FAILED);

        pipeline.cloud().kms().failNextConnection("SUBNET_NOT_FOUND");
        var failed = pipeline.provision("heal", DEPLOYMENT);
        assertEquals("SUBNET_NOT_FOUND", failed.error(), failed::cause);
        succeeds(redrive(failed));
        assertEquals(ConnectionStateType.CONNECTED, state());
        assertEquals(2, pipeline.cloud().calls("CreateHsm"), "no HSM was missing");
        var provision = pipeline.deployment().stack().outputs().get("ProvisionStateMachineArn");
        assertEquals(
                2,
                pipeline.states()
                        .listExecutions(request -> request.stateMachineArn(provision))
                        .executions()
                        .size(),
                "SelfHealing is disabled, so only the first and this one have run");
    }

    @Test
    @Order(2)
    void aPauseGoesOnWhenTheDeploymentIsFree() {
        assertEquals("DEPLOYMENT_LOCKED", lockedPause.error(), lockedPause::cause);
        succeeds(redrive(lockedPause));
        assertEquals(
                List.of(),
                pipeline.cluster().hsms().stream()
                        .filter(hsm -> hsm.state() != HsmState.DELETED)
                        .toList());
    }

    @Test
    @Order(3)
    void theWayBackGoesOnWithTheHsmsThatItHasMade() {
        disconnect();
        pipeline.cloud().kms().failNextConnection("SUBNET_NOT_FOUND");
        var failed = pipeline.provision("resume", DEPLOYMENT);
        assertEquals("SUBNET_NOT_FOUND", failed.error(), failed::cause);
        assertEquals(4, pipeline.cloud().calls("CreateHsm"));
        succeeds(redrive(failed));
        assertEquals(4, pipeline.cloud().calls("CreateHsm"), "the HSMs of the failed attempt are found");
    }

    @Test
    @Order(4)
    void aTeardownGoesOnButNotAfterAnotherOneHasTakenOver() {
        assertEquals("DEPLOYMENT_LOCKED", lockedTeardown.error(), lockedTeardown::cause);
        pipeline.states().redriveExecution(request -> request.executionArn(lockedTeardown.executionArn()));
        pipeline.runUntilEntered("teardown", "DisconnectKeyStore");
        pipeline.states().stopExecution(request -> request.executionArn(lockedTeardown.executionArn()));

        var second = pipeline.startTeardown("takes-over", TEARDOWN);
        pipeline.runUntilEntered("takes-over", "TerminateClient");
        var redriven = redrive(lockedTeardown);
        assertEquals("DEPLOYMENT_LOCKED", redriven.error(), redriven::cause);
        assertTrue(redriven.cause().contains(second), redriven::cause);
    }

    /** Returns the key store's id. */
    private static String disconnect() {
        var keyStoreId = pipeline.kms()
                .describeCustomKeyStores()
                .customKeyStores()
                .getFirst()
                .customKeyStoreId();
        pipeline.kms().disconnectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        pipeline.runUntil(() -> state() == ConnectionStateType.DISCONNECTED);
        return keyStoreId;
    }

    private static ConnectionStateType state() {
        return pipeline.kms()
                .describeCustomKeyStores()
                .customKeyStores()
                .getFirst()
                .connectionState();
    }

    private static DescribeExecutionResponse redrive(DescribeExecutionResponse execution) {
        pipeline.states().redriveExecution(request -> request.executionArn(execution.executionArn()));
        return pipeline.end(execution.executionArn());
    }

    private static void succeeds(DescribeExecutionResponse execution) {
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
    }
}
