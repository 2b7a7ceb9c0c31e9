package cloudhsm.pipeline.provisioning.stage;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;

/**
 * The pending waits, in the pipeline's one table. Who looks for the resources reads them under the partition key WAIT.
 * Token and input of each lie apart, under WAIT# and the name of the stage's class, which that stage's function alone
 * may read.
 */
public final class Waits {
    /**
     * How long a stage has a wait to itself once it looks again, so that two events do not run it twice at once. As
     * long as a function may run; if it dies, the next tick after that takes the wait over.
     */
    static final Duration LEASE = Duration.ofSeconds(60);

    /** How long after its deadline a forgotten wait stays in the table, which it then leaves by itself. */
    private static final Duration KEPT = Duration.ofDays(2);

    private static final String PARTITION = "WAIT";

    private final DynamoDbClient dynamoDb;
    private final String table;
    private final Clock clock;

    /** In the table that the function's environment names: TABLE_NAME. */
    public static Waits ofFunction() {
        return new Waits(Aws.dynamoDb(), Aws.environment("TABLE_NAME"), Clock.systemUTC());
    }

    public Waits(DynamoDbClient dynamoDb, String table, Clock clock) {
        this.dynamoDb = dynamoDb;
        this.table = table;
        this.clock = clock;
    }

    /** Stores the wait, replacing an earlier one of the same id and freeing its lease. */
    void store(SuspendedTask task, String stageClass) {
        var wait = task.pending();
        var expires = number(wait.deadline().plus(KEPT).getEpochSecond());
        // The token first: whoever finds the wait has the stage look again, which then needs it.
        dynamoDb.putItem(request -> request.tableName(table)
                .item(Map.of(
                        "pk", text(partition(stageClass)),
                        "sk", text(wait.id()),
                        "token", text(task.token()),
                        "input", text(task.input()),
                        "expires", expires)));
        dynamoDb.putItem(request -> request.tableName(table)
                .item(Map.ofEntries(
                        Map.entry("pk", text(PARTITION)),
                        Map.entry("sk", text(wait.id())),
                        Map.entry("function", text(wait.function())),
                        Map.entry("execution", text(wait.execution())),
                        Map.entry("stage", text(wait.stage())),
                        Map.entry("resourceType", text(wait.resource().type().name())),
                        Map.entry("resourceId", text(wait.resource().id())),
                        Map.entry("whileIn", AttributeValue.fromSs(List.copyOf(wait.whileIn()))),
                        Map.entry("since", text(wait.since().toString())),
                        Map.entry("deadline", text(wait.deadline().toString())),
                        Map.entry("leasedUntil", number(0)),
                        Map.entry("expires", expires))));
    }

    /** The wait of this id; empty if it is over. */
    public Optional<Wait> find(String id) {
        return item(PARTITION, id).map(Waits::read);
    }

    private Optional<Map<String, AttributeValue>> item(String partition, String id) {
        var item = dynamoDb.getItem(request ->
                        request.tableName(table).key(key(partition, id)).consistentRead(true))
                .item();
        return item == null || item.isEmpty() ? Optional.empty() : Optional.of(item);
    }

    /** Every pending wait. */
    public List<Wait> all() {
        return query("pk = :pk", Map.of(":pk", text(PARTITION)))
                .map(Waits::read)
                .toList();
    }

    /** The pending waits for one resource. */
    public List<Wait> of(Resource resource) {
        return all().stream().filter(wait -> wait.resource().equals(resource)).toList();
    }

    /** Takes the wait for {@link #LEASE}; empty if it is over, or another run of the stage is looking already. */
    Optional<SuspendedTask> claim(String id, String stageClass) {
        var now = clock.instant().getEpochSecond();
        try {
            var item = dynamoDb.updateItem(request -> request.tableName(table)
                            .key(key(PARTITION, id))
                            .updateExpression("SET leasedUntil = :until")
                            .conditionExpression("attribute_exists(pk) AND leasedUntil < :now")
                            .expressionAttributeValues(
                                    Map.of(":until", number(now + LEASE.toSeconds()), ":now", number(now)))
                            .returnValues("ALL_NEW"))
                    .attributes();
            var own = item(partition(stageClass), id);
            // Its token goes first, so whoever removed it died between the two.
            if (own.isEmpty()) delete(PARTITION, id);
            return own.map(token -> new SuspendedTask(
                    read(item), token.get("token").s(), token.get("input").s()));
        } catch (ConditionalCheckFailedException overOrTaken) {
            return Optional.empty();
        }
    }

    /** Removes the token of a wait that is over, and then the wait: as long as that is there, somebody looks again. */
    void remove(String id, String stageClass) {
        delete(partition(stageClass), id);
        delete(PARTITION, id);
    }

    private void delete(String partition, String id) {
        dynamoDb.deleteItem(request -> request.tableName(table).key(key(partition, id)));
    }

    /** Removes what an earlier attempt of the same stage left: its token is dead. */
    void removeStartingWith(String prefix, String stageClass) {
        query(
                        "pk = :pk AND begins_with(sk, :prefix)",
                        Map.of(":pk", text(partition(stageClass)), ":prefix", text(prefix)))
                .forEach(item -> remove(item.get("sk").s(), stageClass));
    }

    private static String partition(String stageClass) {
        return PARTITION + "#" + stageClass;
    }

    private Stream<Map<String, AttributeValue>> query(String condition, Map<String, AttributeValue> values) {
        return dynamoDb
                .queryPaginator(request -> request.tableName(table)
                        .consistentRead(true)
                        .keyConditionExpression(condition)
                        .expressionAttributeValues(values))
                .items()
                .stream();
    }

    private static Map<String, AttributeValue> key(String partition, String id) {
        return Map.of("pk", text(partition), "sk", text(id));
    }

    private static Wait read(Map<String, AttributeValue> item) {
        return new Wait(
                item.get("sk").s(),
                item.get("function").s(),
                item.get("execution").s(),
                item.get("stage").s(),
                new Resource(
                        Resource.Type.valueOf(item.get("resourceType").s()),
                        item.get("resourceId").s()),
                Set.copyOf(item.get("whileIn").ss()),
                Instant.parse(item.get("since").s()),
                Instant.parse(item.get("deadline").s()));
    }

    private static AttributeValue text(String value) {
        return AttributeValue.fromS(value);
    }

    private static AttributeValue number(long value) {
        return AttributeValue.fromN(Long.toString(value));
    }
}
