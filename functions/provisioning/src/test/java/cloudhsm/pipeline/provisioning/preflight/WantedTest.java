package cloudhsm.pipeline.provisioning.preflight;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.limits.Limits;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.pki.TestChain;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.s3.S3Client;

/** What inputs of a deployment have said holds until another input says otherwise. */
class WantedTest {
    private static final String REMEMBERED = " (as remembered from an earlier execution)";

    private final TestAccount aws = new TestAccount();
    private final Deployments deployments = new Deployments(aws.client(DynamoDbClient.builder()), PipelineTable.NAME);

    @BeforeEach
    void createTable() {
        PipelineTable.create(aws.client(DynamoDbClient.builder()), aws.cloud);
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private static JsonNode json(String text) {
        try {
            return Json.MAPPER.readTree(text.replace('\'', '"'));
        } catch (JsonProcessingException malformed) {
            throw new AssertionError(malformed);
        }
    }

    private Outcome run(String execution, JsonNode request) {
        return PreflightScenario.stage(aws, aws.s3).run(new Preflight.Input(execution, request), Optional.empty());
    }

    private Plan plan(String request) {
        return plan(json(request));
    }

    private Plan plan(JsonNode request) {
        return PreflightScenario.plan(run(PreflightScenario.EXECUTION, request));
    }

    private String problems(String request) {
        var failed = assertInstanceOf(Outcome.Failed.class, run(PreflightScenario.EXECUTION, json(request)));
        assertEquals("INVALID_INPUT", failed.reason());
        return failed.message().substring(failed.message().indexOf('\n') + 1);
    }

    private Deployment record(String deployment) {
        return deployments.find(deployment).orElseThrow();
    }

    private void createBucket(String name) {
        aws.s3.createBucket(bucket -> bucket.bucket(name)
                .createBucketConfiguration(configuration -> configuration.locationConstraint("eu-central-1")));
    }

    private String role(String name) {
        aws.cloud.iam().createRole(name, aws.trusting("states.amazonaws.com"));
        return "arn:aws:iam::111122223333:role/" + name;
    }

    @Test
    void theNameAloneGivesThePlanOfTheWholeRequest() {
        var whole = json(
                """
                {'deployment': 'archive', 'network': {'subnetIds': ['%s', '%s']},
                 'hsm': {'mode': 'NON_FIPS', 'backupRetentionDays': 30},
                 'hsmIdentity': {'policy': 'SKIP'},
                 'clusterCertificate': {'validity': 'P365D', 'caKey': 'KEEP'},
                 'client': {'instanceType': 't4g.micro'}, 'keyStore': {'name': 'archive'},
                 'key': {'alias': 'alias/archive', 'description': 'Archive', 'administrators': ['%s'], 'deletable': false},
                 'bucket': {'name': 'archive-2026'}, 'teardownAfter': 'PT9H', 'maxCostUsd': 32.50}
                """.formatted(aws.subnetIn("eu-central-1b"), aws.subnetIn("eu-central-1a"), role("KeyAdministrator")));
        var first = plan(whole);
        assertEquals("NON_FIPS", first.mode());
        assertEquals(first, plan("{'deployment': 'archive'}"));
        assertEquals(whole, record("archive").wanted());
        assertEquals("alias/archive", record("archive").plan().path("keyAlias").asText());
    }

    @Test
    void emptyInputMeansTheDeploymentCalledDefaultAsItWasWanted() {
        plan("{'deployment': 'default', 'hsm': {'backupRetentionDays': 30}}");
        assertEquals(30, plan("{}").backupRetentionDays());
        assertEquals(90, plan("{'deployment': 'another'}").backupRetentionDays(), "a new one has the defaults");
    }

    @Test
    void oneMemberChangedKeepsTheOthers() {
        var first = role("First");
        var second = role("Second");
        plan("{'hsm': {'backupRetentionDays': 30}, 'key': {'description': 'Reports', 'users': ['" + first + "']}}");
        var changed = plan("{'hsm': {'mode': 'NON_FIPS'}, 'key': {'users': ['" + second + "']}}");
        assertEquals(30, changed.backupRetentionDays());
        assertEquals("NON_FIPS", changed.mode());
        assertEquals("Reports", changed.keyDescription());
        assertEquals(List.of(second), changed.keyUsers(), "an array is replaced whole");
        assertEquals(changed, plan("{}"));
    }

    @Test
    void refusedInputChangesNothingOfWhatIsWanted() {
        plan("{'hsm': {'backupRetentionDays': 30}}");
        var before = record("default");
        assertEquals(
                "1. hsm.backupRetentionDays: must be from 7 to 379, not 3",
                problems("{'hsm': {'backupRetentionDays': 3, 'mode': 'NON_FIPS'}}"));
        assertEquals(before, record("default"));
    }

    @Test
    void whatOnlyAnEarlierInputSaidIsSaidToBeRemembered() {
        plan("{'bucket': {'name': 'reports-2026'}}");
        createBucket("reports-2026");
        var there =
                "bucket.name: \"reports-2026\" is there already and was not made for this deployment; choose another"
                        + " name, or give \"adopt\": true beside it to have it put under the deployment's key";
        assertEquals(
                "1. hsm.mode: must be one of FIPS, NON_FIPS, not \"x\"\n2. " + there + REMEMBERED,
                problems("{'hsm': {'mode': 'x'}}"));
        assertEquals("1. " + there, problems("{'bucket': {'name': 'reports-2026'}}"));
        assertEquals(
                List.of(new Plan.Bucket("reports-2026", true)),
                plan("{'bucket': {'adopt': true}}").buckets(),
                "as the advice says, for the bucket remembered");
    }

    @Test
    void adoptionCountsForTheInputThatAsksForItOnly() {
        createBucket("photos");
        createBucket("letters");
        assertEquals(
                List.of(new Plan.Bucket("photos", true)),
                plan("{'bucket': {'name': 'photos', 'adopt': true}}").buckets());
        assertFalse(record("default").wanted().path("bucket").has("adopt"));
        deployments.adopted("default", "photos", Json.MAPPER.createObjectNode()); // as SecureBucket does
        assertEquals(List.of(new Plan.Bucket("photos", false)), plan("{}").buckets());
        var refused = problems("{'bucket': {'name': 'letters'}}");
        assertTrue(refused.startsWith("1. bucket.name: \"letters\" is there already"), refused);
    }

    @Test
    void bucketsAreAddedToThoseThatThereAreAndNoneIsLeftOut() {
        var reports = "cloudhsm-default-111122223333-eu-central-1";
        plan("{}");
        deployments.made("default", Made.BUCKET, reports); // as SecureBucket does
        createBucket(reports);
        createBucket("photos");
        var two = List.of(new Plan.Bucket("photos", true), new Plan.Bucket(reports, false));
        assertEquals(
                two, plan("{'buckets': [{'name': 'photos', 'adopt': true}]}").buckets());
        deployments.adopted("default", "photos", Json.MAPPER.createObjectNode());
        assertEquals(
                List.of(new Plan.Bucket("photos", false), new Plan.Bucket(reports, false)),
                plan("{}").buckets());
        assertEquals(
                List.of("letters", reports, "photos"),
                plan("{'buckets': [{'name': 'letters'}]}").buckets().stream()
                        .map(Plan.Bucket::name)
                        .toList());
        assertEquals(
                List.of("drafts", reports, "photos"),
                plan("{'bucket': {'name': 'drafts'}}").buckets().stream()
                        .map(Plan.Bucket::name)
                        .toList(),
                "letters was asked for once and not made yet, so it is a wish that another takes the place of");
    }

    @Test
    void limitsAreReplacedTogetherAndTakenBack() {
        plan("{'teardownAfter': 'PT9H', 'atLimit': 'TEARDOWN'}");
        assertEquals(
                new Limits("PT9H", BigDecimal.ZERO, "TEARDOWN"),
                plan("{'hsm': {'backupRetentionDays': 30}}").limits());
        assertEquals("1. atLimit: needs a limit: give teardownAfter or maxCostUsd", problems("{'atLimit': 'PAUSE'}"));
        assertEquals(
                new Limits("", new BigDecimal("32"), "PAUSE"),
                plan("{'maxCostUsd': 32}").limits());
        assertEquals(new BigDecimal("32"), plan("{}").limits().maxCostUsd());
        assertEquals(Limits.NONE, plan("{'atLimit': 'NONE'}").limits());
        assertEquals(Limits.NONE, plan("{}").limits());
        assertEquals("PT9H", plan("{'teardownAfter': 'PT9H'}").limits().teardownAfter());
    }

    @Test
    void networkIsReplacedTogether() {
        var reversed = List.of(aws.subnetIn("eu-central-1b"), aws.subnetIn("eu-central-1a"));
        plan("{'network': {'subnetIds': ['" + String.join("', '", reversed) + "']}}");
        assertEquals(reversed, plan("{'network': {}}").subnetIds(), "it says nothing");
        assertEquals(
                reversed.reversed(),
                plan("{'network': {'vpcId': '" + aws.vpcId() + "'}}").subnetIds());
    }

    @Test
    void aUserOfAKeyThatIsMadeMayBeGoneUnlessTheInputNamesItAgain() {
        plan("{}");
        var gone = "{'key': {'users': ['arn:aws:iam::111122223333:role/Gone']}}";
        assertTrue(deployments.provisioning(
                "default",
                deployments.find("default"),
                json(gone),
                record("default").plan(),
                Optional.empty(),
                aws.cloud.time().now()));
        assertEquals(
                "1. key.users: \"arn:aws:iam::111122223333:role/Gone\" does not exist" + REMEMBERED, problems("{}"));
        deployments.made("default", Made.KEY, "190dca37-b796-4638-a27d-5cd11758b5c2");
        plan("{}");
        assertEquals("1. key.users: \"arn:aws:iam::111122223333:role/Gone\" does not exist", problems(gone));
    }

    @Test
    void keysPolicyAndItsPrincipalsReplaceEachOther() {
        var user = role("Reader");
        plan("{'key': {'description': 'Reports', 'users': ['" + user + "']}}");
        var policy = "{'Statement': [{'Effect': 'Allow', 'Principal': {'AWS': 'arn:aws:iam::111122223333:root'},"
                + " 'Action': 'kms:*', 'Resource': '*'}], 'Id': 'first'}";
        var withPolicy = plan("{'key': {'policy': " + policy + "}}");
        assertEquals(List.of(), withPolicy.keyUsers());
        assertEquals("Reports", withPolicy.keyDescription());
        assertFalse(
                plan("{'key': {'policy': " + policy.replace(", 'Id': 'first'", "") + "}}")
                        .keyPolicy()
                        .has("Id"),
                "a policy is one document");
        var withUsers = plan("{'key': {'users': ['" + user + "']}}");
        assertTrue(withUsers.keyPolicy().isNull());
        assertEquals(List.of(user), withUsers.keyUsers());
    }

    @Test
    void aPolicyThatNeedsNoManufacturersRootForgetsIt() {
        var root = Pem.of(TestChain.root("CN=Manufacturer", TestChain.rsa(2048)));
        var request = json("{'hsmIdentity': {'policy': 'REQUIRE_BOTH', 'expiredRoot': 'ACCEPT_PINNED'}}");
        request.withObject("/hsmIdentity").put("manufacturerRootCertificate", root);
        assertEquals("REQUIRE_BOTH", plan(request).identityPolicy());
        assertEquals(
                root.strip(),
                plan("{'hsmIdentity': {'policy': 'REQUIRE_BOTH'}}")
                        .manufacturerRoot()
                        .strip());
        var without = plan("{'hsmIdentity': {'policy': 'REQUIRE_AWS'}}");
        assertEquals("", without.manufacturerRoot());
        assertEquals("ACCEPT_PINNED", without.expiredRoot().name());
    }

    @Test
    void nullIsNotTheWayBackToADefault() {
        plan("{'bucket': {'name': 'reports-2026'}}");
        assertEquals("1. bucket.name: must be text, not null", problems("{'bucket': {'name': null}}"));
        assertEquals(List.of(new Plan.Bucket("reports-2026", false)), plan("{}").buckets());
    }

    @Test
    void executionThatDoesNotGetTheLockChangesNothing() {
        var holder = aws.runningExecution("holder");
        run(holder, json("{'hsm': {'backupRetentionDays': 30}}"));
        var before = record("default");
        var failed = assertInstanceOf(
                Outcome.Failed.class, run(PreflightScenario.EXECUTION, json("{'hsm': {'mode': 'NON_FIPS'}}")));
        assertEquals("DEPLOYMENT_LOCKED", failed.reason());
        assertEquals(before, record("default"));
    }

    @Test
    void whatAnotherExecutionWantedMeanwhileIsKept() {
        var meanwhile = new ExecutionInterceptor() {
            private boolean done;

            @Override
            public void beforeExecution(Context.BeforeExecution context, ExecutionAttributes attributes) {
                if (done) return;
                done = true;
                run(PreflightScenario.EXECUTION + "-2", json("{'hsm': {'backupRetentionDays': 30}}"));
            }
        };
        var s3 = aws.client(S3Client.builder().forcePathStyle(true), meanwhile);
        var outcome = PreflightScenario.stage(aws, s3)
                .run(
                        new Preflight.Input(PreflightScenario.EXECUTION, json("{'hsm': {'mode': 'NON_FIPS'}}")),
                        Optional.empty());
        var plan = PreflightScenario.plan(outcome);
        assertEquals("NON_FIPS", plan.mode());
        assertEquals(30, plan.backupRetentionDays());
        assertEquals(plan, plan("{}"));
    }
}
