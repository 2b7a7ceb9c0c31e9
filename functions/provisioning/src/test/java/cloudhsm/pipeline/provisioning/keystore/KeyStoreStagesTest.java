package cloudhsm.pipeline.provisioning.keystore;

import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static cloudhsm.pipeline.provisioning.TestAccount.waiting;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.TestAccount.InitializedCluster;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.pki.MalformedPemException;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.pki.TestChain;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.NullNode;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERIA5String;
import org.bouncycastle.asn1.x509.Extension;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.Tag;

class KeyStoreStagesTest {
    private static final String PASSWORD = "kmsuserPassword1";
    private static final String REENCRYPTOR = "arn:aws:iam::111122223333:role/reencryptor";

    private final TestAccount aws = new TestAccount();
    private final CreateKeyStore createKeyStore =
            new CreateKeyStore(aws.kms, aws.secretsManager, aws.deployments(), aws.runtime);
    private final ConnectKeyStore connectKeyStore = new ConnectKeyStore(aws.kms, aws.runtime);
    private final DisconnectKeyStore disconnectKeyStore = new DisconnectKeyStore(aws.kms, aws.runtime);
    private final CreateKey createKey =
            new CreateKey(aws.kms, aws.deployments(), "eu-central-1", REENCRYPTOR, aws.runtime);
    private InitializedCluster cluster;
    private CreateKeyStore.Input input;

