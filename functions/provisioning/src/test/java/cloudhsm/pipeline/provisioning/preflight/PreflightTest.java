package cloudhsm.pipeline.provisioning.preflight;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.cluster.EmbeddedAws;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3Client;

class PreflightTest {
    private final EmbeddedAws aws = new EmbeddedAws();

    @BeforeEach
    void createTable() {
        PreflightScenario.createTable(aws);
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private static PolicyDocument trustOfStates() throws JsonProcessingException {
        return PolicyDocument.parse(Json.MAPPER.readTree("""
            {"Statement": {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"},
             "Action": "sts:AssumeRole"}}\
            """));
    }

    private Outcome run(String execution, String request) {
        return run(Quotas.DEFAULT, execution, request);
    }

    private Outcome run(Quotas quotas, String execution, String request) {
        try {
            return PreflightScenario.stage(aws, quotas)
                    .run(new Preflight.Input(execution, Json.MAPPER.readTree(request)), Optional.empty());
        } catch (JsonProcessingException malformed) {
            throw new AssertionError(malformed);
        }
    }

    private Plan plan(String request) {
        return PreflightScenario.plan(run(PreflightScenario.EXECUTION, request));
    }

    private String problems(Quotas quotas, String request) {
        var failed = assertInstanceOf(Outcome.Failed.class, run(quotas, PreflightScenario.EXECUTION, request));
        assertEquals("INVALID_INPUT", failed.reason());
        return failed.message().substring(failed.message().indexOf('\n') + 1);
    }

    @Test
    void emptyRequestIsPlannedWithEveryDefault() {
        var plan = plan("{}");
        assertEquals("default", plan.deployment());
        assertEquals(EmbeddedAws.ZONES, plan.zones(), "zone c does not offer CloudHSM");
        assertEquals(aws.subnetIds(), plan.subnetIds());
        assertEquals(plan.subnetIds().getFirst(), plan.clientSubnetId());
        assertEquals("hsm2m.medium", plan.hsmType());
        assertEquals("FIPS", plan.mode());
        assertEquals("REQUIRE_AWS", plan.identityPolicy());
        assertEquals("alias/cloudhsm-default", plan.keyAlias());
        assertEquals(List.of(new Plan.Bucket("cloudhsm-default-111122223333-eu-central-1", false)), plan.buckets());
        assertTrue(plan.keyDeletable());
        assertTrue(plan.keyPolicy().isNull());
    }

    @Test
    void asManyHsmsAsAreAskedForArePlannedAndPriced() {
        assertEquals(2, plan("{}").hsmCount());
        var plan = plan("{\"deployment\": \"many\", \"hsm\": {\"count\": 6}}");
        assertEquals(6, plan.hsmCount());
        assertEquals(new BigDecimal("11.52"), plan.hourlyCostUsd());
        assertEquals(new BigDecimal("276.48"), plan.dailyCostUsd());
    }

    @Test
    void theQuotaCountsAsManyHsmsAsAreAskedFor() {
        assertEquals(
                "1. HSMs: other clusters in eu-central-1 have 0 HSMs already, 4 more are needed, and the quota is 3;"
                        + " delete some, or have Service Quotas raise it and deploy with the parameter HsmQuota",
                problems(new Quotas(4, 3, 10), "{\"hsm\": {\"count\": 4}}"));
        assertInstanceOf(
                Outcome.Done.class,
                run(new Quotas(4, 4, 10), PreflightScenario.EXECUTION, "{\"hsm\": {\"count\": 4}}"));
    }

    @Test
    void planSaysWhatTwoHsmsCost() {
        assertEquals(new BigDecimal("3.84"), plan("{}").hourlyCostUsd());
        assertEquals(new BigDecimal("92.16"), plan("{}").dailyCostUsd());
        assertEquals(
                HsmPrice.of("eu-central-1", "", Optional::empty).basis(),
                plan("{}").priceBasis());
    }

    @Test
    void subnetsAreTakenInTheOrderGiven() {
        var subnets = aws.subnetIds();
        var plan = plan("{\"network\": {\"subnetIds\": [\"" + subnets.get(1) + "\", \"" + subnets.get(0) + "\"]}}");
        assertEquals(EmbeddedAws.ZONES.reversed(), plan.zones());
    }

    @Test
    void deploymentsClusterKeepsItsSubnetsAndItsMode() {
        var clusterId = aws.givenCluster();
        assertEquals(aws.subnetIds(), plan("{\"deployment\": \"demo\"}").subnetIds());
        assertEquals(
                "1. hsm.mode: the deployment's cluster " + clusterId
                        + " is in mode FIPS, which cannot be changed; ask for"
                        + " that, or choose another deployment name",
                problems(Quotas.DEFAULT, "{\"deployment\": \"demo\", \"hsm\": {\"mode\": \"NON_FIPS\"}}"));
    }

    @Test
    void foreignClusterWithTheForgedTagOfTheDeploymentIsNotItsCluster() {
        aws.cloudHsm.createCluster(request -> request.hsmType("hsm2m.medium")
                .mode("FIPS")
                .subnetIds(aws.subnetIds())
                .tagList(tag -> tag.key(Clusters.DEPLOYMENT_TAG).value("demo")));
        assertEquals(
                "NON_FIPS",
                plan("{\"deployment\": \"demo\", \"hsm\": {\"mode\": \"NON_FIPS\"}}")
                        .mode());
    }

    @Test
    void quotasCountWhatOthersHave() {
        var clusterId = aws.givenCluster();
        assertEquals(
                "1. clusters: eu-central-1 has 1 clusters already (" + clusterId
                        + "), and the quota is 1; delete one, or have Service Quotas raise it and deploy with the"
                        + " parameter ClusterQuota\n"
                        + "2. HSMs: other clusters in eu-central-1 have 0 HSMs already, 2 more are needed, and the"
                        + " quota is 1; delete some, or have Service Quotas raise it and deploy with the parameter"
                        + " HsmQuota",
                problems(new Quotas(1, 1, 10), "{}"));
        assertInstanceOf(
                Outcome.Done.class,
                run(new Quotas(1, 2, 10), PreflightScenario.EXECUTION, "{\"deployment\": \"demo\"}"),
                "the deployment's own cluster does not stand in its own way");
    }

    @Test
    void planSaysWhatTheAccountsConcurrencyMeans() {
        assertEquals(
                "The account runs 1000 Lambda functions at a time, 1000 of them unreserved; the re-encryption of"
                        + " uploads may take 4 of these.",
                plan("{}").lambdaConcurrency());
        aws.cloud.lambda().concurrencyQuota(10);
        assertEquals(
                "The account runs 10 Lambda functions at a time, 10 of them unreserved; the re-encryption of uploads"
                    + " may take 4 of these, which leaves 6 to the stages and to everything else in the account. While"
                    + " those are in use, a stage is tried again for about an hour. Service Quotas raises \"Concurrent"
                    + " executions\" of Lambda (L-B99A9384), which costs nothing.",
                plan("{\"deployment\": \"new-account\"}").lambdaConcurrency());
    }

    @Test
    void concurrencyThatTheReencryptionAloneMayTakeIsRefused() {
        aws.cloud.lambda().concurrencyQuota(5);
        assertEquals(
                "1. Lambda: The account runs 5 Lambda functions at a time, 5 of them unreserved; the re-encryption of"
                        + " uploads may take 4 of these, and the stages need 2 at least; Service Quotas raises"
                        + " \"Concurrent executions\" of Lambda (L-B99A9384), which costs nothing; or deploy the stack"
                        + " with ReencryptionConcurrency=3",
                problems(Quotas.DEFAULT, "{}"));
        aws.cloud.lambda().concurrencyQuota(6);
        assertEquals("default", plan("{}").deployment());
    }

    @Test
    void bucketOfTheAccountIsAdopted() {
        aws.client(S3Client.builder().forcePathStyle(true))
                .createBucket(bucket -> bucket.bucket("reports-2026")
                        .createBucketConfiguration(configuration -> configuration.locationConstraint("eu-central-1")));
        assertEquals(
                List.of(new Plan.Bucket("reports-2026", true)),
                plan("{\"bucket\": {\"name\": \"reports-2026\", \"adopt\": true}}")
                        .buckets());
    }

    @Test
    void bucketThatIsThereIsNotTakenWithoutBeingAskedFor() {
        aws.client(S3Client.builder().forcePathStyle(true))
                .createBucket(bucket -> bucket.bucket("reports-2026")
                        .createBucketConfiguration(configuration -> configuration.locationConstraint("eu-central-1")));
        assertEquals(
                "1. bucket.name: \"reports-2026\" is there already and was not made for this deployment; choose another"
                        + " name, or give \"adopt\": true beside it to have it put under the deployment's key",
                problems(Quotas.DEFAULT, "{\"bucket\": {\"name\": \"reports-2026\"}}"));
    }

    @Test
    void everyProblemOfEveryBucketIsToldAtOnce() {
        aws.client(S3Client.builder().forcePathStyle(true))
                .createBucket(bucket -> bucket.bucket("reports-2026")
                        .createBucketConfiguration(configuration -> configuration.locationConstraint("eu-central-1")));
        assertEquals("""
            1. buckets[0].name: "reports-2026" is there already and was not made for this deployment; choose another \
            name, or give "adopt": true beside it to have it put under the deployment's key
            2. buckets[1].name: "%s" is the bucket of the stack's evidence; choose another name
            3. buckets[2].name: "aws-sam-cli-managed-default" is the bucket of the SAM CLI's artifacts; choose another \
            name
            4. buckets[3].name: "project-an" must not end with "-an", unless it is with \
            "-111122223333-eu-central-1-an": S3 keeps that for buckets of the account's regional namespace\
            """.formatted(PreflightScenario.EVIDENCE_BUCKET), problems(Quotas.DEFAULT, """
                {"buckets": [{"name": "reports-2026"}, {"name": "%s", "adopt": true},
                 {"name": "aws-sam-cli-managed-default", "adopt": true}, {"name": "project-an"}, {"name": "free"}]}
                """.formatted(
                        PreflightScenario.EVIDENCE_BUCKET)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"project-an", "xn--reports", "amzn-s3-demo-reports"})
    void aBucketThatIsThereIsAdoptedWithANameThatS3GivesToNobodyAnyMore(String name) {
        aws.cloud.s3().addLegacyBucket(name);
        assertEquals(
                List.of(new Plan.Bucket(name, true)),
                plan("{\"bucket\": {\"name\": \"" + name + "\", \"adopt\": true}}")
                        .buckets());
    }

    @Test
    void aNameOfTheAccountsNamespaceIsPlanned() {
        var name = "reports-111122223333-eu-central-1-an";
        assertEquals(
                List.of(new Plan.Bucket(name, false)),
                plan("{\"bucket\": {\"name\": \"" + name + "\"}}").buckets());
    }

    @Test
    void aliasOfAnotherKeyIsRefused() {
        var kms = aws.client(KmsClient.builder());
        var keyId = kms.createKey().keyMetadata().keyId();
        kms.createAlias(alias -> alias.aliasName("alias/reports").targetKeyId(keyId));
        assertEquals(
                "1. key.alias: \"alias/reports\" names key " + keyId
                        + " already, which this deployment did not make in its key store; choose another alias",
                problems(Quotas.DEFAULT, "{\"key\": {\"alias\": \"alias/reports\"}}"));
    }

    @Test
    void planIsRememberedUnderTheDeploymentsName() {
        var plan = plan("{\"deployment\": \"archive\"}");
        var deployment = PreflightScenario.deployments(aws).find("archive").orElseThrow();
        assertEquals(Phase.PROVISIONING, deployment.phase());
        assertEquals(plan.keyStoreName(), deployment.plan().path("keyStoreName").asText());
        assertTrue(deployment.resources().isEmpty(), "nothing is made yet");
    }

    @Test
    void refusedRequestIsNoDeployment() {
        run(PreflightScenario.EXECUTION, "{\"deployment\": \"archive\", \"misspelt\": 1}");
        assertEquals(List.of(), PreflightScenario.deployments(aws).all());
    }

    @Test
    void deploymentIsLockedWhileItsExecutionRuns() throws JsonProcessingException {
        var role = aws.cloud.iam().createRole("states", trustOfStates());
        var machine = aws.cloud.states().createStateMachine("provision", """
            {"QueryLanguage": "JSONata", "StartAt": "Busy",
             "States": {"Busy": {"Type": "Wait", "Seconds": 600, "End": true}}}\
            """, role);
        var first = aws.cloud.states().startExecution(machine, "first", Json.MAPPER.createObjectNode());
        var second = first.replace("first", "second");
        assertInstanceOf(Outcome.Done.class, run(first, "{}"));
        assertInstanceOf(Outcome.Done.class, run(first, "{}"), "its holder keeps it");
        var failed = assertInstanceOf(Outcome.Failed.class, run(second, "{}"));
        assertEquals("DEPLOYMENT_LOCKED", failed.reason());
        assertTrue(failed.message().contains("is being worked on by " + first + "."), failed::message);
        assertInstanceOf(
                Outcome.Done.class, run(second, "{\"deployment\": \"other\"}"), "other deployments are not locked");
        aws.cloud.advance(Duration.ofMinutes(11));
        assertInstanceOf(Outcome.Done.class, run(second, "{}"), "an ended execution holds nothing");
    }

    @Test
    void principalsMustExistUnderTheirExactArn() throws JsonProcessingException {
        aws.cloud.iam().createRole("KeyAdministrator", trustOfStates());
        var administrator = "arn:aws:iam::111122223333:role/KeyAdministrator";
        assertEquals(
                List.of(administrator),
                plan("{\"key\": {\"administrators\": [\"" + administrator + "\"]}}")
                        .keyAdministrators());
        assertEquals(
                "1. key.administrators: \"arn:aws:iam::111122223333:role/Nobody\" does not exist\n"
                        + "2. key.users: \"arn:aws:iam::111122223333:user/nobody\" does not exist",
                problems(Quotas.DEFAULT, """
                    {"key": {"administrators": ["arn:aws:iam::111122223333:role/Nobody"],
                             "users": ["arn:aws:iam::111122223333:user/nobody"]}}\
                    """));
    }

    @Test
    void lockOfAnExecutionThatIsForgottenIsTakenOver() {
        assertInstanceOf(Outcome.Done.class, run(PreflightScenario.EXECUTION, "{}"));
        assertInstanceOf(Outcome.Done.class, run(PreflightScenario.EXECUTION + "-2", "{}"));
    }
}
