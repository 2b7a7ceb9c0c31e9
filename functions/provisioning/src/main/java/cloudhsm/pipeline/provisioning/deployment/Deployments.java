package cloudhsm.pipeline.provisioning.deployment;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;

/** The deployments, in the pipeline's one table under the partition key DEPLOYMENT. */
public final class Deployments {
    private static final AttributeValue PARTITION = AttributeValue.fromS("DEPLOYMENT");

    private final DynamoDbClient dynamoDb;
    private final String table;

    /** In the table that the function's environment names: TABLE_NAME. */
    public static Deployments ofFunction() {
        return new Deployments(Aws.dynamoDb(), Aws.environment("TABLE_NAME"));
    }

    /** @param table with the keys pk and sk */
    public Deployments(DynamoDbClient dynamoDb, String table) {
        this.dynamoDb = dynamoDb;
        this.table = table;
    }

    /** An execution starts to make the deployment, or to complete it: it is PROVISIONING by this plan. */
    public void provisioning(String name, Object plan, Instant now) {
        update(
                name,
                Phase.PROVISIONING,
                now,
                "SET phase = :phase, since = :since, planDocument = :plan",
                ":plan",
                plan);
    }

    /** The deployment is complete: it is RUNNING. */
    public void running(String name, Object resources, Instant now) {
        update(
                name,
                Phase.RUNNING,
                now,
                "SET phase = :phase, since = :since, resourcesDocument = :resources",
                ":resources",
                resources);
    }

    /** @return whether there is such a deployment; if not, nothing is stored */
    public boolean enter(String name, Phase phase, Instant now) {
        try {
            dynamoDb.updateItem(request -> request.tableName(table)
                    .key(key(name))
                    .updateExpression("SET phase = :phase, since = :since")
                    .conditionExpression("attribute_exists(pk)")
                    .expressionAttributeValues(Map.of(":phase", text(phase.name()), ":since", text(now.toString()))));
            return true;
        } catch (ConditionalCheckFailedException unknown) {
            return false;
        }
    }

    public Optional<Deployment> find(String name) {
        var item = dynamoDb.getItem(
                        request -> request.tableName(table).key(key(name)).consistentRead(true))
                .item();
        return item == null || item.isEmpty() ? Optional.empty() : Optional.of(read(item));
    }

    /** Every deployment, by name. */
    public List<Deployment> all() {
        return dynamoDb
                .queryPaginator(request -> request.tableName(table)
                        .consistentRead(true)
                        .keyConditionExpression("pk = :pk")
                        .expressionAttributeValues(Map.of(":pk", PARTITION)))
                .items()
                .stream()
                .map(Deployments::read)
                .toList();
    }

    /** Forgets the deployment; it need not be there. */
    public void remove(String name) {
        dynamoDb.deleteItem(request -> request.tableName(table).key(key(name)));
    }

    private void update(String name, Phase phase, Instant now, String expression, String member, Object value) {
        dynamoDb.updateItem(request -> request.tableName(table)
                .key(key(name))
                .updateExpression(expression)
                .expressionAttributeValues(Map.of(
                        ":phase", text(phase.name()), ":since", text(now.toString()), member, text(json(value)))));
    }

    private static Map<String, AttributeValue> key(String name) {
        return Map.of("pk", PARTITION, "sk", text(name));
    }

    private static Deployment read(Map<String, AttributeValue> item) {
        return new Deployment(
                item.get("sk").s(),
                Phase.valueOf(item.get("phase").s()),
                Instant.parse(item.get("since").s()),
                parsed(item, "planDocument"),
                parsed(item, "resourcesDocument"));
    }

    private static JsonNode parsed(Map<String, AttributeValue> item, String member) {
        try {
            return item.containsKey(member)
                    ? Json.MAPPER.readTree(item.get(member).s())
                    : Json.MAPPER.createObjectNode();
        } catch (JsonProcessingException damaged) {
            throw new IllegalStateException(
                    member + " of deployment " + item.get("sk").s() + " is not JSON", damaged);
        }
    }

    private static String json(Object value) {
        try {
            return Json.MAPPER.writeValueAsString(value);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static AttributeValue text(String value) {
        return AttributeValue.fromS(value);
    }
}