    @BeforeEach
    void kmsCanUseTheCluster() {
        aws.cloud.iam().createRole("reencryptor", aws.trusting("lambda.amazonaws.com"));
        cluster = aws.clusterForKms(PASSWORD);
        var secret = aws.secretsManager
                .createSecret(request ->
                        request.name("cloudhsm-pipeline/demo/kmsuser-password").secretString(PASSWORD))
                .arn();
        input = new CreateKeyStore.Input(
                TestAccount.DEPLOYMENT, "cloudhsm-demo", cluster.id(), cluster.trustAnchor(), secret);
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private String keyStore() {
        return done(createKeyStore.run(input, Optional.empty()), CreateKeyStore.Output.class)
                .keyStoreId();
    }

    private String connectedKeyStore() {
        var keyStoreId = keyStore();
        connectKeyStore.run(new ConnectKeyStore.Input(keyStoreId), Optional.empty());
        aws.waitUntil(() -> state(keyStoreId) == ConnectionStateType.CONNECTED);
        return keyStoreId;
    }

    private ConnectionStateType state(String keyStoreId) {
        return aws.kms
                .describeCustomKeyStores(request -> request.customKeyStoreId(keyStoreId))
                .customKeyStores()
                .getFirst()
                .connectionState();
    }

    private CreateKey.Input keyIn(String keyStoreId) {
        return new CreateKey.Input(
                TestAccount.DEPLOYMENT,
                keyStoreId,
                "alias/cloudhsm-demo",
                "S3 data",
                List.of(),
                List.of(),
                true,
                NullNode.getInstance());
    }

    @Test
    void runningCreateKeyStoreAgainTakesTheStoreOfTheRecord() {
        assertEquals(keyStore(), keyStore());
        assertEquals(1, aws.cloud.calls("CreateCustomKeyStore"), "a cluster can have one key store");
        assertEquals(1, aws.cloud.calls("GetSecretValue"), "a password that is not needed is not read");
    }

    @Test
    void storeOfTheRecordIsTakenWhateverItsName() {
        var keyStoreId = keyStore();
        var other = new CreateKeyStore.Input(
                TestAccount.DEPLOYMENT, "another", cluster.id(), cluster.trustAnchor(), input.kmsUserSecretArn());

        assertEquals(
                keyStoreId,
                done(createKeyStore.run(other, Optional.empty()), CreateKeyStore.Output.class)
                        .keyStoreId());
    }

    @Test
    void foreignStoreOfTheRightNameOnTheClusterIsNotAdopted() {
        var foreign = aws.kms
                .createCustomKeyStore(create -> create.customKeyStoreName("cloudhsm-demo")
                        .cloudHsmClusterId(cluster.id())
                        .trustAnchorCertificate(cluster.trustAnchor())
                        .keyStorePassword(PASSWORD))
                .customKeyStoreId();

        var failure = failed(createKeyStore.run(input, Optional.empty()));

        assertEquals("CLUSTER_HAS_KEY_STORE", failure.reason(), "a name says nothing of whose it is");
        assertTrue(failure.message().contains(foreign), failure.message());
        assertEquals(List.of(), made(Made.KEY_STORE));
    }

    @Test
    void nameOfAStoreOnAnotherClusterIsNotAdopted() {
        aws.kms.createCustomKeyStore(create -> create.customKeyStoreName("cloudhsm-demo")
                .cloudHsmClusterId(cluster.id())
                .trustAnchorCertificate(cluster.trustAnchor())
                .keyStorePassword(PASSWORD));
        var other = new CreateKeyStore.Input(
                TestAccount.DEPLOYMENT,
                "cloudhsm-demo",
                "cluster-abcdefghijk",
                cluster.trustAnchor(),
                input.kmsUserSecretArn());

        assertEquals(
                "KEY_STORE_NAME_IN_USE",
                failed(createKeyStore.run(other, Optional.empty())).reason(),
                "its keys live in other HSMs");
    }

    private CreateKeyStore.Input withTrustAnchor(String trustAnchor) {
        return new CreateKeyStore.Input(
                TestAccount.DEPLOYMENT, "cloudhsm-demo", cluster.id(), trustAnchor, input.kmsUserSecretArn());
    }

    @Test
    void trustAnchorLongerThanKmsAcceptsIsRefusedBeforeThePasswordIsRead() throws IOException {
        var comment = Extension.create(
                new ASN1ObjectIdentifier("2.16.840.1.113730.1.13"), false, new DERIA5String("x".repeat(4_000)));
        var long4096 = Pem.of(TestChain.root("CN=long", TestChain.rsa(4096), "SHA256withRSA", comment));

        assertEquals(
                "TRUST_ANCHOR_TOO_LONG",
                failed(createKeyStore.run(withTrustAnchor(long4096), Optional.empty()))
                        .reason(),
                "CloudHSM accepts a root of this length, KMS does not");
        assertEquals(0, aws.cloud.calls("GetSecretValue"), "a password that is not needed is not read");
    }

    @Test
    void trustAnchorThatOnlyItsTextMakesLongIsAccepted() {
        var asPrinted = "\uFEFFCertificate:\n" + "    Data\n".repeat(600) + cluster.trustAnchor();
        assertInstanceOf(
                Outcome.Done.class,
                createKeyStore.run(withTrustAnchor(asPrinted), Optional.empty()),
                "what OpenSSL prints around a block is not part of it");
    }

    @Test
    void textWithoutACertificateIsRefused() {
        var refused = assertThrows(MalformedPemException.class, () -> withTrustAnchor("none"));
        assertEquals("there is no \"BEGIN CERTIFICATE\" block", refused.getMessage());
    }

    @Test
    void ofAChainThatKmsRefusesItGetsTheRoot() {
        var twice = cluster.trustAnchor() + cluster.trustAnchor();
        assertInstanceOf(Outcome.Done.class, createKeyStore.run(withTrustAnchor(twice), Optional.empty()));
        assertEquals(2, aws.cloud.calls("CreateCustomKeyStore"), "the chain, then its root");
    }

    @Test
    void lostAnswerToCreateKeyStoreIsAdoptedByTheNextRun() {
        aws.cloud.faults().add("kms", "CreateCustomKeyStore", 1, Faults.Kind.ANSWER_LOST);

        var lost = assertThrows(SdkException.class, () -> createKeyStore.run(input, Optional.empty()));
        assertTrue(Aws.mayPass(lost), "the state machine repeats what may pass");
        keyStore();
        assertEquals(1, aws.cloud.calls("CreateCustomKeyStore"), "the first call had taken effect");
        assertEquals(List.of(keyStore()), made(Made.KEY_STORE));
    }

    @Test
    void connectedStoreEndsTheStageAndIsNotConnectedAgain() {
        var keyStoreId = keyStore();
        var connect = new ConnectKeyStore.Input(keyStoreId);

        var first = waiting(connectKeyStore.run(connect, Optional.empty()));
        assertEquals(Resource.keyStore(keyStoreId), first.resource());
        aws.waitUntil(() -> state(keyStoreId) == ConnectionStateType.CONNECTED);

        assertEquals(
                new ConnectKeyStore.Output("CONNECTED", true),
                done(connectKeyStore.run(connect, Optional.of(first.resource())), ConnectKeyStore.Output.class));
        assertEquals(
                new ConnectKeyStore.Output("CONNECTED", false),
                done(connectKeyStore.run(connect, Optional.empty()), ConnectKeyStore.Output.class),
                "the next execution finds it connected");
        assertEquals(1, aws.cloud.calls("ConnectCustomKeyStore"), "KMS is connected already");
    }

    @Test
    void connectingStoreIsWaitedForByAnyExecution() {
        var connect = new ConnectKeyStore.Input(keyStore());
        connectKeyStore.run(connect, Optional.empty());

        assertTrue(
                waiting(connectKeyStore.run(connect, Optional.empty()))
                        .whileIn()
                        .contains("CONNECTING"),
                "an earlier execution's connection is as good");
    }

    @Test
    void disconnectingStoreIsConnectedOnceItIsDisconnected() {
        var keyStoreId = connectedKeyStore();
        var connect = new ConnectKeyStore.Input(keyStoreId);
        aws.kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));

