package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/** The state in which each resource was last seen, in the pipeline's table under the partition key SEEN. */
public final class SeenStates {
    private static final AttributeValue PARTITION = AttributeValue.fromS("SEEN");

    private final DynamoDbClient dynamoDb;
    private final String table;

    /** In the table that the function's environment names: TABLE_NAME. */
    public static SeenStates ofFunction() {
        return new SeenStates(Aws.dynamoDb(), Aws.environment("TABLE_NAME"));
    }

    /** @param table with the keys pk and sk */
    public SeenStates(DynamoDbClient dynamoDb, String table) {
        this.dynamoDb = dynamoDb;
        this.table = table;
    }

    Optional<String> of(Resource resource) {
        var item = dynamoDb.getItem(
                        request -> request.tableName(table).key(key(resource)).consistentRead(true))
                .item();
        return item == null || item.isEmpty()
                ? Optional.empty()
                : Optional.of(item.get("state").s());
    }

    void put(Resource resource, String state, Instant observedAt) {
        dynamoDb.putItem(request -> request.tableName(table)
                .item(Map.of(
                        "pk", PARTITION,
                        "sk", AttributeValue.fromS(sortKey(resource)),
                        "type", AttributeValue.fromS(resource.type().name()),
                        "id", AttributeValue.fromS(resource.id()),
                        "state", AttributeValue.fromS(state),
                        "observedAt", AttributeValue.fromS(observedAt.toString()))));
    }

    /** Forgets the resource; it need not be known. */
    public void forget(Resource resource) {
        dynamoDb.deleteItem(request -> request.tableName(table).key(key(resource)));
    }

    /** Every resource that has been seen and not been forgotten. */
    public List<Resource> all() {
        return dynamoDb
                .queryPaginator(request -> request.tableName(table)
                        .keyConditionExpression("pk = :pk")
                        .expressionAttributeValues(Map.of(":pk", PARTITION)))
                .items()
                .stream()
                .map(item -> new Resource(
                        Resource.Type.valueOf(item.get("type").s()),
                        item.get("id").s()))
                .toList();
    }

    private static Map<String, AttributeValue> key(Resource resource) {
        return Map.of("pk", PARTITION, "sk", AttributeValue.fromS(sortKey(resource)));
    }

    private static String sortKey(Resource resource) {
        return resource.type() + "#" + resource.id();
    }
}
