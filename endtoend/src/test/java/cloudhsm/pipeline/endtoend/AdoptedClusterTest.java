package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterMode;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sfn.model.DescribeExecutionResponse;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/**
 * A person has made a cluster with one HSM and initialized it under a CA of their own, root and issuing CA; a deployment
 * takes it over, and gives it back. In this order: each goes on with what the one before has left.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class AdoptedClusterTest {
    private static final String PASSWORD_OF_ADMIN = "ChosenByHand1";

    private static Pipeline pipeline;
    private static final CustomerRoot ROOT = new CustomerRoot("Root of the owner");
    private static final CustomerRoot ISSUING = new CustomerRoot("Issuing CA of the owner");
    private static String clusterId;
    private static String ownersHsm;
    private static String adminSecret;

    @BeforeAll
    static void initializeByHand() {
        pipeline = Pipeline.deploy(1, Map.of("HealthCheckSchedule", "rate(1 hour)", "SelfHealing", "disabled"));
        var cloudHsm = pipeline.cloudHsm();
        clusterId = cloudHsm.createCluster(request -> request.hsmType("hsm2m.medium")
                        .mode(ClusterMode.FIPS)
                        .subnetIds(pipeline.subnet("eu-central-1a"), pipeline.subnet("eu-central-1b")))
                .cluster()
                .clusterId();
        until(() -> cluster().state() == ClusterState.UNINITIALIZED);
        ownersHsm = cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone("eu-central-1b"))
                .hsm()
                .hsmId();
        until(() -> cluster().certificates().clusterCsr() != null);
        cloudHsm.initializeCluster(request -> request.clusterId(clusterId)
                .signedCert(ISSUING.sign(cluster().certificates().clusterCsr()))
                .trustAnchor(chain()));
        until(() -> cluster().state() == ClusterState.INITIALIZED);
        adminSecret = pipeline.secretsManager()
                .createSecret(request -> request.name("cloudhsm-pipeline/default/adopted/admin-password")
                        .secretString(PASSWORD_OF_ADMIN))
                .arn();
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    private static String chain() {
        return ROOT.certify(ISSUING) + ROOT.certificate();
    }

    private static void until(BooleanSupplier condition) {
        pipeline.cloud().time().runUntil(condition, Duration.ofHours(1));
    }

    private static Cluster cluster() {
        return pipeline.cloudHsm()
                .describeClusters(request -> request.filters(Map.of("clusterIds", List.of(clusterId))))
                .clusters()
                .getFirst();
    }

    private static List<String> hsms() {
        return cluster().hsms().stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .map(Hsm::hsmId)
                .toList();
    }

    private static String input(String deployment, String trustAnchor, boolean adopt, String policy) {
        var input = Json.object().put("deployment", deployment);
        input.putObject("cluster")
                .put("id", clusterId)
                .put("adopt", adopt)
                .put("trustAnchor", trustAnchor)
                .put("adminPasswordSecretArn", adminSecret);
        input.putObject("hsmIdentity").put("policy", policy);
        return input.toString();
    }

    private static JsonNode succeeded(DescribeExecutionResponse ended) {
        assertEquals(ExecutionStatus.SUCCEEDED, ended.status(), () -> ended.error() + ": " + ended.cause());
        return Json.parse(ended.output());
    }

    private static void refused(DescribeExecutionResponse ended, String... why) {
        assertEquals("INVALID_INPUT", ended.error(), ended::cause);
        for (var problem : why) assertTrue(ended.cause().contains(problem), () -> problem + " in " + ended.cause());
        assertEquals(1, cluster().hsms().size(), "nothing was made");
    }

    private static String settled(DescribeExecutionResponse ended) {
        return pipeline.evidence(ended).path("observations").toString();
    }

    private static void uploadIsUnderTheKey(String key, JsonNode output) {
        var bucket = output.at("/buckets/0").asText();
        pipeline.s3().putObject(put -> put.bucket(bucket).key(key), RequestBody.fromString("uploaded"));
        var head = pipeline.s3().headObject(request -> request.bucket(bucket).key(key));
        assertEquals(ServerSideEncryption.AWS_KMS, head.serverSideEncryption());
        assertEquals(output.path("keyArn").asText(), head.ssekmsKeyId());
    }

    private static String read(String key) {
        return pipeline.s3()
                .getObjectAsBytes(get ->
                        get.bucket("cloudhsm-default-111122223333-eu-central-1").key(key))
                .asUtf8String();
    }

    @Test
    @Order(1)
    void whatDoesNotFitIsToldWholeAndNothingIsMade() {
        refused(
                pipeline.provision("wrong", input("default", ROOT.certificate(), true, "REQUIRE_AWS")),
                "cluster.id: " + clusterId + " lacks the tag cloudhsm-pipeline:deployment = default",
                "--resource-id " + clusterId + " --tag-list Key=cloudhsm-pipeline:deployment,Value=default",
                "cluster.trustAnchor: does not lead from the certificate of " + clusterId
                        + ", whose issuer is \"CN=Issuing CA of the owner\"",
                "hsmIdentity.policy: must be SKIP for a cluster that is adopted");
        refused(
                pipeline.provision("not-asked", input("default", chain(), false, "SKIP")),
                "cluster.adopt: must be true");
        refused(
                pipeline.provision("another", input("another", chain(), true, "SKIP")),
                "is not the ARN of a secret \"cloudhsm-pipeline/another/adopted/admin-password\"");
        refused(
                pipeline.provision("incomplete", "{\"cluster\": {\"id\": \"cluster-1\", \"adopt\": true, \"a\": 1}}"),
                "\"cluster-1\" is not the id of a cluster",
                "cluster.trustAnchor: is needed",
                "cluster.adminPasswordSecretArn: is needed",
                "cluster.a: ");
    }

    @Test
    @Order(2)
    void theClusterIsTakenIntoUseAsItIs() {
        pipeline.cloudHsm()
                .tagResource(request -> request.resourceId(clusterId)
                        .tagList(tag -> tag.key("cloudhsm-pipeline:deployment").value("default")));
        var clusters = pipeline.cloud().calls("CreateCluster");
        var adopting = pipeline.provision("adopt", input("default", chain(), true, "SKIP"));
        var output = succeeded(adopting);
        assertEquals(clusterId, output.path("clusterId").asText());
        assertEquals(clusters, pipeline.cloud().calls("CreateCluster"));
        assertEquals(ClusterState.ACTIVE, cluster().state());
        assertEquals(2, hsms().size());
        assertTrue(hsms().contains(ownersHsm));
        assertEquals(
                PASSWORD_OF_ADMIN,
                pipeline.secretsManager()
                        .getSecretValue(request -> request.secretId(adminSecret))
                        .secretString());
        uploadIsUnderTheKey("first", output);
        assertTrue(settled(adopting).contains("\"trust-anchor-of-a-key-store\",\"answer\":\"the chain\""));
    }

    @Test
    @Order(3)
    void whatIsAdoptedNeedNotBeSaidAgain() {
        var hsms = pipeline.cloud().calls("CreateHsm");
        var clients = pipeline.cloud().calls("RunInstances");
        succeeded(pipeline.provision("again", "{}"));
        assertEquals(hsms, pipeline.cloud().calls("CreateHsm"));
        assertEquals(clients, pipeline.cloud().calls("RunInstances"));
    }

    @Test
    @Order(3)
    void anotherDeploymentsClusterIsRefusedWithNothingToDoAboutIt() {
        var secret = pipeline.secretsManager()
                .createSecret(request -> request.name("cloudhsm-pipeline/another/adopted/admin-password")
                        .secretString(PASSWORD_OF_ADMIN))
                .arn();
        var refused = pipeline.provision(
                "others", input("another", chain(), true, "SKIP").replace(adminSecret, secret));
        assertEquals("INVALID_INPUT", refused.error());
        assertTrue(refused.cause().contains("1 problem."), refused::cause);
        assertTrue(
                refused.cause().contains(clusterId + " is the cluster of the deployment \"default\""), refused::cause);
        pipeline.secretsManager()
                .deleteSecret(request -> request.secretId(secret).forceDeleteWithoutRecovery(true));
    }

    @Test
    @Order(4)
    void aPauseLeavesTheOwnersHsm() {
        var output = succeeded(pipeline.run("Pause", "pause", "{}"));
        assertTrue(output.path("message").asText().contains("as many are left: 1. They bill on"), output::toString);
        assertEquals(List.of(ownersHsm), hsms());
        assertEquals("uploaded", read("first"), "KMS reaches the owner's HSM");
        uploadIsUnderTheKey("second", succeeded(pipeline.provision("back", "{}")));
        assertEquals(2, hsms().size());
    }

    @Test
    @Order(5)
    void aTeardownGivesTheClusterBack() {
        var torn = succeeded(pipeline.tearDown(
                "teardown", "{\"deployment\": \"default\", \"confirm\": \"default\", \"data\": \"DELETE\"}"));
        assertTrue(torn.at("/report/complete").asBoolean(), torn::toString);
        assertTrue(torn.at("/report/keptByChoice").toString().contains("cluster " + clusterId + " was there before"));
        assertEquals(ClusterState.ACTIVE, cluster().state());
        assertEquals(List.of(ownersHsm), hsms());
        assertTrue(pipeline.kms().describeCustomKeyStores().customKeyStores().isEmpty());
        assertFalse(pipeline.cloudHsm().describeBackups().backups().isEmpty(), "they are the owner's");
        assertEquals(
                List.of(adminSecret),
                pipeline.secretsManager().listSecrets().secretList().stream()
                        .map(secret -> secret.arn())
                        .toList());
    }

    @Test
    @Order(6)
    void aClusterWithUsersOfItsOwnIsAdoptedToo() {
        pipeline.cloud().kms().wantTheRootAlone(true);
        var anew = pipeline.provision("anew", input("default", chain(), true, "SKIP"));
        uploadIsUnderTheKey("third", succeeded(anew));
        assertTrue(settled(anew).contains("the root alone; the chain was refused with IncorrectTrustAnchorException"));
        assertEquals(2, hsms().size());
    }

    @Test
    @Order(7)
    void oneThatIsGoneIsReplacedByWhatItsOwnerMadeFromItsBackup() {
        var cloudHsm = pipeline.cloudHsm();
        hsms().forEach(hsm ->
                cloudHsm.deleteHsm(request -> request.clusterId(clusterId).hsmId(hsm)));
        until(() -> cluster().hsms().stream().allMatch(hsm -> hsm.state() == HsmState.DELETED));
        cloudHsm.deleteCluster(request -> request.clusterId(clusterId));
        until(() -> cloudHsm.describeClusters().clusters().stream()
                .allMatch(cluster -> cluster.state() == ClusterState.DELETED));
        var gone = pipeline.provision("gone", "{}");
        assertEquals("INVALID_INPUT", gone.error());
        assertTrue(
                gone.cause().contains("the cluster " + clusterId + ", which this deployment has adopted, is gone"),
                gone::cause);
        assertTrue(
                pipeline.cloud().cloudHsm().everCreated().stream()
                        .allMatch(hsm -> hsm.deletedAt().isPresent()),
                "nothing was made");

        var backup = cloudHsm
                .describeBackups(request -> request.filters(Map.of("clusterIds", List.of(clusterId))))
                .backups()
                .stream()
                .filter(made -> made.backupState() == BackupState.READY)
                .max(Comparator.comparing(Backup::createTimestamp))
                .orElseThrow();
        clusterId = cloudHsm.createCluster(request -> request.hsmType("hsm2m.medium")
                        .mode(ClusterMode.FIPS)
                        .sourceBackupId(backup.backupId())
                        .subnetIds(pipeline.subnet("eu-central-1a"), pipeline.subnet("eu-central-1b"))
                        .tagList(tag -> tag.key("cloudhsm-pipeline:deployment").value("default")))
                .cluster()
                .clusterId();
        until(() -> cluster().state() == ClusterState.ACTIVE);
        var output = succeeded(pipeline.provision("named", input("default", chain(), true, "SKIP")));
        assertEquals(clusterId, output.path("clusterId").asText());
        assertEquals("uploaded", read("third"));
    }
}
