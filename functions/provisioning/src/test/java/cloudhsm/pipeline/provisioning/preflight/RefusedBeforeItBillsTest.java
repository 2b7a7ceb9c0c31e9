package cloudhsm.pipeline.provisioning.preflight;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.TestAccount.InitializedCluster;
import cloudhsm.pipeline.provisioning.cluster.VerifyHsmIdentity;
import cloudhsm.pipeline.provisioning.cluster.VerifyHsmIdentity.Verdict;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.pki.Encoded;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.OriginType;

/** What cannot go well, or cannot be changed any more, is refused by Preflight, and its advice gets past it. */
class RefusedBeforeItBillsTest {
    private static final String PASSWORD = "kmsuserPassword1";
    private static final String REMEMBERED = " (as remembered from an earlier execution)";

    private final TestAccount aws = new TestAccount();
    private final Deployments deployments = aws.deployments();

    @AfterEach
    void close() {
        aws.close();
    }

    /** @param members of the input, which is for the deployment "demo" where they name none */
    private Outcome run(String members) {
        try {
            var request = (ObjectNode) Json.MAPPER.readTree(("{" + members + "}").replace('\'', '"'));
            if (!request.has("deployment")) request.put("deployment", "demo");
            return PreflightScenario.stage(aws, aws.s3)
                    .run(new Preflight.Input(PreflightScenario.EXECUTION, request), Optional.empty());
        } catch (JsonProcessingException malformed) {
            throw new AssertionError(malformed);
        }
    }

    private Plan plan(String members) {
        return PreflightScenario.plan(run(members));
    }

    /** Of a refusal that leaves the record as it is. */
    private String problems(String members) {
        var before = demo();
        var failed = assertInstanceOf(Outcome.Failed.class, run(members));
        assertEquals("INVALID_INPUT", failed.reason());
        assertEquals(before, demo());
        return failed.message().substring(failed.message().indexOf('\n') + 1);
    }

    private Deployment demo() {
        return deployments.find("demo").orElseThrow();
    }

    /** What VerifyHsmIdentity stores. */
    private void verified(String clusterId, Verdict verdict) {
        var certificate = Pem.certificate(aws.cluster(clusterId).certificates().clusterCertificate());
        var chain = new VerifyHsmIdentity.Chain(verdict != Verdict.SKIPPED, "");
        deployments.verified(
                "demo",
                new VerifyHsmIdentity.Output(
                        verdict, Encoded.keySha256(certificate.getPublicKey()), chain, chain, List.of()));
    }

    private String keyStoreOn(InitializedCluster cluster) {
        var keyStoreId = aws.kms
                .createCustomKeyStore(request -> request.customKeyStoreName("cloudhsm-demo")
                        .cloudHsmClusterId(cluster.id())
                        .trustAnchorCertificate(cluster.trustAnchor())
                        .keyStorePassword(PASSWORD))
                .customKeyStoreId();
        deployments.made("demo", Made.KEY_STORE, keyStoreId);
        return keyStoreId;
    }

    private InitializedCluster ownClusterForKms() {
        var cluster = aws.clusterForKms(PASSWORD);
        deployments.made("demo", Made.CLUSTER, cluster.id());
        verified(cluster.id(), Verdict.VERIFIED_AWS);
        return cluster;
    }

    @Test
    void modeAndNetworkOfTheClusterCannotBeChangedByThisInputNorByARememberedOne() {
        var subnetC = aws.subnetIn("eu-central-1c");
        plan("'hsm': {'mode': 'NON_FIPS'}, 'network': {'vpcId': '" + aws.vpcId() + "'}");
        var cluster = aws.initializedCluster();
        deployments.made("demo", Made.CLUSTER, cluster.id());
        verified(cluster.id(), Verdict.VERIFIED_AWS);
        var mode = "hsm.mode: the deployment's cluster " + cluster.id()
                + " is in mode FIPS, which cannot be changed; ask" + " for that, or choose another deployment name";
        assertEquals("1. " + mode + REMEMBERED, problems(""));
        assertEquals("1. " + mode, problems("'hsm': {'mode': 'NON_FIPS'}"));
        var subnets = aws.cluster(cluster.id()).subnetMapping().values().stream()
                .sorted()
                .toList();
        assertEquals(
                "1. network.subnetIds: the deployment's cluster " + cluster.id() + " has the subnets " + subnets
                        + ", which cannot be changed; ask for these, or choose another deployment name\n"
                        + "2. network.vpcId: the deployment's cluster " + cluster.id() + " is in " + aws.vpcId()
                        + ", which cannot be changed; ask for that one, or choose another deployment name\n"
                        + "3. " + mode + REMEMBERED,
                problems("'network': {'vpcId': 'vpc-0a1b2c3d', 'subnetIds': ['" + subnetC + "', '"
                        + aws.subnetIn("eu-central-1a") + "']}"));
        plan("'hsm': {'mode': 'FIPS'}, 'network': {'vpcId': '" + aws.vpcId() + "', 'subnetIds': ['"
                + String.join("', '", subnets) + "']}");
        plan("");
    }

