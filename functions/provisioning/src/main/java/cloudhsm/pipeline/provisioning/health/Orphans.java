package cloudhsm.pipeline.provisioning.health;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/** What is known of clusters without a deployment, in the pipeline's table under the partition key ORPHAN. */
final class Orphans {
    private static final AttributeValue PARTITION = AttributeValue.fromS("ORPHAN");

    /** How long DynamoDB keeps one that is not seen any more. */
    private static final Duration KEPT = Duration.ofDays(30);

    private final DynamoDbClient dynamoDb;
    private final String table;

    Orphans(DynamoDbClient dynamoDb, String table) {
        this.dynamoDb = dynamoDb;
        this.table = table;
    }

    Optional<Orphan> find(String clusterId) {
        var item = dynamoDb.getItem(request -> request.tableName(table)
                        .key(Map.of("pk", PARTITION, "sk", AttributeValue.fromS(clusterId)))
                        .consistentRead(true))
                .item();
        if (item == null || item.isEmpty()) return Optional.empty();
        var hsms = new TreeMap<String, Orphan.Sighting>();
        item.get("hsms").m().forEach((id, sighting) -> hsms.put(id, read(sighting.m())));
        return Optional.of(new Orphan(clusterId, Instant.parse(item.get("told").s()), hsms));
    }

    private static Orphan.Sighting read(Map<String, AttributeValue> sighting) {
        return new Orphan.Sighting(
                Instant.parse(sighting.get("first").s()),
                Instant.parse(sighting.get("last").s()));
    }

    void put(Orphan orphan, Instant now) {
        var hsms = new HashMap<String, AttributeValue>();
        orphan.hsms()
                .forEach((id, sighting) -> hsms.put(
                        id,
                        AttributeValue.fromM(Map.of("first", text(sighting.first()), "last", text(sighting.last())))));
        dynamoDb.putItem(request -> request.tableName(table)
                .item(Map.of(
                        "pk",
                        PARTITION,
                        "sk",
                        AttributeValue.fromS(orphan.clusterId()),
                        "told",
                        text(orphan.told()),
                        "hsms",
                        AttributeValue.fromM(hsms),
                        "expires",
                        AttributeValue.fromN(String.valueOf(now.plus(KEPT).getEpochSecond())))));
    }

    private static AttributeValue text(Instant instant) {
        return AttributeValue.fromS(instant.toString());
    }
}
