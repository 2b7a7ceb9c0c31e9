package cloudhsm.pipeline.provisioning.preflight;

import static cloudhsm.pipeline.provisioning.TestAccount.DEPLOYMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.preflight.Preflight.Found;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.time.Duration;
import java.time.Instant;
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

/** Why an execution goes on or leaves a deployment alone, and if it needs the client; one deployment, in this order. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class FoundTest {
    private static final String PASSWORD = "kmsuserPassword1";
    private static final String PERSON = "A person started it.";
    private static final String LOST = "An HSM was lost.";

    private static TestAccount aws;
    private static Deployments deployments;
    private static String clusterId;
    private static String keyStoreId;
    private static int executions;

    @BeforeAll
    static void deploymentHasACluster() {
        aws = new TestAccount();
        deployments = aws.deployments();
        var cluster = aws.clusterForKms(PASSWORD);
        clusterId = cluster.id();
        deployments.made(DEPLOYMENT, Made.CLUSTER, clusterId);
        keyStoreId = aws.kms
                .createCustomKeyStore(create -> create.customKeyStoreName("cloudhsm-demo")
                        .cloudHsmClusterId(clusterId)
                        .trustAnchorCertificate(cluster.trustAnchor())
                        .keyStorePassword(PASSWORD))
                .customKeyStoreId();
        deployments.made(DEPLOYMENT, Made.KEY_STORE, keyStoreId);
        connect();
    }

    @AfterAll
    static void close() {
        aws.close();
    }

    private static void connect() {
        aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        until(ConnectionStateType.CONNECTED);
    }

    private static void disconnect() {
        aws.kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        until(ConnectionStateType.DISCONNECTED);
    }

    private static void until(ConnectionStateType state) {
        aws.waitUntil(() ->
                aws.kms.describeCustomKeyStores().customKeyStores().getFirst().connectionState() == state);
    }

    private static List<Hsm> hsms() {
        return Clusters.hsms(aws.cluster(clusterId));
    }

    private static List<String> hsmIds() {
        return hsms().stream().map(Hsm::hsmId).toList();
    }

    private static void delete(String hsmId) {
        aws.cloudHsm.deleteHsm(request -> request.clusterId(clusterId).hsmId(hsmId));
        aws.waitUntil(() -> !hsmIds().contains(hsmId));
    }

    private static Deployment record() {
        return deployments.find(DEPLOYMENT).orElseThrow();
    }

    private static Instant now() {
        return aws.cloud.time().now();
    }

    /** The record of a provisioning that succeeded with {@code kmsuser} on these HSMs. */
    private static void running(String clusterId, List<String> hsms) {
        deployments.running(
                DEPLOYMENT,
                Map.of(
                        "cluster", Map.of("clusterId", clusterId),
                        "keyStore", Map.of("keyStoreId", keyStoreId),
                        "kmsUser",
                                Map.of(
                                        "hsms",
                                        hsms.stream()
                                                .map(hsm -> Map.of("hsmId", hsm))
                                                .toList())),
                now());
    }

    private static void running() {
        running(clusterId, hsmIds());
    }

    /** What another execution than all before it finds; nobody knows it later, so it holds the lock no longer. */
    private static Preflight.Output run(String request) {
        return TestAccount.done(outcome(request), Preflight.Output.class);
    }

    private static Outcome outcome(String request) {
        var execution = PreflightScenario.EXECUTION + executions++;
        try {
            var input = new Preflight.Input(execution, Json.MAPPER.readTree(request.replace('\'', '"')));
            return PreflightScenario.stage(aws, aws.s3).run(input, Optional.empty());
        } catch (JsonProcessingException malformed) {
            throw new AssertionError(malformed);
        }
    }

    private static Found byAPerson() {
        var output = run("{'deployment': 'demo'}");
        assertNotNull(output.plan());
        return output.found();
    }

    private static Found byAPerson(boolean resumed, boolean client) {
        return new Found("", PERSON, false, resumed, client);
    }

    private static Preflight.Output byTheHealthCheck(String deployment) {
        return run("{'deployment': '" + deployment + "', 'healthCheck': '" + LOST + "'}");
    }

    /** The execution ends at once and has changed no record. */
    private static void leftAlone(String deployment, String because) {
        var before = deployments.all();
        var output = byTheHealthCheck(deployment);
        assertTrue(output.found().leftAlone().contains(because), output::toString);
        assertEquals(new Found(output.found().leftAlone(), LOST, true, false, false), output.found());
        assertNull(output.plan());
        assertEquals(before, deployments.all());
    }

    private static void leftAlone(String because) {
        leftAlone(DEPLOYMENT, because);
    }

    @Test
    @Order(1)
    void whatHasNeverBeenProvisionedNeedsTheClient() {
        assertEquals(byAPerson(false, true), run("{'deployment': 'another'}").found());
        assertEquals(
                byAPerson(false, true),
                run("{'deployment': 'demo', 'hsmIdentity': {'policy': 'SKIP'}}").found(),
                "kmsuser is proven on no HSM");
        assertEquals(Phase.PROVISIONING, record().phase());
    }

    @Test
    @Order(2)
    void nothingNeedsTheClientWhereEveryHsmIsProvenAndKmsIsLoggedIn() {
        running();
        var before = record();
        assertEquals(byAPerson(false, false), byAPerson());
        assertEquals(Phase.RUNNING, record().phase());
        assertEquals(before.since(), record().since());
    }

    @Test
    @Order(3)
    void whatIsMissingNeedsTheClient() {
        running(clusterId, hsmIds().subList(0, 1));
        assertEquals(byAPerson(false, true), byAPerson(), "an HSM is not proven");
        running();
        assertEquals(
                byAPerson(false, true),
                run("{'deployment': 'demo', 'hsm': {'count': 3}}").found(),
                "an HSM is missing");
        run("{'deployment': 'demo', 'hsm': {'count': 2}}");
        disconnect();
        assertEquals(byAPerson(false, true), byAPerson(), "KMS has logged out");
        connect();
        assertEquals(byAPerson(false, false), byAPerson());
    }

    @Test
    @Order(4)
    void anHsmThatIsNotActiveNeedsTheClient() {
        var made = aws.cloudHsm
                .createHsm(request -> request.clusterId(clusterId).availabilityZone("eu-central-1a"))
                .hsm()
                .hsmId();
        running();
        assertTrue(record().provenHsms().contains(made));
        assertEquals(byAPerson(false, true), byAPerson());
        aws.waitUntil(() -> hsms().stream().allMatch(hsm -> hsm.stateAsString().equals("ACTIVE")));
        assertEquals(byAPerson(false, false), byAPerson(), "one more than wanted is no reason");
        delete(made);
        assertEquals(byAPerson(false, false), byAPerson(), "nor is one less that nobody misses");
    }

    @Test
    @Order(5)
    void completeDeploymentThatIsNotRunningComesBack() {
        deployments.enter(DEPLOYMENT, Phase.PAUSED, now());
        assertEquals(byAPerson(true, false), byAPerson());
        assertEquals(Phase.PROVISIONING, record().phase());
        assertEquals(byAPerson(true, false), byAPerson(), "as long as it does not run");
        running();
        assertEquals(byAPerson(false, false), byAPerson());
    }

    @Test
    @Order(6)
    void whatTheHealthCheckIsNotToTouchIsLeftAloneWithoutAPlan() {
        leftAlone("nobody", "the pipeline knows no such deployment.");
        leftAlone("HSMs are ACTIVE in eu-central-1a and eu-central-1b.");
        for (var phase : List.of(Phase.PAUSED, Phase.TEARING_DOWN, Phase.PROVISIONING)) {
            deployments.enter(DEPLOYMENT, phase, now());
            leftAlone("it is " + phase + " since ");
        }
        running();
        var holder = aws.runningExecution("holder");
        assertEquals(Optional.empty(), aws.runtime.lock().take(DEPLOYMENT, holder));
        leftAlone("it is being worked on by " + holder);
        aws.states.stopExecution(request -> request.executionArn(holder));
        disconnect();
        leftAlone("a person disconnected its key store");
        connect();
        running("cluster-zzzzzzzzzzz", hsmIds());
        leftAlone("its cluster or its key store does not exist any more");
        running();
    }

    @Test
    @Order(7)
    void lostHsmIsBroughtBackAsThePersonWantedIt() {
        var planned = run("{'deployment': 'demo'}").plan();
        var wanted = record().wanted();
        delete(hsmIds().getLast());
        var output = byTheHealthCheck(DEPLOYMENT);
        assertEquals(new Found("", LOST, true, false, true), output.found());
        assertEquals(planned, output.plan());
        assertEquals(wanted, record().wanted(), "the health check's reason is no wish");
        assertEquals(Phase.RUNNING, record().phase());
        assertEquals("", byTheHealthCheck(DEPLOYMENT).found().leftAlone());
        leftAlone("it was healed 2 times within 24 hours");
        aws.cloud.advance(Duration.ofHours(25));
        assertEquals("", byTheHealthCheck(DEPLOYMENT).found().leftAlone());
    }

    @Test
    @Order(8)
    void clientStaysOnlyWhereTheInputSaysSoAndUntilItSaysOtherwise() {
        assertFalse(run("{'deployment': 'demo'}").plan().keepClient());
        assertTrue(
                run("{'deployment': 'demo', 'client': {'keep': true}}").plan().keepClient());
        var remembered = run("{'deployment': 'demo', 'client': {'instanceType': 't4g.micro'}}")
                .plan();
        assertTrue(remembered.keepClient());
        assertEquals("t4g.micro", remembered.clientInstanceType());
        assertFalse(
                run("{'deployment': 'demo', 'client': {'keep': false}}").plan().keepClient());
    }

    @Test
    @Order(9)
    void inputThatDoesNotFitIsRefusedAndARememberedWishThatDoesNotLeavesNoLessAlone() {
        deployments.enter(DEPLOYMENT, Phase.PAUSED, now());
        var refused =
                TestAccount.failed(outcome("{'deployment': 'demo', 'healthCheck': '" + LOST + "', 'misspelt': 1}"));
        assertEquals("INVALID_INPUT", refused.reason());
        var tooMany = Json.MAPPER.createObjectNode();
        tooMany.putObject("hsm").put("count", 9);
        deployments.provisioning(
                DEPLOYMENT, deployments.find(DEPLOYMENT), tooMany, record().plan(), Optional.empty(), now());
        leftAlone("it is PROVISIONING since ");
        running();
        assertEquals(
                "INVALID_INPUT",
                TestAccount.failed(outcome("{'deployment': 'demo'}")).reason());
    }
}
