package cloudhsm.pipeline.provisioning.lambda;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;

/** The pending waits, in the pipeline's one table under the partition key WAIT. */
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

    public Waits(DynamoDbClient dynamoDb, String table, Clock clock) {
        this.dynamoDb = dynamoDb;
        this.table = table;
        this.clock = clock;
    }

    /** Stores the wait, replacing an earlier one of the same id and freeing its lease. */
    public void store(Wait wait) {
        dynamoDb.putItem(request -> request.tableName(table)
                .item(Map.ofEntries(
                        Map.entry("pk", text(PARTITION)),
                        Map.entry("sk", text(wait.id())),
                        Map.entry("token", text(wait.token())),
                        Map.entry("function", text(wait.function())),
                        Map.entry("execution", text(wait.execution())),
                        Map.entry("stage", text(wait.stage())),
                        Map.entry("input", text(wait.input())),
                        Map.entry("resourceType", text(wait.resource().type().name())),
                        Map.entry("resourceId", text(wait.resource().id())),
                        Map.entry("whileIn", AttributeValue.fromSs(List.copyOf(wait.whileIn()))),
                        Map.entry("since", text(wait.since().toString())),
                        Map.entry("deadline", text(wait.deadline().toString())),
                        Map.entry("leasedUntil", number(0)),
                        Map.entry("expires", number(wait.deadline().plus(KEPT).getEpochSecond())))));
    }

    /** The wait of this id; empty if it is over. */
    public Optional<Wait> find(String id) {
        var item = dynamoDb.getItem(
                        request -> request.tableName(table).key(key(id)).consistentRead(true))
                .item();
        return item == null || item.isEmpty() ? Optional.empty() : Optional.of(read(item));
    }

    /** Every pending wait. */
    public List<Wait> all() {
        return query("pk = :pk", Map.of(":pk", text(PARTITION)));
    }

    /** The pending waits for one resource. */
    public List<Wait> of(Resource resource) {
        return all().stream().filter(wait -> wait.resource().equals(resource)).toList();
    }

    /** Takes the wait for {@link #LEASE}; empty if it is over, or another run of the stage is looking already. */
    public Optional<Wait> claim(String id) {
        var now = clock.instant().getEpochSecond();
        try {
            var item = dynamoDb.updateItem(request -> request.tableName(table)
                            .key(key(id))
                            .updateExpression("SET leasedUntil = :until")
                            .conditionExpression("attribute_exists(pk) AND leasedUntil < :now")
                            .expressionAttributeValues(
                                    Map.of(":until", number(now + LEASE.toSeconds()), ":now", number(now)))
                            .returnValues("ALL_NEW"))
                    .attributes();
            return Optional.of(read(item));
        } catch (ConditionalCheckFailedException overOrTaken) {
            return Optional.empty();
        }
    }

    public void remove(String id) {
        dynamoDb.deleteItem(request -> request.tableName(table).key(key(id)));
    }

    /** Removes what an earlier attempt of the same stage left: its token is dead. */
    public void removeStartingWith(String prefix) {
        query("pk = :pk AND begins_with(sk, :prefix)", Map.of(":pk", text(PARTITION), ":prefix", text(prefix)))
                .forEach(wait -> remove(wait.id()));
    }

    private List<Wait> query(String condition, Map<String, AttributeValue> values) {
        return dynamoDb
                .queryPaginator(request -> request.tableName(table)
                        .consistentRead(true)
                        .keyConditionExpression(condition)
                        .expressionAttributeValues(values))
                .items()
                .stream()
                .map(Waits::read)
                .toList();
    }

    private static Map<String, AttributeValue> key(String id) {
        return Map.of("pk", text(PARTITION), "sk", text(id));
    }

    private static Wait read(Map<String, AttributeValue> item) {
        return new Wait(
                item.get("sk").s(),
                item.get("token").s(),
                item.get("function").s(),
                item.get("execution").s(),
                item.get("stage").s(),
                item.get("input").s(),
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
