package cloudhsm.pipeline.provisioning.keystore;

import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.TestAccount.InitializedCluster;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;

/** What the runbook advises about key stores and keys, followed literally on one cluster, in this order. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class KeyStoreAdviceTest {
    private static final String PASSWORD = "kmsuserPassword1";
    private static final String STORE = "cloudhsm-demo";
    private static final String ALIAS = "alias/cloudhsm-demo";

    private static TestAccount aws;
    private static InitializedCluster cluster;
    private static String secretArn;
    private static String keyStoreId;
    private static String keyId;

    @BeforeAll
    static void kmsCanUseTheCluster() {
        aws = new TestAccount();
        aws.cloud.iam().createRole("reencryptor", aws.trusting("lambda.amazonaws.com"));
        cluster = aws.clusterForKms(PASSWORD);
        secretArn = aws.secretsManager
                .createSecret(create ->
                        create.name("cloudhsm-pipeline/demo/kmsuser-password").secretString(PASSWORD))
                .arn();
    }

    @AfterAll
    static void close() {
        aws.close();
    }

    private static Outcome createKeyStore(String name, String clusterId) {
        return new CreateKeyStore(aws.kms, aws.secretsManager, aws.deployments(), aws.runtime)
                .run(
                        new CreateKeyStore.Input(
                                TestAccount.DEPLOYMENT, name, clusterId, cluster.trustAnchor(), secretArn),
                        Optional.empty());
    }

    private static String store(Outcome created) {
        return done(created, CreateKeyStore.Output.class).keyStoreId();
    }

    private static Outcome connect() {
        var stage = new ConnectKeyStore(aws.kms, aws.runtime);
        var input = new ConnectKeyStore.Input(keyStoreId);
        var outcome = stage.run(input, Optional.empty());
        if (!(outcome instanceof Outcome.Waiting waiting)) return outcome;
        aws.waitUntil(() -> state() != ConnectionStateType.CONNECTING);
        return stage.run(input, Optional.of(waiting.resource()));
    }

    private static void disconnect() {
        aws.kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        aws.waitUntil(() -> state() == ConnectionStateType.DISCONNECTED);
    }

    private static ConnectionStateType state() {
        return aws.kms
                .describeCustomKeyStores(request -> request.customKeyStoreId(keyStoreId))
                .customKeyStores()
                .getFirst()
                .connectionState();
    }

    private static Outcome createKey(String alias) {
        return new CreateKey(
                        aws.kms,
                        aws.deployments(),
                        "eu-central-1",
                        "arn:aws:iam::111122223333:role/reencryptor",
                        aws.runtime)
                .run(
                        new CreateKey.Input(
                                TestAccount.DEPLOYMENT, keyStoreId, alias, "S3 data", List.of(), List.of(), true, null),
                        Optional.empty());
    }

    private static String key(Outcome created) {
        return done(created, CreateKey.Output.class).keyId();
    }

    @Test
    @Order(1)
    void aStoreOfSomebodyElseOnTheClusterMakesRoomWhenItIsDeleted() {
        var byHand = aws.kms
                .createCustomKeyStore(create -> create.customKeyStoreName("by-hand")
                        .cloudHsmClusterId(cluster.id())
                        .trustAnchorCertificate(cluster.trustAnchor())
                        .keyStorePassword(PASSWORD))
                .customKeyStoreId();
        assertEquals(
                "CLUSTER_HAS_KEY_STORE",
                failed(createKeyStore(STORE, cluster.id())).reason());
        assertEquals(
                "CLUSTER_HAS_KEY_STORE",
                failed(createKeyStore("by-hand", cluster.id())).reason(),
                "its name does not make it the deployment's");
        aws.kms.deleteCustomKeyStore(delete -> delete.customKeyStoreId(byHand));
        keyStoreId = store(createKeyStore("first", cluster.id()));
    }

    @Test
    @Order(2)
    void anotherNameThanThatOfAStoreOnAnotherClusterIsFree() {
        var other = aws.clusterForKms(PASSWORD);
        var ofOther = aws.kms
                .createCustomKeyStore(create -> create.customKeyStoreName(STORE)
                        .cloudHsmClusterId(other.id())
                        .trustAnchorCertificate(other.trustAnchor())
                        .keyStorePassword(PASSWORD))
                .customKeyStoreId();
        aws.kms.deleteCustomKeyStore(delete -> delete.customKeyStoreId(keyStoreId));
        assertEquals(
                "KEY_STORE_NAME_IN_USE",
                failed(createKeyStore(STORE, cluster.id())).reason());
        assertNotEquals(ofOther, store(createKeyStore("another", cluster.id())));
    }

    @Test
    @Order(3)
    void aNewExecutionMakesAnotherStoreForOneThatIsGone() {
        keyStoreId = store(createKeyStore("another", cluster.id()));
        aws.kms.deleteCustomKeyStore(delete -> delete.customKeyStoreId(keyStoreId));
        assertEquals("KEY_STORE_GONE", failed(connect()).reason());
        keyStoreId = store(createKeyStore("another", cluster.id()));
        done(connect(), ConnectKeyStore.Output.class);
    }

    @Test
    @Order(4)
    void anotherAliasThanThatOfAnotherKeyIsFree() {
        var other = aws.kms.createKey().keyMetadata().keyId();
        aws.kms.createAlias(create -> create.aliasName("alias/taken").targetKeyId(other));
        assertEquals("ALIAS_IN_USE", failed(createKey("alias/taken")).reason());
        keyId = key(createKey(ALIAS));
    }

    @Test
    @Order(5)
    void aDisabledKeyIsTakenOnceItIsEnabledAndNoOtherAliasLeadsPastIt() {
        aws.kms.disableKey(disable -> disable.keyId(keyId));
        var disabled = failed(createKey(ALIAS));
        assertEquals("KEY_DISABLED", disabled.reason());
        assertFalse(disabled.message().contains("another alias"), disabled::message);
        assertEquals("KEY_DISABLED", failed(createKey("alias/another")).reason(), "it is the deployment's key");
        aws.kms.enableKey(enable -> enable.keyId(keyId));
        assertEquals(keyId, key(createKey(ALIAS)));
    }

    @Test
    @Order(6)
    void aKeyWhoseStoreIsConnectedAgainIsTaken() {
        disconnect();
        assertEquals("KEY_UNAVAILABLE", failed(createKey(ALIAS)).reason());
        done(connect(), ConnectKeyStore.Output.class);
        assertEquals(keyId, key(createKey(ALIAS)));
    }

    @Test
    @Order(7)
    void aKeyWhoseDeletionIsCancelledMustBeEnabledAsWellOrAnotherAliasMakesAnother() {
        aws.kms.scheduleKeyDeletion(request -> request.keyId(keyId).pendingWindowInDays(7));
        assertEquals("KEY_PENDING_DELETION", failed(createKey(ALIAS)).reason());
        aws.kms.cancelKeyDeletion(cancel -> cancel.keyId(keyId));
        assertEquals("KEY_DISABLED", failed(createKey(ALIAS)).reason(), "KMS leaves it disabled");
        aws.kms.enableKey(enable -> enable.keyId(keyId));
        assertEquals(keyId, key(createKey(ALIAS)));

        aws.kms.scheduleKeyDeletion(request -> request.keyId(keyId).pendingWindowInDays(7));
        assertNotEquals(keyId, key(createKey("alias/another")));
    }
}
