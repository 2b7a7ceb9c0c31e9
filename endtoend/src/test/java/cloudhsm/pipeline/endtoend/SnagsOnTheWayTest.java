package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterInvalidConfigurationException;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;
import software.amazon.awssdk.services.ssm.model.InvalidInstanceIdException;

/** The snags of {@link SnagsTest} that happen while an execution runs: all in one, which succeeds nevertheless. */
class SnagsOnTheWayTest {
    private static Pipeline pipeline;
    private static List<String> stages;
    private static String csrBefore;
    private static String csrAfter;
    private static String refusedCommand;
    private static String refusedKeyStore;
    private static String stoppedClient;
    private static String terminatedClient;

    @BeforeAll
    static void provisionThroughAllOfThem() {
        pipeline = Pipeline.deploy();
        var execution = pipeline.start("first", "{}");

        pipeline.runUntilEntered("first", "InitializeCluster");
        csrBefore = pipeline.cluster().certificates().clusterCsr();
        pipeline.cloud()
                .cloudHsm()
                .replaceHsm(pipeline.cluster().hsms().getFirst().hsmId());

        pipeline.runUntilEntered("first", "ActivateCluster");
        csrAfter = pipeline.cluster().certificates().clusterCsr();
        stoppedClient = pipeline.client().instanceId();
        pipeline.ec2().stopInstances(request -> request.instanceIds(stoppedClient));
        refusedCommand = assertThrows(
                        InvalidInstanceIdException.class,
                        () -> pipeline.ssm()
                                .sendCommand(request -> request.documentName("AWS-RunShellScript")
                                        .instanceIds(stoppedClient)
                                        .parameters(Map.of("commands", List.of("true")))))
                .getMessage();

        pipeline.runUntilEntered("first", "CreateHsms");
        refusedKeyStore = assertThrows(
                        CloudHsmClusterInvalidConfigurationException.class, () -> pipeline.createKeyStore("one-hsm"))
                .getMessage();

        pipeline.runUntilEntered("first", "CreateKmsUser");
        terminatedClient = pipeline.client().instanceId();
        pipeline.ec2().terminateInstances(request -> request.instanceIds(terminatedClient));

        pipeline.runUntilEntered("first", "ConnectKeyStore");
        pipeline.cloud()
                .cloudHsm()
                .deleteUserOnOneHsm(pipeline.cluster().hsms().getLast().hsmId(), "kmsuser");

        var ended = pipeline.end(execution);
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        stages = pipeline.stages(execution);
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    @Test
    @DisplayName("7: AWS replaces the first HSM after its CSR was signed: the certificate is for a key that is gone")
    void snag7_theHsmWasReplacedAfterTheSigning() {
        assertNotEquals(csrBefore, csrAfter, "AWS offers a CSR for another key");
        var untilInitialized = stages.subList(0, stages.indexOf("ActivateCluster"));
        for (var again : List.of("VerifyHsmIdentity", "IssueClusterCertificate", "InitializeCluster")) {
            assertEquals(2, Collections.frequency(untilInitialized, again), () -> again + " among " + stages);
        }
        assertEquals(1, pipeline.cloud().calls("InitializeCluster"), "the useless certificate was never sent");
    }

    @Test
    @DisplayName("10: the client was stopped overnight; started again, it was of no use")
    void snag10_theStoppedClientWasOfNoUse() {
        assertTrue(refusedCommand.contains("not in a valid state"), () -> refusedCommand);
        assertEquals(3, Collections.frequency(stages, "LaunchClient"), stages::toString);
        assertNotEquals(stoppedClient, terminatedClient);
        assertEquals(3, pipeline.cloud().calls("RunInstances"));
        assertEquals(1, pipeline.cloud().calls("CreateCluster"), "the cluster does not mind");
    }

    @Test
    @DisplayName("13: the key store was refused: two active HSMs in different zones are needed")
    void snag13_oneHsmWasNotEnough() {
        assertTrue(refusedKeyStore.contains("at least two active HSMs"), () -> refusedKeyStore);
        assertTrue(stages.indexOf("CreateHsms") < stages.indexOf("CreateKeyStore"), stages::toString);
        assertEquals(
                2,
                pipeline.cluster().hsms().stream()
                        .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                        .map(hsm -> hsm.availabilityZone())
                        .distinct()
                        .count());
        assertEquals(2, pipeline.cloud().calls("CreateHsm"), "a third HSM would be billed by the hour");
    }

    @Test
    @DisplayName("16: tried again: refused until the FAILED key store had been disconnected")
    void snag16_aFailedKeyStoreHasToBeDisconnectedFirst() {
        var afterTheFailure = stages.subList(stages.indexOf("ConnectKeyStore") + 1, stages.size());
        assertEquals(
                List.of("DiagnoseConnection", "DisconnectKeyStore"), afterTheFailure.subList(0, 2), stages::toString);
        assertTrue(afterTheFailure.contains("ConnectKeyStore"), stages::toString);
        assertEquals(
                1,
                pipeline.kms().describeCustomKeyStores().customKeyStores().size(),
                "a new store under a new name does not help");
    }

    @Test
    @DisplayName("17: the key store FAILED again: the user existed on one HSM only")
    void snag17_kmsuserWasMissingOnOneHsm() {
        assertEquals(2, Collections.frequency(stages, "ConnectKeyStore"), stages::toString);
        var afterTheFailure = stages.subList(stages.indexOf("DisconnectKeyStore") + 1, stages.size());
        assertTrue(afterTheFailure.contains("CreateKmsUser"), () -> "completed with the same password: " + stages);
        assertEquals(
                ConnectionStateType.CONNECTED,
                pipeline.kms()
                        .describeCustomKeyStores()
                        .customKeyStores()
                        .getFirst()
                        .connectionState());
    }
}