    @Test
    void rememberedSubnetsThatTheClusterDoesNotHaveAreRefused() {
        plan("'network': {'subnetIds': ['" + aws.subnetIn("eu-central-1a") + "', '" + aws.subnetIn("eu-central-1b")
                + "']}");
        var cluster = aws.initializedCluster("eu-central-1a", "eu-central-1c");
        deployments.made("demo", Made.CLUSTER, cluster.id());
        verified(cluster.id(), Verdict.VERIFIED_AWS);
        var refused = problems("");
        assertEquals(
                "1. network.subnetIds: the deployment's cluster " + cluster.id() + " has the subnets "
                        + aws.cluster(cluster.id()).subnetMapping().values().stream()
                                .sorted()
                                .toList()
                        + ", which cannot be changed; ask for these, or choose another deployment name" + REMEMBERED,
                refused);
    }

    @Test
    void nameOfTheKeyStoreAndAliasOfTheKeyCannotBeChanged() {
        var cluster = ownClusterForKms();
        var keyStoreId = keyStoreOn(cluster);
        aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        aws.waitUntil(() -> aws.kms
                        .describeCustomKeyStores(request -> request.customKeyStoreId(keyStoreId))
                        .customKeyStores()
                        .getFirst()
                        .connectionState()
                == ConnectionStateType.CONNECTED);
        plan("'key': {'alias': 'alias/reports'}");
        var keyId = aws.kms
                .createKey(request -> request.origin(OriginType.AWS_CLOUDHSM).customKeyStoreId(keyStoreId))
                .keyMetadata()
                .keyId();
        deployments.made("demo", Made.KEY, keyId);
        aws.kms.createAlias(alias -> alias.aliasName("alias/reports").targetKeyId(keyId));
        assertEquals("alias/reports", plan("").keyAlias());
        assertEquals(
                "1. keyStore.name: the deployment's cluster " + cluster.id()
                        + " belongs to key store \"cloudhsm-demo\" already; ask for that name\n"
                        + "2. key.alias: the deployment's key " + keyId + " was made under \"alias/reports\", which"
                        + " cannot be changed; ask for that, or choose another deployment name",
                problems("'keyStore': {'name': 'another'}, 'key': {'alias': 'alias/another'}"));
        aws.kms.scheduleKeyDeletion(request -> request.keyId(keyId).pendingWindowInDays(7));
        assertEquals(
                "alias/another",
                plan("'key': {'alias': 'alias/another'}").keyAlias(),
                "another key takes the place of one that is to be deleted");
    }

    private void deleteCluster(String clusterId) {
        aws.cluster(clusterId)
                .hsms()
                .forEach(hsm -> aws.cloudHsm.deleteHsm(
                        request -> request.clusterId(clusterId).hsmId(hsm.hsmId())));
        aws.waitUntil(() -> aws.cluster(clusterId).hsms().isEmpty());
        aws.cloudHsm.deleteCluster(request -> request.clusterId(clusterId));
        aws.waitUntil(() -> aws.cloudHsm.describeClusters(request -> {}).clusters().stream()
                .noneMatch(other -> other.clusterId().equals(clusterId) && other.state() != ClusterState.DELETED));
    }

    private List<Backup> backups() {
        aws.waitUntil(() -> aws.cloudHsm.describeBackups().backups().stream()
                .noneMatch(backup -> backup.backupState() == BackupState.CREATE_IN_PROGRESS));
        return aws.cloudHsm.describeBackups().backups();
    }

    @Test
    void aClusterThatIsGoneIsPlannedFromItsNewestBackupAndWhatThatCannotGiveIsRefused() {
        var cluster = ownClusterForKms();
        keyStoreOn(cluster);
        deleteCluster(cluster.id());
        var newest = backups().getFirst().backupId();
        var plan = plan("");
        assertEquals(newest, plan.sourceBackupId());
        assertEquals(
                "1. keyStore.name: the deployment's cluster " + cluster.id()
                        + " belongs to key store \"cloudhsm-demo\" already; ask for that name",
                problems("'keyStore': {'name': 'another'}"),
                "it goes on behind the same store");
        assertEquals(
                "1. hsm.mode: backup " + newest + ", from which the cluster is made anew, is in mode FIPS, which cannot"
                        + " be changed; ask for that",
                problems("'hsm': {'mode': 'NON_FIPS'}"));
        assertEquals(
                "1. recovery.backupId: \"backup-aaaaaaaaaaa\" is no READY backup of a cluster of this deployment; there"
                        + " are "
                        + String.join(
                                ", ",
                                backups().stream()
                                        .map(backup -> backup.backupId() + " of " + backup.createTimestamp())
                                        .toList()),
                problems("'recovery': {'backupId': 'backup-aaaaaaaaaaa'}"));
        var older = backups().getLast().backupId();
        assertEquals(older, plan("'recovery': {'backupId': '" + older + "'}").sourceBackupId());
        assertEquals(newest, plan("").sourceBackupId(), "that was said for one execution alone");
        plan("'deployment': 'another'");
    }

