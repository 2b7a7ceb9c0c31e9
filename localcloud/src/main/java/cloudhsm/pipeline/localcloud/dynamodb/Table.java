package cloudhsm.pipeline.localcloud.dynamodb;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A table: its key schema, and its items in the order of their keys. Callers hold the lock of the simulated time. */
final class Table {
    private record Key(String name, String type) {}

    /** Items of one partition sort by their sort key; partitions by the text of theirs, so that runs repeat. */
    private record Place(String partition, JsonNode sort) implements Comparable<Place> {
        @Override
        public int compareTo(Place other) {
            var byPartition = partition.compareTo(other.partition);
            if (byPartition != 0 || sort.isEmpty()) return byPartition;
            return AttributeValues.order(sort, other.sort).orElseThrow();
        }
    }

    final String name;
    private final ObjectNode description;
    private final Key partition;
    private final Optional<Key> sort;
    private final TreeMap<Place, ObjectNode> items = new TreeMap<>();
    String status;

    /** Empty while time to live is off. */
    Optional<String> timeToLiveAttribute = Optional.empty();

    /**
     * @param input as CreateTable's
     * @throws AwsException ValidationException
     */
    Table(ObjectNode input, String arn, Instant createdAt, String tableId, String status) {
        name = input.path("TableName").asText();
        if (!name.matches("[a-zA-Z0-9_.-]{3,255}")) {
            throw AttributeValues.invalid("1 validation error detected: Value '" + name
                    + "' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern:"
                    + " [a-zA-Z0-9_.-]+");
        }
        for (var index : List.of("GlobalSecondaryIndexes", "LocalSecondaryIndexes")) {
            if (input.hasNonNull(index)) throw AttributeValues.invalid("The embedded AWS has no " + index);
        }
        var types = new TreeMap<String, String>();
        input.path("AttributeDefinitions")
                .forEach(definition -> types.put(
                        definition.path("AttributeName").asText(),
                        definition.path("AttributeType").asText()));
        partition = key(input, "HASH", types)
                .orElseThrow(() -> AttributeValues.invalid(
                        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"));
        sort = key(input, "RANGE", types);
        if (types.size() != (sort.isPresent() ? 2 : 1)) {
            throw AttributeValues.invalid("One or more parameter values were invalid: Number of attributes in"
                    + " KeySchema does not exactly match number of attributes defined in AttributeDefinitions");
        }
        if (input.path("BillingMode").asText("PROVISIONED").equals("PROVISIONED")
                && !input.hasNonNull("ProvisionedThroughput")) {
            throw AttributeValues.invalid("One or more parameter values were invalid: ReadCapacityUnits and"
                    + " WriteCapacityUnits must both be specified when BillingMode is PROVISIONED");
        }
        this.status = status;
        description = Json.object()
                .put("TableName", name)
                .put("TableArn", arn)
                .put("TableId", tableId)
                .put("CreationDateTime", Json.epochSeconds(createdAt));
        description.set("KeySchema", input.get("KeySchema"));
        description.set("AttributeDefinitions", input.get("AttributeDefinitions"));
        description
                .putObject("BillingModeSummary")
                .put("BillingMode", input.path("BillingMode").asText("PROVISIONED"));
    }

    private static Optional<Key> key(ObjectNode input, String keyType, Map<String, String> types) {
        for (var element : input.path("KeySchema")) {
            if (!element.path("KeyType").asText().equals(keyType)) continue;
            var name = element.path("AttributeName").asText();
            var type = types.get(name);
            if (type == null || !type.matches("[SNB]")) {
                throw AttributeValues.invalid("One or more parameter values were invalid: Some index key attributes"
                        + " are not defined in AttributeDefinitions. Keys: [" + name + "]");
            }
            return Optional.of(new Key(name, type));
        }
        return Optional.empty();
    }

    ObjectNode described() {
        var bytes = items.values().stream().mapToLong(AttributeValues::bytes).sum();
        return description
                .deepCopy()
                .put("TableStatus", status)
                .put("ItemCount", items.size())
                .put("TableSizeBytes", bytes);
    }

    String partitionKey() {
        return partition.name;
    }

    Optional<String> sortKey() {
        return sort.map(Key::name);
    }

    boolean isKey(String attribute) {
        return partition.name.equals(attribute)
                || sortKey().map(attribute::equals).orElse(false);
    }

    private List<Key> keys() {
        return sort.map(key -> List.of(partition, key)).orElse(List.of(partition));
    }

    /** The key attributes of an item. */
    ObjectNode keyOf(ObjectNode item) {
        var key = Json.object();
        keys().forEach(part -> key.set(part.name, item.get(part.name)));
        return key;
    }

    /** @throws AwsException ValidationException unless the node is exactly a key of this table */
    ObjectNode checkedKey(JsonNode node) {
        if (!(node instanceof ObjectNode key)
                || key.size() != keys().size()
                || keys().stream().anyMatch(part -> !key.path(part.name).has(part.type))) {
            throw AttributeValues.invalid("The provided key element does not match the schema");
        }
        checkKeyValues(key);
        return key;
    }

    /** @throws AwsException ValidationException unless the item can be stored */
    ObjectNode checkedItem(JsonNode node) {
        if (!(node instanceof ObjectNode item)) throw AttributeValues.invalid("The item must not be null");
        item.forEach(AttributeValues::check);
        for (var key : keys()) {
            var value = item.path(key.name);
            if (value.isMissingNode()) {
                throw AttributeValues.invalid(
                        "One or more parameter values were invalid: Missing the key " + key.name + " in the item");
            }
            if (!value.has(key.type)) {
                throw AttributeValues.invalid("One or more parameter values were invalid: Type mismatch for key "
                        + key.name + " expected: " + key.type + " actual: " + AttributeValues.type(value));
            }
        }
        checkKeyValues(item);
        if (AttributeValues.bytes(item) > AttributeValues.MOST_BYTES) {
            throw AttributeValues.invalid("Item size has exceeded the maximum allowed size");
        }
        return item;
    }

    private void checkKeyValues(ObjectNode item) {
        for (var key : keys()) {
            AttributeValues.check(item.get(key.name));
            if (AttributeValues.content(item.get(key.name)).asText().isEmpty()) {
                throw AttributeValues.invalid("One or more parameter values are not valid. The AttributeValue for a key"
                        + " attribute cannot contain an empty string value. Key: " + key.name);
            }
        }
    }

    private Place place(ObjectNode item) {
        var value = item.get(partition.name);
        var text = partition.type.equals("N")
                ? AttributeValues.number(value.get("N")).stripTrailingZeros().toPlainString()
                : AttributeValues.content(value).asText();
        return new Place(text, sort.map(key -> item.get(key.name)).orElse(Json.object()));
    }

    Optional<ObjectNode> get(ObjectNode key) {
        return Optional.ofNullable(items.get(place(key)));
    }

    void put(ObjectNode item) {
        items.put(place(item), item.deepCopy());
    }

    void remove(ObjectNode key) {
        items.remove(place(key));
    }

    /** All items, by key. */
    List<ObjectNode> items() {
        return new ArrayList<>(items.values());
    }

    /** Whether the first key comes before the second, in the order of {@link #items}. */
    boolean before(ObjectNode first, ObjectNode second) {
        return place(first).compareTo(place(second)) < 0;
    }

    /** Deletes what has expired: the attribute is a Number of epoch seconds, at most five years past. */
    void sweep(Instant now) {
        timeToLiveAttribute.ifPresent(attribute -> items.values().removeIf(item -> {
            var value = item.path(attribute).path("N");
            if (value.isMissingNode()) return false;
            var expires = AttributeValues.number(value).longValue();
            return expires < now.getEpochSecond() && expires > now.getEpochSecond() - 5L * 365 * 24 * 3600;
        }));
    }
}
