package cloudhsm.pipeline.provisioning.health;

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
public final class Healings {
    /** How long a healing counts against the most that there may be, and a notice is not repeated. */
    public static final Duration PERIOD = Duration.ofHours(24);

    /** What nobody touches leaves the table by itself. */
    private static final Duration KEPT = PERIOD.multipliedBy(2);

    private static final AttributeValue PARTITION = AttributeValue.fromS("HEALING");

    private final DynamoDbClient dynamoDb;
    private final String table;

    /** In the table that the function's environment names: TABLE_NAME. */
    public static Healings ofFunction() {
        return new Healings(Aws.dynamoDb(), Aws.environment("TABLE_NAME"));
    }

    /** @param table with the keys pk and sk */
    public Healings(DynamoDbClient dynamoDb, String table) {
        this.dynamoDb = dynamoDb;
        this.table = table;
    }

    /**
     * @param starts when each healing of the last {@link #PERIOD} began, by the ARN of its execution
     * @param reconnecting whether the last healing could disconnect the key store and has not ended well
     * @param notice what a person was told last while nothing was done, or ""
     * @param noticedAt when; EPOCH without a notice
     * @param leftAs the health in words with which the deployment was left alone last, or ""
     * @param leftUntil until when a healing would do so again, if the health is still the same; EPOCH without one
     */
    public record History(
            Map<String, Instant> starts,
            boolean reconnecting,
            String notice,
            Instant noticedAt,
            String leftAs,
            Instant leftUntil) {
        static final History NONE = new History(Map.of(), false, "", Instant.EPOCH, "", Instant.EPOCH);

        public History {
            starts = Map.copyOf(starts);
        }

        /** With one more healing, begun now; older ones than {@link #PERIOD} are forgotten. */
        public History begun(String execution, Instant now, boolean reconnecting) {
            var all = new HashMap<>(starts);
            all.values().removeIf(start -> start.isBefore(now.minus(PERIOD)));
            all.put(execution, now);
            return new History(all, reconnecting, "", Instant.EPOCH, "", Instant.EPOCH);
        }

        /** How many healings began in the last {@link #PERIOD}. */
        public long since(Instant now) {
            return starts.values().stream()
                    .filter(start -> !start.isBefore(now.minus(PERIOD)))
                    .count();
        }

        /** When the first of the healings of the last {@link #PERIOD} counts no longer; now without one. */
        public Instant nextAfter(Instant now) {
            return starts.values().stream()
                    .filter(start -> !start.isBefore(now.minus(PERIOD)))
                    .min(Instant::compareTo)
                    .map(first -> first.plus(PERIOD))
                    .orElse(now);
        }

        /** Whether a person was told the same less than a {@link #PERIOD} ago. */
        public boolean wasTold(String text, Instant now) {
            return notice.equals(text) && noticedAt.isAfter(now.minus(PERIOD));
        }

        /**
         * @param text what the person was told, now or less than a {@link #PERIOD} ago
         * @param until when a healing would not leave the deployment alone any more, as far as time decides it
         */
        public History leftAlone(String text, Instant now, DeploymentHealth health, Instant until) {
            var noticed = wasTold(text, now) ? noticedAt : now;
            var again = noticed.plus(PERIOD);
            return new History(
                    starts, reconnecting, text, noticed, health.inWords(), until.isBefore(again) ? until : again);
        }

        /** After a healing that ended well: nothing is left to tell. */
        public History ended() {
            return new History(starts, false, "", Instant.EPOCH, "", Instant.EPOCH);
        }
    }

    /**
     * Whether a healing would do nothing but leave the deployment alone: the last one did, and neither the health has
     * changed since, nor is it time to try again or to tell a person once more.
     */
    public boolean wouldLeaveAlone(DeploymentHealth health, Instant now) {
        var history = of(health.deployment());
        return history.leftAs().equals(health.inWords()) && now.isBefore(history.leftUntil());
    }

    /** What a deployment's healings have left behind; {@code NONE} where there was none. */
    public History of(String deployment) {
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
                Instant.parse(item.get("noticedAt").s()),
                item.get("leftAs").s(),
                Instant.parse(item.get("leftUntil").s()));
    }

    /** Remembers it for two days. */
    public void put(String deployment, History history, Instant now) {
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
                        "leftAs", text(history.leftAs()),
                        "leftUntil", text(history.leftUntil().toString()),
                        "expires",
                                AttributeValue.fromN(
                                        Long.toString(now.plus(KEPT).getEpochSecond())))));
    }

    private static AttributeValue text(String value) {
        return AttributeValue.fromS(value);
    }
}
