package cloudhsm.pipeline.provisioning.client;

import static cloudhsm.pipeline.provisioning.TestAccount.DEPLOYMENT;
import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;

/** What can become of {@code kmsuser} on two HSMs, and what the stages make of it; one cluster, in this order. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class KmsUserTest {
    private static ClientScenario scenario;
    private static TestAccount aws;
    private static CreateKmsUser.Input creation;
    private static String kmsUserSecretArn;

    @BeforeAll
    static void userIsOnOneHsmOnly() {
        scenario = new ClientScenario();
        aws = scenario.aws;
        var client = scenario.client();
        var adminSecretArn = scenario.activated(client);
        creation = new CreateKmsUser.Input(
                DEPLOYMENT, scenario.cluster.id(), client, scenario.cluster.trustAnchor(), adminSecretArn);
        kmsUserSecretArn = done(create(), CreateKmsUser.Output.class).kmsUserSecretArn();
        aws.cloud.cloudHsm().omitUserFromNextClone("kmsuser");
        aws.addHsm(scenario.cluster.id(), "eu-central-1b");
    }

    @AfterAll
    static void close() {
        scenario.close();
    }

    private static Outcome create() {
        return scenario.afterCommands(awaited -> scenario.createKmsUser.run(creation, awaited));
    }

    private static Outcome reset() {
        var input = new ResetKmsUser.Input(
                store().customKeyStoreId(),
                creation.clusterId(),
                creation.instanceId(),
                creation.trustAnchor(),
                creation.adminSecretArn(),
                kmsUserSecretArn);
        return scenario.afterCommands(awaited -> scenario.resetKmsUser.run(input, awaited));
    }

    private static CustomKeyStoresListEntry store() {
        return aws.kms.describeCustomKeyStores().customKeyStores().getFirst();
    }

    private static void until(ConnectionStateType state) {
        aws.waitUntil(() -> store().connectionState() == state);
    }

    private static ConnectionStateType connected() {
        var id = store().customKeyStoreId();
        aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(id));
        aws.waitUntil(() -> store().connectionState() != ConnectionStateType.CONNECTING);
        return store().connectionState();
    }

    private static void disconnect() {
        var id = store().customKeyStoreId();
        aws.kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(id));
        until(ConnectionStateType.DISCONNECTED);
    }

    private static String password(String secretArn) {
        return aws.secretsManager
                .getSecretValue(request -> request.secretId(secretArn))
                .secretString();
    }

    private static void deleteUserOnOneHsm() {
        var hsm = Clusters.hsms(aws.cluster(scenario.cluster.id())).getLast();
        aws.cloud.cloudHsm().deleteUserOnOneHsm(hsm.hsmId(), "kmsuser");
    }

    @Test
    @Order(1)
    void userMissingOnOneHsmIsCompletedWithTheSamePassword() {
        var output = done(create(), CreateKmsUser.Output.class);
        assertEquals(2, output.hsms().size());
        for (var hsm : output.hsms()) assertTrue(hsm.kmsuser().endsWith("coverage full"), hsm.toString());
        aws.kms.createCustomKeyStore(request -> request.customKeyStoreName("demo")
                .cloudHsmClusterId(scenario.cluster.id())
                .trustAnchorCertificate(scenario.cluster.trustAnchor())
                .keyStorePassword(password(kmsUserSecretArn)));
        assertEquals(ConnectionStateType.CONNECTED, connected(), "KMS logs in to each HSM with one password");
    }

    private static Outcome createWithoutAClient() {
        return scenario.createKmsUser.run(
                new CreateKmsUser.Input(
                        DEPLOYMENT, creation.clusterId(), "", creation.trustAnchor(), creation.adminSecretArn()),
                Optional.empty());
    }

    private static List<String> hsms() {
        return Clusters.hsms(aws.cluster(scenario.cluster.id())).stream()
                .map(Hsm::hsmId)
                .sorted()
                .toList();
    }

    private static List<String> seenOn(CreateKmsUser.Output output) {
        return output.hsms().stream().map(CreateKmsUser.HsmUser::hsmId).sorted().toList();
    }

    private static void record(Map<String, ?> resources) {
        aws.deployments().running(DEPLOYMENT, resources, aws.cloud.time().now());
    }

    @Test
    @Order(2)
    void hsmsOnWhichTheRecordHasTheUserProvenAreNotLookedAtWhileKmsIsLoggedIn() {
        assertEquals(ClientCommand.CLIENT_GONE, failed(createWithoutAClient()).reason(), "nothing is on record");
        var seen = done(create(), CreateKmsUser.Output.class);
        assertEquals(hsms(), seenOn(seen));
        record(Map.of("kmsUser", seen));
        var sent = aws.cloud.calls("SendCommand");
        var read = aws.cloud.calls("GetSecretValue");
        assertEquals(seen, done(create(), CreateKmsUser.Output.class));
        assertEquals(seen, done(createWithoutAClient(), CreateKmsUser.Output.class));
        assertEquals(sent, aws.cloud.calls("SendCommand"));
        assertEquals(read, aws.cloud.calls("GetSecretValue"));

        disconnect();
        assertEquals(
                ClientCommand.CLIENT_GONE,
                failed(createWithoutAClient()).reason(),
                "KMS will log in with the password of the secret");
        assertEquals(ConnectionStateType.CONNECTED, connected());
    }

    @Test
    @Order(3)
    void newHsmIsLookedAtAndOneLessIsNot() {
        var before = hsms();
        aws.addHsm(scenario.cluster.id(), "eu-central-1a");
        assertEquals(ClientCommand.CLIENT_GONE, failed(createWithoutAClient()).reason());
        var sent = aws.cloud.calls("SendCommand");
        var seen = done(create(), CreateKmsUser.Output.class);
        assertEquals(hsms(), seenOn(seen));
        assertEquals(sent + 1, aws.cloud.calls("SendCommand"));

        record(Map.of("kmsUser", seen));
        var added = hsms().stream().filter(hsm -> !before.contains(hsm)).toList();
        aws.cloudHsm.deleteHsm(
                request -> request.clusterId(scenario.cluster.id()).hsmId(added.getFirst()));
        aws.waitUntil(() -> hsms().equals(before));
        assertEquals(before, seenOn(done(createWithoutAClient(), CreateKmsUser.Output.class)));
        record(Map.of());
    }

    @Test
    @Order(4)
    void whileKmsIsLoggedInAMissingUserIsSaidAndNothingChanged() {
        deleteUserOnOneHsm();
        var failed = failed(create());
        assertEquals("KMSUSER_INCOMPLETE", failed.reason());
        assertTrue(failed.message().contains(" (no kmsuser)"), failed::message);
        assertTrue(failed.message().contains("through key store " + store().customKeyStoreId()), failed::message);
        var reset = failed(reset());
        assertEquals("KEY_STORE_NOT_DISCONNECTED", reset.reason(), reset::message);
        assertEquals("KMSUSER_INCOMPLETE", failed(create()).reason(), "KMS's own password would be lost");
    }

    @Test
    @Order(5)
    void afterADisconnectionEveryHsmAndKmsGetThePasswordOfTheSecret() {
        assertEquals("KMSUSER_INCOMPLETE", failed(create()).reason());
        assertEquals("KEY_STORE_NOT_DISCONNECTED", failed(reset()).reason());
        disconnect();
        done(create(), CreateKmsUser.Output.class);
        var says = done(reset(), ResetKmsUser.Output.class).says();
        assertTrue(says.endsWith("KMS was told the same for key store " + store().customKeyStoreId() + "."), says);
        assertFalse(says.contains(password(kmsUserSecretArn)), says);
        assertEquals(ConnectionStateType.CONNECTED, connected(), "also on the HSM where the user was missing");
    }

    @Test
    @Order(6)
    void lockedUserIsUnlockedByTheReset() {
        disconnect();
        var cluster = aws.cloud.cloudHsm().cluster(scenario.cluster.id()).orElseThrow();
        for (int login = 0; login < 5; login++) cluster.login("kmsuser", "wrongPassword1");
        assertEquals("USER_LOCKED", failed(create()).reason());
        done(reset(), ResetKmsUser.Output.class);
        done(create(), CreateKmsUser.Output.class);
        assertEquals(ConnectionStateType.CONNECTED, connected());
    }

    @Test
    @Order(7)
    void wrongPasswordOfTheAdminIsSaidWithoutAPassword() {
        disconnect();
        var right = password(creation.adminSecretArn());
        aws.secretsManager.putSecretValue(
                request -> request.secretId(creation.adminSecretArn()).secretString("wrongPassword1"));
        var failed = failed(reset());
        assertEquals("LOGIN_FAILED", failed.reason());
        assertFalse(failed.message().contains("wrongPassword1"), failed::message);
        aws.secretsManager.putSecretValue(
                request -> request.secretId(creation.adminSecretArn()).secretString(right));
        done(reset(), ResetKmsUser.Output.class);
    }

    @Test
    @Order(8)
    void clientThatIsGoneIsSaidByItsName() {
        aws.ec2.terminateInstances(request -> request.instanceIds(creation.instanceId()));
        aws.waitUntil(() -> !new ClientPing(aws.ssm).isOnline(creation.instanceId()));
        assertEquals(ClientCommand.CLIENT_GONE, failed(reset()).reason(), "the state machine launches another one");
        assertEquals(ClientCommand.CLIENT_GONE, failed(create()).reason());
    }

    @Test
    @Order(9)
    void withoutHsmsAndWithoutAClusterNothingIsSent() {
        var sent = aws.cloud.calls("SendCommand");
        for (var hsm : Clusters.hsms(aws.cluster(scenario.cluster.id()))) {
            aws.cloudHsm.deleteHsm(
                    request -> request.clusterId(scenario.cluster.id()).hsmId(hsm.hsmId()));
        }
        aws.waitUntil(() -> Clusters.hsms(aws.cluster(scenario.cluster.id())).isEmpty());
        assertEquals("CLUSTER_NOT_ACTIVE", failed(reset()).reason());
        aws.cloudHsm.deleteCluster(request -> request.clusterId(scenario.cluster.id()));
        aws.waitUntil(
                () -> new Clusters(aws.cloudHsm).find(scenario.cluster.id()).isEmpty());
        assertEquals("CLUSTER_NOT_FOUND", failed(reset()).reason());
        assertEquals("CLUSTER_NOT_FOUND", failed(create()).reason());
        assertEquals(
                "CLUSTER_NOT_FOUND",
                failed(scenario.activateCluster.run(scenario.activation(creation.instanceId()), Optional.empty()))
                        .reason());
        assertEquals(sent, aws.cloud.calls("SendCommand"));
    }
}
