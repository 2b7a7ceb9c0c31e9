package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.kms.model.ConnectionErrorCodeType;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** The snags of {@link SnagsTest} that nobody but the user can solve: the execution says which, and what to do. */
class SnagsThatEndAnExecutionTest {
    private Pipeline pipeline;

    @BeforeEach
    void deploy() {
        pipeline = Pipeline.deploy();
    }

    @AfterEach
    void close() {
        pipeline.close();
    }

    @Test
    @DisplayName("4: an HSM that nobody can trace back to AWS's root would have been initialized")
    void snag4_anUnknownRootWasTrusted() {
        pipeline.close();
        // The template's default: AWS's own root, which has not signed the embedded AWS's hardware.
        pipeline = Pipeline.deploy(1, Map.of("AwsRootCertificate", ""));
        var execution = pipeline.provision("first", "{}");
        assertEquals("HSM_IDENTITY_NOT_VERIFIED", execution.error(), execution::cause);
        assertEquals(0, pipeline.cloud().calls("InitializeCluster"), "nothing is entrusted to an unknown HSM");
        assertEquals(ClusterState.UNINITIALIZED, pipeline.cluster().state());
    }

    @Test
    @DisplayName("9: the download timed out: nothing let the instance out any more")
    void snag9_theDownloadTimedOut() {
        var first = pipeline.start("before-it-connects", "{}");
        pipeline.runUntil(() -> pipeline.cloud().calls("RunInstances") == 1);
        var egress = new ClientEgress(pipeline.ec2());
        egress.close();
        var notOnline = pipeline.end(first);
        assertEquals("CLIENT_NOT_ONLINE", notOnline.error(), notOnline::cause);
        assertTrue(notOnline.cause().contains("ssm, ssmmessages and ec2messages"), notOnline::cause);
        assertTrue(notOnline.cause().contains("Next: "), notOnline::cause);

        var closed = pipeline.provision("still-closed", "{}");
        assertEquals("CLIENT_EGRESS_CLOSED", closed.error(), closed::cause);
        assertTrue(closed.cause().contains(egress.group().groupId()), closed::cause);

        egress.open();
        var second = pipeline.start("before-the-download", "{}");
        pipeline.runUntilEntered("before-the-download", "ActivateCluster");
        egress.close();
        var unreachable = pipeline.end(second);
        assertEquals("ENDPOINT_UNREACHABLE", unreachable.error(), unreachable::cause);
        assertTrue(unreachable.cause().contains("https://s3.amazonaws.com/"), unreachable::cause);
        assertTrue(unreachable.cause().contains("TCP 443"), unreachable::cause);
        assertEquals(1, pipeline.cloud().calls("CreateHsm"), "no further HSM is made while the client is cut off");

        egress.open();
        var third = pipeline.provision("open-again", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, third.status(), () -> third.error() + ": " + third.cause());
    }

    @Test
    @DisplayName("14: the key store was connected for 20 minutes and FAILED: there was no kmsuser")
    void snag14_theKeyStoreFailedBecauseThereWasNoKmsuser() {
        var stopped = pipeline.start("stopped", "{}");
        pipeline.runUntilEntered("stopped", "CreateKmsUser");
        pipeline.states().stopExecution(request -> request.executionArn(stopped));
        var store = pipeline.createKeyStore("by-hand");
        pipeline.kms().connectCustomKeyStore(request -> request.customKeyStoreId(store));
        until(store, ConnectionStateType.FAILED);
        assertEquals(ConnectionErrorCodeType.USER_NOT_FOUND, describe(store).connectionErrorCode());

        var held = pipeline.provision("held", "{}");
        assertEquals("INVALID_INPUT", held.error(), held::cause);
        assertTrue(
                held.cause().contains("belongs to key store \"by-hand\""),
                () -> "KMS allows one key store for a cluster; a new name does not help: " + held.cause());

        pipeline.kms().disconnectCustomKeyStore(request -> request.customKeyStoreId(store));
        until(store, ConnectionStateType.DISCONNECTED);
        pipeline.kms().deleteCustomKeyStore(request -> request.customKeyStoreId(store));
        var execution = pipeline.provision("freed", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());
        var stages = pipeline.stages(execution.executionArn());
        assertTrue(stages.indexOf("CreateKmsUser") < stages.indexOf("ConnectKeyStore"), stages::toString);
    }

