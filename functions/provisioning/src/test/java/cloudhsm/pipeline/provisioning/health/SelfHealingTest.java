package cloudhsm.pipeline.provisioning.health;

import static cloudhsm.pipeline.provisioning.TestAccount.DEPLOYMENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.sns.SnsService;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.notification.Notifications;
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
class SelfHealingTest {
    private static final String PASSWORD = "kmsPassword1";

    private static TestAccount aws;
    private static SelfHealing selfHealing;
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
        selfHealing = new SelfHealing(deployments, healthCheck, healings, notifications, aws.runtime);
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
                deployments, DEPLOYMENT, Map.of("hsmCount", 2), aws.cloud.time().now());
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

    /** Why another execution than all before it leaves the deployment alone; it ends at once and holds no lock then. */
    private static Optional<String> begin() {
        var execution = aws.runningExecution("healing-" + executions++);
        try {
            return selfHealing.begin(DEPLOYMENT, execution);
        } finally {
            aws.states.stopExecution(request -> request.executionArn(execution));
        }
    }

    private static void begun() {
        assertEquals(Optional.empty(), begin());
    }

    private static void ended() {
        selfHealing.ended(DEPLOYMENT, "execution", Duration.ofMinutes(30), "An HSM was lost.");
    }

    private static void leftAlone(String because) {
        var why = begin().orElseThrow();
        assertTrue(why.startsWith("Deployment demo: " + because), why);
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

    /** What people were told last. */
    private static String message() {
        return aws.cloud.sns().published().getLast().message();
    }

    private static long toldToBeLeftAlone() {
        return told().stream()
                .filter("CloudHSM pipeline leaves demo alone"::equals)
                .count();
    }

    @Test
    @Order(1)
    void healthyDeploymentNeedsNothingAndNobodyIsTold() {
        leftAlone("HSMs are ACTIVE in eu-central-1a and eu-central-1b. Key store " + keyStoreId + " is CONNECTED.");
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
        assertEquals(
                Optional.of("Deployment other: the pipeline knows no such deployment."),
                selfHealing.begin("other", "execution"));
        assertEquals(List.of(), told());
    }

    @Test
    @Order(3)
    void whatAnotherExecutionWorksOnIsLeftAlone() {
        var holder = aws.runningExecution("holder");
        assertEquals(Optional.empty(), aws.runtime.lock().take(DEPLOYMENT, holder));
        leftAlone("it is being worked on by " + holder + ".");
        aws.states.stopExecution(request -> request.executionArn(holder));
        assertEquals(List.of(), told());
    }

    @Test
    @Order(4)
    void lostHsmIsHealedUnderTheLockAndToldOnce() {
        var execution = aws.runningExecution("heals");
        assertEquals(Optional.empty(), selfHealing.begin(DEPLOYMENT, execution));
        assertEquals(Optional.empty(), selfHealing.begin(DEPLOYMENT, execution), "run again after a lost answer");
        assertEquals(List.of("CloudHSM pipeline heals demo"), told());
        assertTrue(
                message().contains("no second HSM stands by. Key store " + keyStoreId + " is CONNECTED."), message());
        assertFalse(message().contains("connects the key store again"), "objects are readable meanwhile");
        var other = aws.runningExecution("comes-too-late");
        assertEquals(Optional.of(execution), aws.runtime.lock().take(DEPLOYMENT, other));
        aws.states.stopExecution(request -> request.executionArn(other));
        aws.states.stopExecution(request -> request.executionArn(execution));
    }

    @Test
    @Order(5)
    void healingThatEndedWellIsTold() {
        begun(); // as the next health check does where the first healing failed
        aws.addHsm(clusterId, "eu-central-1b");
        ended();
        assertEquals("CloudHSM pipeline has healed demo", told().getLast());
        assertTrue(
                message()
                        .startsWith(
                                "Deployment demo is healthy again after 30 minutes. HSMs are ACTIVE in eu-central-1a"
                                        + " and eu-central-1b."),
                message());
        assertTrue(message().contains("Before: An HSM was lost."), message());
    }

    @Test
    @Order(6)
    void failedKeyStoreIsConnectedAgain() {
        aws.cloud.advance(Duration.ofHours(25)); // so that the healings so far do not count
        disconnect();
        aws.cloud.kms().failNextConnection("INVALID_CREDENTIALS");
        connect();
        begun();
        assertTrue(message().contains(" is FAILED with INVALID_CREDENTIALS."), message());
        assertTrue(message().contains("connects the key store again"), message());
    }

    @Test
    @Order(7)
    void keyStoreThatAFailedHealingDisconnectedIsNotTakenForAPersons() {
        disconnect();
        aws.cloud.advance(Duration.ofHours(25)); // so that the healings so far do not count
        begun();
    }

    @Test
    @Order(8)
    void thirdHealingOfADayIsLeftToAPersonWhoIsToldOnce() {
        begun();
        leftAlone("it was healed 2 times within 24 hours");
        assertTrue(wouldLeaveAlone());
        leftAlone("it was healed 2 times within 24 hours");
        assertEquals(1, toldToBeLeftAlone());
        assertTrue(message().contains("then start one with the deployment's name"), message());
    }

    @Test
    @Order(9)
    void keyStoreThatAPersonDisconnectedIsLeftAloneAndThePersonToldOnceADay() {
        connect();
        ended();
        disconnect();
        for (int day = 2; day <= 3; day++) {
            aws.cloud.advance(Duration.ofHours(25));
            assertFalse(wouldLeaveAlone(), "a day later the person is told again");
            leftAlone("a person disconnected its key store");
            assertTrue(wouldLeaveAlone());
            leftAlone("a person disconnected its key store");
            assertEquals(day, toldToBeLeftAlone());
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
        ended();
        assertTrue(message().startsWith("Deployment demo is healthy again after 30 minutes.\n"), message());
    }
}
