package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sns.SnsService;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.sfn.model.ExecutionListItem;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** What happens to a complete deployment in the days after its provisioning, in this order; nobody starts anything. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SelfHealingTest {
    /** The template's default for HealthCheckSchedule. */
    private static final Duration HEALTH_CHECK = Duration.ofMinutes(5);

    private static final Duration LIMIT = Duration.ofHours(3);
    private static final Duration LOOK = Duration.ofSeconds(30);

    private static Pipeline pipeline;
    private static String bucket;
    private static String keyStoreId;
    private static String provisionStateMachine;
    private static Map<String, AttributeValue> record;

    @BeforeAll
    static void provision() {
        pipeline = Pipeline.deploy();
        var provisioned = pipeline.provision("first", "{}");
        assertEquals(ExecutionStatus.SUCCEEDED, provisioned.status(), provisioned::cause);
        var output = Json.parse(provisioned.output());
        bucket = output.path("buckets").path(0).asText();
        keyStoreId = output.path("keyStoreId").asText();
        provisionStateMachine = pipeline.deployment().stack().outputs().get("ProvisionStateMachineArn");
        pipeline.s3().putObject(put -> put.bucket(bucket).key("report"), RequestBody.fromString("text"));
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    @Test
    @Order(1)
    void aHealthyDeploymentIsLeftInPeace() {
        pipeline.cloud().advance(HEALTH_CHECK.multipliedBy(3));
        assertEquals(List.of(), healings(), "a healing costs nothing, but its message would frighten");
    }

    @Test
    @Order(2)
    void anHsmThatIsLostComesBackByItselfWhileObjectsStayReadable() {
        var lostAt = now();
        delete(active().getLast());
        runUntil(() -> !healings().isEmpty());
        assertTrue(
                Duration.between(lostAt, now()).compareTo(HEALTH_CHECK.plus(LOOK)) <= 0,
                () -> "the next health check notices: " + lostAt + " to " + now());
        assertEquals(1, active().size());
        assertEquals("text", read(), "one HSM is enough to read");

        runUntil(() -> active().size() == 2);
        assertEquals("text", read());
        runUntil(() -> healed() == 1);

        var took = Duration.between(lostAt, now());
        assertTrue(took.compareTo(Duration.ofMinutes(35)) <= 0, () -> "healed after " + took);
        assertEquals("text", read());
        assertEquals(2, zones());
        assertEquals(3, pipeline.cloud().calls("CreateHsm"), "exactly the missing one was bought");
        assertTrue(
                told("CloudHSM pipeline heals ").message().contains("no second HSM stands by"), "says what is wrong");
        assertTrue(told("CloudHSM pipeline has healed ").message().contains("HSMs are ACTIVE in eu-central-1a and"));
    }

    @Test
    @Order(3)
    void aKeyStoreThatAPersonDisconnectedIsLeftAloneAlsoIfAnHsmGoes() {
        pipeline.kms().disconnectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        runUntil(() -> state() == ConnectionStateType.DISCONNECTED);
        delete(active().getLast());
        pipeline.cloud().advance(Duration.ofMinutes(12));

        assertEquals(ConnectionStateType.DISCONNECTED, state());
        assertEquals(1, active().size());
        assertTrue(lastOutput().path("leftAlone").asText().contains("a person disconnected its key store"));
        assertEquals(1, timesTold("CloudHSM pipeline leaves "), "told once, not by every health check");

        var before = healings().size();
        pipeline.cloud().advance(Duration.ofHours(2));
        assertEquals(before, healings().size(), "nothing has changed that another one could find");
    }

    @Test
    @Order(4)
    void aKeyStoreThatFailsToConnectIsDiagnosedAndRepairedAndItsHsmRestored() {
        pipeline.cloud().cloudHsm().changePassword("kmsuser", "changedByHand1");
        pipeline.kms().connectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        // The person has connected it, so the health checks no longer leave it alone: the HSM comes back meanwhile.
        runUntil(() -> healed() == 2);
        assertEquals(2, zones());
        assertEquals(ConnectionStateType.CONNECTED, state());
        assertEquals("text", read());
        assertTrue(
                lastTold("CloudHSM pipeline has healed ").message().contains("is FAILED with INVALID_CREDENTIALS"),
                "says what it was");
    }

    @Test
    @Order(5)
    void aThirdHealingOnTheSameDayIsLeftToAPerson() {
        var hsmsSoFar = pipeline.cloud().calls("CreateHsm");
        delete(active().getLast());
        pipeline.cloud().advance(Duration.ofMinutes(20));
        assertEquals(hsmsSoFar, pipeline.cloud().calls("CreateHsm"), "a zone that eats HSMs must not bill for ever");
        assertTrue(lastOutput().path("leftAlone").asText().contains("healed 2 times within 24 hours"));
        assertEquals(2, timesTold("CloudHSM pipeline leaves "));
    }

    @Test
    @Order(6)
    void aHealingThatRunsIsTheOnlyOne() {
        assertEquals(
                List.of(),
                healings().stream()
                        .filter(execution -> execution.status() != ExecutionStatus.SUCCEEDED)
                        .toList());
        assertTrue(
                healings().stream()
                        .map(SelfHealingTest::output)
                        .anyMatch(output -> output.path("leftAlone").asText().contains("is being worked on by")),
                "the health checks during a healing start others, which end at once");
        assertEquals(2, timesTold("CloudHSM pipeline heals "));
    }

    @Test
    @Order(7)
    void everyEventOfADeploymentsHealthNamesTheDeployment() throws IOException {
        var published = pipeline.cloud().events().published();
        var health = published.stream()
                .filter(event -> event.path("detail-type").asText().equals("Deployment Health Change"))
                .findFirst()
                .orElseThrow();
        assertEquals(Set.of(), SamplesTest.problems(health.toString(), "deployment-health-change.schema.json"));
        var gone = published.stream()
                .filter(event -> event.path("detail-type").asText().equals("HSM State Change"))
                .map(event -> event.path("detail"))
                .filter(detail -> detail.path("current").asText().equals("DELETE_IN_PROGRESS"))
                .findFirst()
                .orElseThrow();
        assertEquals("default", gone.path("deployment").asText(), gone::toString);
        assertEquals("ACTIVE", gone.path("previous").asText(), gone::toString);
    }

    @Test
    @Order(8)
    void bothHsmsLostComeBackFromTheBackupAndTheObjectWithThem() {
        active().forEach(SelfHealingTest::delete);
        runUntil(() -> active().isEmpty());
        assertThrows(S3Exception.class, SelfHealingTest::read, "without an HSM there is no key");
        var hsmsSoFar = pipeline.cloud().calls("CreateHsm");
        // The limit of a day ends, and the health check tries again.
        pipeline.cloud().advance(Duration.ofHours(23));
        runUntil(() -> healed() == 3);
        assertEquals(2, zones());
        assertEquals(hsmsSoFar + 2, pipeline.cloud().calls("CreateHsm"));
        assertEquals("text", read());
    }

    @Test
    @Order(9)
    void aClusterThatNoDeploymentOwnsIsToldOfEveryDayWithTheHoursOfItsHsms() {
        assertEquals(0, timesTold("Orphaned:"));
        forgetTheDeployment();
        pipeline.cloud().advance(HEALTH_CHECK);
        assertTrue(
                told("Orphaned:").message().contains("They have run for 0.0 HSM-hours since they were first seen"),
                told("Orphaned:").message());
        pipeline.cloud().advance(Duration.ofHours(23));
        assertEquals(1, timesTold("Orphaned:"), "once a day");
        pipeline.cloud().advance(Duration.ofHours(1));
        assertEquals(2, timesTold("Orphaned:"));
        var notice = lastTold("Orphaned:");
        assertEquals("Orphaned: " + pipeline.cluster().clusterId() + ", 2 HSMs, $92.16 a day", notice.subject());
        assertTrue(
                notice.message().contains("for 48.0 HSM-hours since they were first seen, $92.16;"), notice::message);
        active().forEach(hsm -> assertTrue(notice.message().contains(hsm.hsmId()), notice::message));
        assertTrue(notice.message().contains("put the record back into the table"), notice::message);
    }

    @Test
    @Order(10)
    void aTeardownTakesTheOrphanOnceTheRecordIsBackAndNotForItsTag() {
        var refused = pipeline.tearDown("tag-only", TeardownTest.input("default", "\"data\":\"DELETE\""));
        assertEquals("NO_SUCH_DEPLOYMENT", refused.error(), refused::cause);
        assertEquals(2, active().size());

        pipeline.dynamoDb().putItem(put -> put.tableName(table()).item(record));
        var teardown = pipeline.startTeardown("orphan", TeardownTest.input("default", "\"data\":\"DELETE\""));
        runUntil(() -> active().isEmpty());
        assertEquals(ExecutionStatus.RUNNING, pipeline.describe(teardown).status(), "KMS keeps the key for days");
    }

    private static String table() {
        return pipeline.deployment().stack().resource("Table");
    }

    private static void forgetTheDeployment() {
        var key = Map.of("pk", AttributeValue.fromS("DEPLOYMENT"), "sk", AttributeValue.fromS("default"));
        record = pipeline.dynamoDb()
                .deleteItem(request -> request.tableName(table()).key(key).returnValues(ReturnValue.ALL_OLD))
                .attributes();
    }

    private static Instant now() {
        return pipeline.cloud().time().now();
    }

    private static void runUntil(BooleanSupplier condition) {
        var deadline = now().plus(LIMIT);
        while (!condition.getAsBoolean()) {
            if (now().isAfter(deadline)) throw new AssertionError("not within " + LIMIT + ": " + seen());
            pipeline.cloud().advance(LOOK);
        }
    }

    private static String seen() {
        return healings().stream()
                .map(execution -> execution.status() + " "
                        + pipeline.describe(execution.executionArn()).cause() + output(execution))
                .toList()
                .toString();
    }

    private static void delete(Hsm hsm) {
        pipeline.cloudHsm()
                .deleteHsm(request -> request.clusterId(hsm.clusterId()).hsmId(hsm.hsmId()));
    }

    private static List<Hsm> active() {
        return pipeline.cluster().hsms().stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .toList();
    }

    private static long zones() {
        return active().stream().map(Hsm::availabilityZone).distinct().count();
    }

    private static ConnectionStateType state() {
        return pipeline.kms()
                .describeCustomKeyStores(request -> request.customKeyStoreId(keyStoreId))
                .customKeyStores()
                .getFirst()
                .connectionState();
    }

    private static String read() {
        return pipeline.s3()
                .getObjectAsBytes(get -> get.bucket(bucket).key("report"))
                .asUtf8String();
    }

    /** What the health check has started, the newest first. */
    private static List<ExecutionListItem> healings() {
        return pipeline
                .states()
                .listExecutionsPaginator(request -> request.stateMachineArn(provisionStateMachine))
                .executions()
                .stream()
                .filter(execution -> !execution.name().equals("first"))
                .toList();
    }

    private static long healed() {
        return timesTold("CloudHSM pipeline has healed ");
    }

    private static JsonNode lastOutput() {
        return output(healings().getFirst());
    }

    private static JsonNode output(ExecutionListItem execution) {
        var output = pipeline.describe(execution.executionArn()).output();
        return output == null ? Json.object() : Json.parse(output);
    }

    private static SnsService.Published told(String subject) {
        return pipeline.cloud().sns().published().stream()
                .filter(published -> published.subject().startsWith(subject))
                .findFirst()
                .orElseThrow();
    }

    private static SnsService.Published lastTold(String subject) {
        return pipeline.cloud().sns().published().stream()
                .filter(published -> published.subject().startsWith(subject))
                .reduce((earlier, later) -> later)
                .orElseThrow();
    }

    private static long timesTold(String subject) {
        return pipeline.cloud().sns().published().stream()
                .filter(published -> published.subject().startsWith(subject))
                .count();
    }
}
