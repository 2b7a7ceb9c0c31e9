package cloudhsm.pipeline.provisioning.healing;

import static cloudhsm.pipeline.provisioning.TestAccount.DEPLOYMENT;
import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.sns.SnsService;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.healing.CheckHealth.Action;
import cloudhsm.pipeline.provisioning.health.Healings;
import cloudhsm.pipeline.provisioning.health.HealthCheck;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.report.Notifications;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;

/** When a deployment is healed and when it is left alone, and who is told; one deployment, in this order. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class HealthStagesTest {
    private static final String PASSWORD = "kmsPassword1";

    private static TestAccount aws;
    private static CheckHealth checkHealth;
    private static ReportHealing reportHealing;
    private static Deployments deployments;
    private static HealthCheck healthCheck;
    private static Healings healings;
    private static String clusterId;
    private static String keyStoreId;
    private static int executions;

    @BeforeAll
    static void deploymentIsRunning() {
        aws = new TestAccount();
        var dynamoDb = aws.client(DynamoDbClient.builder());
        PipelineTable.create(dynamoDb, aws.cloud);
        deployments = new Deployments(dynamoDb, PipelineTable.NAME);
        healthCheck = new HealthCheck(aws.cloudHsm, aws.kms);
        healings = new Healings(dynamoDb, PipelineTable.NAME);
        var notifications = new Notifications(
                aws.sns,
                aws.sns.createTopic(request -> request.name("pipeline")).topicArn());
        checkHealth = new CheckHealth(deployments, healthCheck, healings, notifications, aws.runtime);
        reportHealing = new ReportHealing(deployments, healthCheck, healings, notifications, aws.runtime);
        var cluster = aws.clusterForKms(PASSWORD);
        clusterId = cluster.id();
        keyStoreId = aws.kms
                .createCustomKeyStore(request -> request.customKeyStoreName("demo")
                        .cloudHsmClusterId(clusterId)
                        .trustAnchorCertificate(cluster.trustAnchor())
                        .keyStorePassword(PASSWORD))
                .customKeyStoreId();
        connect();
        PipelineTable.provisioning(
                deployments, DEPLOYMENT, Map.of("zones", List.of("a", "b")), aws.cloud.time().now());
        deployments.running(
                DEPLOYMENT,
                Map.of("cluster", Map.of("clusterId", clusterId), "keyStore", Map.of("keyStoreId", keyStoreId)),
                aws.cloud.time().now());
    }

    @AfterAll
    static void close() {
        aws.close();
    }

    private static void connect() {
        aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        aws.waitUntil(() -> state() != ConnectionStateType.CONNECTING);
    }

    private static void disconnect() {
        aws.kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        aws.waitUntil(() -> state() == ConnectionStateType.DISCONNECTED);
    }

    private static ConnectionStateType state() {
        return aws.kms.describeCustomKeyStores().customKeyStores().getFirst().connectionState();
    }

    private static void loseAnHsm() {
        var hsm = Clusters.hsms(aws.cluster(clusterId)).getLast();
        aws.cloudHsm.deleteHsm(request -> request.clusterId(clusterId).hsmId(hsm.hsmId()));
        aws.waitUntil(() -> Clusters.hsms(aws.cluster(clusterId)).size() == 1);
    }

    private static JsonNode asked(String deployment) {
        return Json.MAPPER.createObjectNode().put("deployment", deployment);
    }

    private static CheckHealth.Output check(String execution) {
        return done(
                checkHealth.run(new CheckHealth.Input(execution, asked(DEPLOYMENT)), Optional.empty()),
                CheckHealth.Output.class);
    }

    /** Another execution than all before it; it ends at once and so holds the lock no longer. */
    private static CheckHealth.Output check() {
        var execution = aws.runningExecution("healing-" + executions++);
        try {
            return check(execution);
        } finally {
            aws.states.stopExecution(request -> request.executionArn(execution));
        }
    }

    private static Outcome report() {
        var now = aws.cloud.time().now();
        return reportHealing.run(
                new ReportHealing.Input("execution", now.minus(Duration.ofMinutes(30)), DEPLOYMENT, "An HSM was lost."),
                Optional.empty());
    }

    private static void leftAlone(String because) {
        var output = check();
        assertEquals(Action.LEFT_ALONE, output.action());
        assertTrue(output.reason().contains(because), output::reason);
        assertTrue(output.plan().isEmpty(), "there is nothing to work with");
    }

    /** What the health check asks before it starts a healing. */
    private static boolean wouldLeaveAlone() {
        var deployment = deployments.find(DEPLOYMENT).orElseThrow();
        return healings.wouldLeaveAlone(
                healthCheck.of(deployment), aws.cloud.time().now());
    }

    private static List<String> told() {
        return aws.cloud.sns().published().stream()
                .map(SnsService.Published::subject)
                .toList();
    }

    @Test
    @Order(1)
    void healthyDeploymentNeedsNothingAndNobodyIsTold() {
        assertEquals(Action.NOTHING_TO_DO, check().action());
        assertEquals(List.of(), told());
    }

    @Test
    @Order(2)
    void whatIsNotRunningIsLeftAloneWhateverItsHsmsAre() {
        loseAnHsm();
        for (var phase : List.of(Phase.PAUSED, Phase.TEARING_DOWN, Phase.PROVISIONING)) {
            deployments.enter(DEPLOYMENT, phase, aws.cloud.time().now());
            leftAlone("it is " + phase + " since ");
        }
        deployments.enter(DEPLOYMENT, Phase.RUNNING, aws.cloud.time().now());
        var unknown = done(
                checkHealth.run(new CheckHealth.Input("execution", asked("other")), Optional.empty()),
                CheckHealth.Output.class);
        assertEquals("Deployment other: the pipeline knows no such deployment.", unknown.reason());
        assertEquals(List.of(), told());
    }

    @Test
    @Order(3)
    void whatAnotherExecutionWorksOnIsLeftAlone() {
        var holder = aws.runningExecution("holder");
        assertEquals(Optional.empty(), aws.runtime.lock().take(DEPLOYMENT, holder));
        leftAlone("it is being worked on by " + holder);
        aws.states.stopExecution(request -> request.executionArn(holder));
    }

    @Test
    @Order(4)
    void lostHsmIsHealedWithoutTouchingTheKeyStoreAndToldOnce() {
        var execution = aws.runningExecution("heals");
        var output = check(execution);
        assertEquals(Action.HEAL, output.action());
        assertFalse(output.reconnect() || output.mayReconnect() || output.diagnose(), "objects are readable meanwhile");
        assertEquals(clusterId, output.resources().at("/cluster/clusterId").asText());
        assertEquals("a", output.plan().at("/zones/0").asText());
        assertEquals(output, check(execution), "run again after a lost answer");
        assertEquals(List.of("CloudHSM pipeline heals demo"), told());
        aws.states.stopExecution(request -> request.executionArn(execution));
    }

    @Test
    @Order(5)
    void healingIsReportedOnlyWhenTheDeploymentIsHealthy() {
        var notYet = failed(report());
        assertEquals("NOT_HEALED", notYet.reason());
        assertTrue(notYet.message().contains("no second HSM stands by"), notYet::message);
        assertTrue(
                notYet.message()
                        .contains("Next: none where self-healing is enabled: the next health check starts another"),
                notYet::message);
        assertEquals(Action.HEAL, check().action(), "as the next health check does");
        aws.addHsm(clusterId, "eu-central-1b");
        var output = done(report(), ReportHealing.Output.class);
        assertEquals("HEALED", output.action());
        assertEquals(Duration.ofMinutes(30), output.took());
        assertEquals("CloudHSM pipeline has healed demo", told().getLast());
        var message = aws.cloud.sns().published().getLast().message();
        assertTrue(message.contains("Before: An HSM was lost."), message);
    }

    @Test
    @Order(6)
    void failedKeyStoreIsDiagnosedFirst() {
        aws.cloud.advance(Duration.ofHours(25)); // so that the healings so far do not count
        disconnect();
        aws.cloud.kms().failNextConnection("INVALID_CREDENTIALS");
        connect();
        var output = check();
        assertEquals(Action.HEAL, output.action());
        assertTrue(output.diagnose() && output.reconnect() && output.mayReconnect(), output::toString);
        assertTrue(output.reason().endsWith(" is FAILED with INVALID_CREDENTIALS."), output::reason);
    }

    @Test
    @Order(7)
    void keyStoreThatAFailedHealingDisconnectedIsNotTakenForAPersons() {
        disconnect();
        aws.cloud.advance(Duration.ofHours(25)); // so that the healings so far do not count
        assertEquals(Action.HEAL, check().action());
    }

    @Test
    @Order(8)
    void thirdHealingOfADayIsLeftToAPersonWhoIsToldOnce() {
        check();
        leftAlone("it was healed 2 times within 24 hours");
        assertTrue(wouldLeaveAlone());
        leftAlone("it was healed 2 times within 24 hours");
        assertEquals(
                1,
                told().stream()
                        .filter("CloudHSM pipeline leaves demo alone"::equals)
                        .count());
        var notYet = failed(report());
        assertTrue(
                notYet.message().contains("neither the health check nor a person can start another before 2026-"),
                notYet::message);
    }

    @Test
    @Order(9)
    void keyStoreThatAPersonDisconnectedIsLeftAloneAndThePersonToldOnceADay() {
        connect();
        done(report(), ReportHealing.Output.class);
        disconnect();
        for (int day = 2; day <= 3; day++) {
            aws.cloud.advance(Duration.ofHours(25));
            assertFalse(wouldLeaveAlone(), "a day later the person is told again");
            leftAlone("a person disconnected its key store");
            assertTrue(wouldLeaveAlone());
            leftAlone("a person disconnected its key store");
            assertEquals(
                    day,
                    told().stream()
                            .filter("CloudHSM pipeline leaves demo alone"::equals)
                            .count());
        }
        loseAnHsm();
        assertFalse(wouldLeaveAlone(), "another health");
        aws.addHsm(clusterId, "eu-central-1b");
    }

    @Test
    @Order(10)
    void deploymentWithoutItsKeyStoreIsLeftAlone() {
        aws.kms.deleteCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        leftAlone("its cluster or its key store does not exist any more");
        deployments.remove(DEPLOYMENT);
        assertEquals("DEPLOYMENT_UNKNOWN", failed(report()).reason());
    }
}