    @Test
    @DisplayName("16: connected again and again; what does not help four times ends the execution, not the next one")
    void snag16_theConnectionFailedAgainAndAgain() {
        var first = pipeline.start("first", "{}");
        for (int connection = 1; connection <= 4; connection++) {
            var connections = connection;
            pipeline.runUntil(() -> pipeline.cloud().calls("ConnectCustomKeyStore") == connections);
            pipeline.cloud().kms().failNextConnection("NETWORK_ERRORS");
        }
        var ended = pipeline.end(first);
        assertEquals("NETWORK_ERRORS", ended.error(), ended::cause);
        assertTrue(ended.cause().contains("rules of the cluster's security group"), ended::cause);
        assertEquals(4, pipeline.cloud().calls("DisconnectCustomKeyStore"), "the store is left ready to connect");

        var second = pipeline.provision("second", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, second.status(), () -> second.error() + ": " + second.cause());
        assertEquals(4, pipeline.cloud().calls("DisconnectCustomKeyStore"), "it found the store DISCONNECTED");
        assertEquals(2, pipeline.cloud().calls("CreateHsm"), "every try is free of further HSMs");
    }

    @Test
    @DisplayName("16: what a connection fails from, one cause after the other, is found and repaired; the last needs a"
            + " person")
    void snag16_eachCauseIsRepairedAndWhatNeedsAPersonContinuesInANewExecution() {
        var first = pipeline.start("first", "{}");
        untilConnection(1);
        var cluster = pipeline.cluster().clusterId();
        pipeline.cloud().cloudHsm().changePassword("kmsuser", "changedByHand1");
        untilConnection(2);
        for (int login = 1; login <= 5; login++) {
            pipeline.cloud().cloudHsm().cluster(cluster).orElseThrow().login("kmsuser", "aWrongPassword1");
        }
        untilConnection(3);
        for (var hsm : pipeline.cluster().hsms()) {
            pipeline.cloudHsm().deleteHsm(request -> request.clusterId(cluster).hsmId(hsm.hsmId()));
        }
        untilConnection(4);
        pipeline.cloud().kms().failNextConnection("INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET");
        var ended = pipeline.end(first);
        assertEquals("INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET", ended.error(), ended::cause);
        assertTrue(ended.cause().contains("free addresses. "), () -> "the evidence: " + ended.cause());
        assertTrue(ended.cause().contains("Next: free at least one address"), ended::cause);
        assertEquals(
                List.of(
                        "INVALID_CREDENTIALS",
                        "USER_LOCKED_OUT",
                        "INSUFFICIENT_CLOUDHSM_HSMS",
                        "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET"),
                pipeline.history(first).stream()
                        .filter(event -> event.taskFailedEventDetails() != null)
                        .map(event -> event.taskFailedEventDetails().error())
                        .distinct() // FailExecution ends under the name of the last one
                        .toList());

        var second = pipeline.provision("second", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, second.status(), () -> second.error() + ": " + second.cause());
        assertEquals(4, pipeline.cloud().calls("CreateHsm"), "two in the beginning, two in place of those deleted");
        assertEquals(5, pipeline.cloud().calls("ConnectCustomKeyStore"), "it connects at once");
    }

    private void untilConnection(int number) {
        pipeline.runUntil(() -> pipeline.cloud().calls("ConnectCustomKeyStore") == number);
    }

    private CustomKeyStoresListEntry describe(String store) {
        return pipeline.kms()
                .describeCustomKeyStores(request -> request.customKeyStoreId(store))
                .customKeyStores()
                .getFirst();
    }

    private void until(String store, ConnectionStateType state) {
        pipeline.runUntil(() -> describe(store).connectionState() == state);
    }
}