        var waiting = waiting(connectKeyStore.run(connect, Optional.empty()));
        assertEquals(Set.of("DISCONNECTING"), waiting.whileIn(), "KMS refuses Connect until then");
        aws.waitUntil(() -> state(keyStoreId) == ConnectionStateType.DISCONNECTED);
        waiting(connectKeyStore.run(connect, Optional.of(waiting.resource())));

        assertEquals(2, aws.cloud.calls("ConnectCustomKeyStore"));
        aws.waitUntil(() -> state(keyStoreId) == ConnectionStateType.CONNECTED);
    }

    @Test
    void failedStoreEndsUnderTheCodeOfKms() {
        var keyStoreId = keyStore();
        var connect = new ConnectKeyStore.Input(keyStoreId);
        aws.cloud.kms().failNextConnection("USER_LOGGED_IN");
        var waiting = waiting(connectKeyStore.run(connect, Optional.empty()));
        aws.waitUntil(() -> state(keyStoreId) == ConnectionStateType.FAILED);

        var failure = failed(connectKeyStore.run(connect, Optional.of(waiting.resource())));

        assertEquals("USER_LOGGED_IN", failure.reason(), "the remedy depends on it");
        assertTrue(failure.message().contains("somebody is logged in"), failure.message());
    }

    @Test
    void failedStoreIsDisconnectedOnceAndCanBeConnectedThen() {
        var keyStoreId = keyStore();
        var disconnect = new DisconnectKeyStore.Input(keyStoreId);
        aws.cloud.kms().failNextConnection("NETWORK_ERRORS");
        connectKeyStore.run(new ConnectKeyStore.Input(keyStoreId), Optional.empty());
        aws.waitUntil(() -> state(keyStoreId) == ConnectionStateType.FAILED);

        var waiting = waiting(disconnectKeyStore.run(disconnect, Optional.empty()));
        assertTrue(waiting.whileIn().contains("FAILED"), "a stale read right after the call is no answer");
        assertEquals(waiting, waiting(disconnectKeyStore.run(disconnect, Optional.empty())));
        aws.waitUntil(() -> state(keyStoreId) == ConnectionStateType.DISCONNECTED);

        done(disconnectKeyStore.run(disconnect, Optional.of(waiting.resource())), DisconnectKeyStore.Output.class);
        assertEquals(1, aws.cloud.calls("DisconnectCustomKeyStore"), "KMS refuses a second one");
        waiting(connectKeyStore.run(new ConnectKeyStore.Input(keyStoreId), Optional.empty()));
    }

    @Test
    void storeDeletedBehindOurBackIsSaidToBeGone() {
        assertEquals(
                "KEY_STORE_GONE",
                failed(disconnectKeyStore.run(new DisconnectKeyStore.Input("cks-1234567890abcdef0"), Optional.empty()))
                        .reason());
        assertEquals(
                "KEY_STORE_GONE",
                failed(connectKeyStore.run(new ConnectKeyStore.Input("cks-1234567890abcdef0"), Optional.empty()))
                        .reason());
    }

    @Test
    void throttledDescriptionOfTheStoreMayPass() {
        var connect = new ConnectKeyStore.Input(keyStore());
        aws.cloud.faults().add("kms", "DescribeCustomKeyStores", 1, Faults.Kind.THROTTLED);

        var throttled = assertThrows(SdkException.class, () -> connectKeyStore.run(connect, Optional.empty()));
        assertTrue(Aws.mayPass(throttled), "KMS allows five of these calls a second for the whole account");
    }

    @Test
    void keyIsMadeInTheStoreOnce() {
        var key = keyIn(connectedKeyStore());

        var first = done(createKey.run(key, Optional.empty()), CreateKey.Output.class);
        assertEquals(first, done(createKey.run(key, Optional.empty()), CreateKey.Output.class));
        assertEquals(1, aws.cloud.calls("CreateKey"), "a second key would be billed and never used");
        assertEquals(
                "AWS_CLOUDHSM",
                aws.kms
                        .describeKey(request -> request.keyId(first.keyId()))
                        .keyMetadata()
                        .originAsString());
    }

    @Test
    void keyWithoutItsAliasIsFoundByTheRecord() {
        var key = keyIn(connectedKeyStore());
        aws.cloud.faults().add("kms", "CreateAlias", 1, Faults.Kind.THROTTLED);

        assertThrows(SdkException.class, () -> createKey.run(key, Optional.empty()));
        done(createKey.run(key, Optional.empty()), CreateKey.Output.class);

        assertEquals(1, aws.cloud.calls("CreateKey"), "a second key would be billed and never used");
    }

    @Test
    void lostAnswerToCreateKeyMakesNoSecondKey() {
        var key = keyIn(connectedKeyStore());
        aws.cloud.faults().add("kms", "CreateKey", 1, Faults.Kind.ANSWER_LOST);

        assertThrows(SdkException.class, () -> createKey.run(key, Optional.empty()));
        var made = done(createKey.run(key, Optional.empty()), CreateKey.Output.class);

        assertEquals(1, aws.cloud.calls("CreateKey"), "CreateKey has no client token: the open intent has found it");
        assertEquals(List.of(made.keyId()), made(Made.KEY));
    }

    private List<String> made(Made kind) {
        return aws.deployments().find(TestAccount.DEPLOYMENT).orElseThrow().made(kind);
    }

    private String foreignKeyIn(String keyStoreId, String tag, String value) {
        return aws.kms
                .createKey(create -> create.origin("AWS_CLOUDHSM")
                        .customKeyStoreId(keyStoreId)
                        .tags(Tag.builder().tagKey(tag).tagValue(value).build()))
                .keyMetadata()
                .keyId();
    }

    @Test
    void foreignKeyWithTheForgedTagOfTheDeploymentIsNotAdopted() {
        var keyStoreId = connectedKeyStore();
        var foreign = foreignKeyIn(keyStoreId, Clusters.DEPLOYMENT_TAG, TestAccount.DEPLOYMENT);

        var made = done(createKey.run(keyIn(keyStoreId), Optional.empty()), CreateKey.Output.class);

        assertNotEquals(foreign, made.keyId(), "its policy is its owner's");
        assertEquals(List.of(made.keyId()), made(Made.KEY));
    }

    @Test
    void foreignKeyBehindTheAliasIsNotAdoptedThoughItIsInTheStoreAndCarriesTheTag() {
        var keyStoreId = connectedKeyStore();
        var foreign = foreignKeyIn(keyStoreId, Clusters.DEPLOYMENT_TAG, TestAccount.DEPLOYMENT);
        aws.kms.createAlias(request -> request.aliasName("alias/cloudhsm-demo").targetKeyId(foreign));

        assertEquals(
                "ALIAS_IN_USE",
                failed(createKey.run(keyIn(keyStoreId), Optional.empty())).reason());
        assertEquals(List.of(), made(Made.KEY));
    }

    @Test
    void foreignKeyThatCopiesTheValueOfAnOpenIntentIsNotAdopted() {
        var keyStoreId = connectedKeyStore();
        var foreign = foreignKeyIn(keyStoreId, "owner", "finance");
        aws.cloud.advance(Duration.ofMinutes(1));
        aws.cloud.faults().add("kms", "CreateKey", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, () -> createKey.run(keyIn(keyStoreId), Optional.empty()));
        var value = aws.deployments()
                .find(TestAccount.DEPLOYMENT)
                .flatMap(demo -> demo.intent(Made.KEY))
                .orElseThrow();
        aws.kms.tagResource(request -> request.keyId(foreign)
                .tags(Tag.builder()
                        .tagKey(Deployments.INTENT_TAG)
                        .tagValue(value)
                        .build()));

        assertNotEquals(
                foreign,
                done(createKey.run(keyIn(keyStoreId), Optional.empty()), CreateKey.Output.class)
                        .keyId());
    }

    @Test
    void keyThatWillBeDeletedIsNotAdopted() {
        var key = keyIn(connectedKeyStore());
        var made = done(createKey.run(key, Optional.empty()), CreateKey.Output.class);
        aws.kms.scheduleKeyDeletion(request -> request.keyId(made.keyId()).pendingWindowInDays(7));

        assertEquals(
                "KEY_PENDING_DELETION",
                failed(createKey.run(key, Optional.empty())).reason(),
                "what is encrypted under it becomes unreadable for ever");
    }

    @Test
    void disabledKeyIsNotEnabledBehindItsOwnersBack() {
        var key = keyIn(connectedKeyStore());
        var made = done(createKey.run(key, Optional.empty()), CreateKey.Output.class);
        aws.kms.disableKey(request -> request.keyId(made.keyId()));

        assertEquals(
                "KEY_DISABLED", failed(createKey.run(key, Optional.empty())).reason());
    }

    @Test
    void aliasOfAKeyOutsideTheStoreIsLeftAlone() {
        var other = aws.kms.createKey().keyMetadata().keyId();
        aws.kms.createAlias(request -> request.aliasName("alias/cloudhsm-demo").targetKeyId(other));

        assertEquals(
                "ALIAS_IN_USE",
                failed(createKey.run(keyIn(connectedKeyStore()), Optional.empty()))
                        .reason(),
                "its material is not in the HSMs");
    }

    @Test
    void keyOfADisconnectedStoreIsUnavailable() {
        var keyStoreId = connectedKeyStore();
        done(createKey.run(keyIn(keyStoreId), Optional.empty()), CreateKey.Output.class);
        aws.kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        aws.waitUntil(() -> state(keyStoreId) == ConnectionStateType.DISCONNECTED);

        assertEquals(
                "KEY_UNAVAILABLE",
                failed(createKey.run(keyIn(keyStoreId), Optional.empty())).reason());
    }

    @Test
    void policyThatNamesAnUnknownPrincipalMayPassAsTheRoleMayBeNew() {
        var keyStoreId = connectedKeyStore();
        var key = new CreateKey.Input(
                TestAccount.DEPLOYMENT,
                keyStoreId,
                "alias/cloudhsm-demo",
                "S3 data",
                List.of("arn:aws:iam::111122223333:role/made-a-moment-ago"),
                List.of(),
                true,
                null);

        var failure = failed(createKey.run(key, Optional.empty()));
        assertEquals("TransientAwsFailure", failure.reason(), failure.message());

        aws.cloud.iam().createRole("made-a-moment-ago", aws.trusting("ec2.amazonaws.com"));
        done(createKey.run(key, Optional.empty()), CreateKey.Output.class);
    }

    @Test
    void policyOfTheUserIsUsedAsItIs() throws JsonProcessingException {
        var policy = Json.MAPPER.readTree("""
            {"Version": "2012-10-17", "Statement": [{"Sid": "Mine", "Effect": "Allow", "Action": "kms:*",
             "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Resource": "*"}]}
            """);
        var key = new CreateKey.Input(
                TestAccount.DEPLOYMENT,
                connectedKeyStore(),
                "alias/cloudhsm-demo",
                "S3 data",
                List.of("arn:aws:iam::111122223333:role/ignored"),
                List.of(),
                true,
                policy);

        var made = done(createKey.run(key, Optional.empty()), CreateKey.Output.class);

        assertEquals(
                policy,
                Json.MAPPER.readTree(aws.kms
                        .getKeyPolicy(request -> request.keyId(made.keyId()).policyName("default"))
                        .policy()));
    }
}
