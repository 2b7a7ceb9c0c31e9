package cloudhsm.pipeline.provisioning.healing;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * What each deployment's healings have left behind, in the pipeline's one table under the partition key HEALING. Only
 * who holds the deployment's lock writes here.
 */
final class Healings {
    /** How long a healing counts against the most that there may be, and a notice is not repeated. */
    static final Duration PERIOD = Duration.ofHours(24);

    /** What nobody touches leaves the table by itself. */
    private static final Duration KEPT = PERIOD.multipliedBy(2);

    private static final AttributeValue PARTITION = AttributeValue.fromS("HEALING");

    private final DynamoDbClient dynamoDb;
    private final String table;

    /** In the table that the function's environment names: TABLE_NAME. */
    static Healings ofFunction() {
        return new Healings(Aws.dynamoDb(), Aws.environment("TABLE_NAME"));
    }

    /** @param table with the keys pk and sk */
    Healings(DynamoDbClient dynamoDb, String table) {
        this.dynamoDb = dynamoDb;
        this.table = table;
    }

    /**
     * @param starts when each healing of the last {@link #PERIOD} began, by the ARN of its execution
     * @param reconnecting whether the last healing could disconnect the key store and has not ended well
     * @param notice what a person was told last while nothing was done, or ""
     * @param noticedAt when; EPOCH without a notice
     */
    record History(Map<String, Instant> starts, boolean reconnecting, String notice, Instant noticedAt) {
        static final History NONE = new History(Map.of(), false, "", Instant.EPOCH);

        History {
            starts = Map.copyOf(starts);
        }

        History begun(String execution, Instant now, boolean reconnecting) {
            var all = new HashMap<>(starts);
            all.values().removeIf(start -> start.isBefore(now.minus(PERIOD)));
            all.put(execution, now);
            return new History(all, reconnecting, "", Instant.EPOCH);
        }

        /** How many healings began in the last {@link #PERIOD}. */
        long since(Instant now) {
            return starts.values().stream()
                    .filter(start -> !start.isBefore(now.minus(PERIOD)))
                    .count();
        }

        /** When the first of the healings of the last {@link #PERIOD} counts no longer; now without one. */
        Instant nextAfter(Instant now) {
            return starts.values().stream()
                    .filter(start -> !start.isBefore(now.minus(PERIOD)))
                    .min(Instant::compareTo)
                    .map(first -> first.plus(PERIOD))
                    .orElse(now);
        }

        boolean wasTold(String text, Instant now) {
            return notice.equals(text) && noticedAt.isAfter(now.minus(PERIOD));
        }

        History told(String text, Instant now) {
            return new History(starts, reconnecting, text, now);
        }

        History ended() {
            return new History(starts, false, "", Instant.EPOCH);
        }
    }

    History of(String deployment) {
        var item = dynamoDb.getItem(request -> request.tableName(table)
                        .key(Map.of("pk", PARTITION, "sk", text(deployment)))
                        .consistentRead(true))
                .item();
        if (item == null || item.isEmpty()) return History.NONE;
        var starts = new HashMap<String, Instant>();
        item.get("starts").m().forEach((execution, start) -> starts.put(execution, Instant.parse(start.s())));
        return new History(
                starts,
                item.get("reconnecting").bool(),
                item.get("notice").s(),
                Instant.parse(item.get("noticedAt").s()));
    }

    void put(String deployment, History history, Instant now) {
        var starts = new HashMap<String, AttributeValue>();
        history.starts().forEach((execution, start) -> starts.put(execution, text(start.toString())));
        dynamoDb.putItem(request -> request.tableName(table)
                .item(Map.of(
                        "pk", PARTITION,
                        "sk", text(deployment),
                        "starts", AttributeValue.fromM(starts),
                        "reconnecting", AttributeValue.fromBool(history.reconnecting()),
                        "notice", text(history.notice()),
                        "noticedAt", text(history.noticedAt().toString()),
                        "expires",
                                AttributeValue.fromN(
                                        Long.toString(now.plus(KEPT).getEpochSecond())))));
    }

    private static AttributeValue text(String value) {
        return AttributeValue.fromS(value);
    }
}
