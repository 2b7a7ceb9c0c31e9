package cloudhsm.pipeline.provisioning.events;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Json;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.eventbridge.EventBridgeClient;

/** The ticks of one watch: each looks at the resource, few read the wait. */
class ObserverTest {
    private static final Duration TICK = Duration.ofSeconds(10);
    private static final Map<String, AttributeValue> KEY =
            Map.of("pk", AttributeValue.fromS("WAIT"), "sk", AttributeValue.fromS("wait-1"));

    private final TestAccount aws = new TestAccount();
    private final DynamoDbClient dynamoDb = aws.client(DynamoDbClient.builder());
    private final Observer observer = new Observer(
            aws.runtime.waits(),
            new Tick(
                    new Look(aws.cloudHsm, aws.kms, aws.ssm, aws.ec2, aws.s3),
                    new StateChanges(
                            aws.client(EventBridgeClient.builder()),
                            new SeenStates(dynamoDb, PipelineTable.NAME),
                            new Deployments(dynamoDb, PipelineTable.NAME),
                            aws.runtime.clock()),
                    aws.runtime.clock()),
            aws.runtime.questions(),
            aws.runtime.clock());
    private String watched = "null";

    @BeforeEach
    void storeWait() {
        PipelineTable.create(dynamoDb, aws.cloud);
        store("CLUSTER", "cluster-abcdefghijk", Set.of("ABSENT", "CREATE_IN_PROGRESS"));
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private void store(String resourceType, String resourceId, Set<String> whileIn) {
        var now = aws.runtime.clock().instant();
        var item = Map.of(
                        "function",
                        "stage",
                        "execution",
                        "arn:aws:states:eu-central-1:111122223333:execution:provision:first",
                        "stage",
                        "CreateCluster",
                        "resourceType",
                        resourceType,
                        "resourceId",
                        resourceId,
                        "since",
                        now.toString(),
                        "deadline",
                        now.plus(Duration.ofMinutes(10)).toString())
                .entrySet()
                .stream()
                .collect(Collectors.toMap(Map.Entry::getKey, entry -> AttributeValue.fromS(entry.getValue())));
        item.putAll(KEY);
        item.put("whileIn", AttributeValue.fromSs(whileIn.stream().toList()));
        dynamoDb.putItem(put -> put.tableName(PipelineTable.NAME).item(item));
    }

    private void end() {
        dynamoDb.deleteItem(delete -> delete.tableName(PipelineTable.NAME).key(KEY));
    }

    /** @return whether the wait goes on; what it answers is handed to the next tick, as the state machine does */
    private boolean tick() throws IOException {
        aws.cloud.advance(TICK);
        var out = new ByteArrayOutputStream();
        observer.handleRequest(
                new ByteArrayInputStream(
                        ("{\"waitId\": \"wait-1\", \"watched\": " + watched + "}").getBytes(StandardCharsets.UTF_8)),
                out,
                null);
        var answer = Json.MAPPER.readTree(out.toByteArray());
        watched = answer.get("watched").toString();
        return answer.get("pending").asBoolean();
    }

    private long calls(String operation, Instant since) {
        return aws.cloud.endpoint().calls().stream()
                .filter(call -> call.operation().equals(operation) && call.at().isAfter(since))
                .count();
    }

    @Test
    void everyTickLooksAtTheResourceAndOneAMinuteAtTheWait() throws IOException {
        tick();
        var first = aws.cloud.time().now();
        for (int i = 0; i < 12; i++) tick();
        assertEquals(12, calls("DescribeClusters", first));
        assertEquals(1, calls("GetItem", first), "the seventh tick after the one that read it last");
    }

    @Test
    void aWaitThatHasEndedWithoutAChangeIsWatchedForAMinuteAtMost() throws IOException {
        tick();
        end();
        int ticks = 0;
        while (tick()) ticks++;
        assertEquals(6, ticks);
        assertEquals("null", watched);
    }

    @Test
    void aWaitThatIsOverIsReadAtEachTick() throws IOException {
        tick();
        store("CLUSTER", "cluster-abcdefghijk", Set.of("ACTIVE"));
        for (int i = 0; i < 7; i++) tick();
        end();
        assertFalse(tick());
    }

    @Test
    void whatIsNewIsPublishedOnce() throws IOException {
        for (int i = 0; i < 8; i++) tick();
        assertEquals(1, calls("PutEvents", Instant.EPOCH));
    }

    @Test
    void oneHsmIsWatchedBesideAnActiveOneOfItsZone() throws IOException {
        var cluster = aws.initializedCluster();
        aws.activate(cluster);
        var made = aws.cloudHsm
                .createHsm(request -> request.clusterId(cluster.id()).availabilityZone("eu-central-1a"))
                .hsm();
        store("ONE_HSM", cluster.id() + "/" + made.hsmId(), Set.of("ABSENT", "CREATE_IN_PROGRESS"));
        tick();
        assertEquals("CREATE_IN_PROGRESS", state());
        aws.waitUntil(() -> aws.cluster(cluster.id()).hsms().stream().allMatch(hsm -> hsm.state() == HsmState.ACTIVE));
        tick();
        assertEquals("ACTIVE", state());
    }

    private String state() throws IOException {
        return Json.MAPPER.readTree(watched).path("state").asText();
    }
}