    @Test
    void aClusterFromABackupMeetsNoPolicyThatTheFormerDidNotMeet() {
        var cluster = ownClusterForKms();
        keyStoreOn(cluster);
        verified(cluster.id(), Verdict.SKIPPED);
        deleteCluster(cluster.id());
        assertEquals(
                "1. hsmIdentity.policy: The policy REQUIRE_AWS is not met by a cluster from "
                        + backups().getFirst().backupId()
                        + ": of its first HSM is on record SKIPPED, and AWS offers the hardware certificates only until"
                        + " initialization; tear the deployment down and provision it anew with this policy, or ask for"
                        + " one that what is on record satisfies, if that is enough for you",
                problems(""));
        plan("'hsmIdentity': {'policy': 'SKIP'}");
    }

    @Test
    void aSecondKeyStoreIsNotMadeBesideOneWhoseClusterIsGoneWithoutABackup() {
        var cluster = ownClusterForKms();
        var keyStoreId = keyStoreOn(cluster);
        deleteCluster(cluster.id());
        var newest = backups().getFirst();
        backups().forEach(backup -> aws.cloudHsm.deleteBackup(delete -> delete.backupId(backup.backupId())));
        var deleted = backups().stream()
                .filter(backup -> backup.backupId().equals(newest.backupId()))
                .findFirst()
                .orElseThrow();
        var gone = "1. backups: cluster " + cluster.id() + " of the deployment's key store " + keyStoreId
                + " is gone, and there is no READY backup of it; " + newest.backupId() + " of "
                + newest.createTimestamp() + " is to be deleted at " + deleted.deleteTimestamp()
                + ", and RestoreBackup (aws cloudhsmv2 restore-backup --backup-id " + newest.backupId()
                + ") brings it back until then. Without one nothing under the key can be read any more: tear this"
                + " deployment down, or begin anew under another deployment name";
        assertEquals(gone, problems(""));
        assertEquals(gone, problems("'keyStore': {'name': 'another'}, 'key': {'alias': 'alias/another'}"));
        plan("'deployment': 'another'");
        aws.cloudHsm.restoreBackup(restore -> restore.backupId(newest.backupId()));
        assertEquals(newest.backupId(), plan("").sourceBackupId());
    }

    @Test
    void secretsThatSomebodyElseStoredAreRefusedTogetherBeforeAnythingIsMade() {
        var planted = List.of("cluster-ca", "admin-password", "kmsuser-password").stream()
                .map(label -> aws.secretsManager
                        .createSecret(request ->
                                request.name("cloudhsm-pipeline/demo/" + label).secretString("plantedPassword1"))
                        .arn())
                .toList();
        var before = demo();
        var failed = assertInstanceOf(Outcome.Failed.class, run(""));
        assertEquals("SECRET_NOT_OURS", failed.reason());
        assertEquals(
                "The record of the deployment \"demo\" does not know what somebody else has stored under names that the"
                        + " pipeline uses: the secret cloudhsm-pipeline/demo/cluster-ca (" + planted.get(0)
                        + "), the secret cloudhsm-pipeline/demo/admin-password (" + planted.get(1)
                        + "), the secret cloudhsm-pipeline/demo/kmsuser-password (" + planted.get(2)
                        + "). No value was read, and nothing was changed; HSMs that exist bill on. Next: see in"
                        + " CloudTrail who called CreateSecret; if somebody needs a value, store it under another name;"
                        + " delete what is listed here; then start a new execution, which makes its own secrets and"
                        + " continues from here.",
                failed.message());
        assertEquals(before, demo());
        for (var operation : new String[] {"CreateCluster", "GetSecretValue", "PutSecretValue", "RestoreSecret"}) {
            assertEquals(0, aws.cloud.calls(operation), operation);
        }
        deployments.made("demo", Made.SECRET, planted.get(0)); // as the stage does that makes it
        planted.stream().skip(1).forEach(arn -> aws.secretsManager.deleteSecret(request -> request.secretId(arn)));
        plan("");
    }

    @Test
    void initializedClusterThatNobodyVerifiedAsThePolicyRequiresIsRefused() {
        var cluster = aws.initializedCluster();
        deployments.made("demo", Made.CLUSTER, cluster.id());
        var never = "hsmIdentity.policy: The policy %s is not met by cluster " + cluster.id()
                + ", which is INITIALIZED: %s, and AWS offers the hardware certificates only until initialization; tear"
                + " the deployment down and provision it anew with this policy, or ask for one that what is on record"
                + " satisfies, if that is enough for you";
        assertEquals("1. " + never.formatted("REQUIRE_AWS", "nothing is on record of its first HSM"), problems(""));
        assertEquals("SKIP", plan("'hsmIdentity': {'policy': 'SKIP'}").identityPolicy());
        plan("");
        verified(cluster.id(), Verdict.SKIPPED);
        assertEquals(
                "1. " + never.formatted("REQUIRE_AWS", "of its first HSM is on record SKIPPED"),
                problems("'hsmIdentity': {'policy': 'REQUIRE_AWS'}"));
        verified(cluster.id(), Verdict.VERIFIED_AWS);
        assertEquals(
                "REQUIRE_AWS", plan("'hsmIdentity': {'policy': 'REQUIRE_AWS'}").identityPolicy());
    }
}
