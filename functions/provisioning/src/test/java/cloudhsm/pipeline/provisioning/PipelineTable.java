package cloudhsm.pipeline.provisioning;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Json;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;

/** The pipeline's one table, as the template makes it. */
public final class PipelineTable {
    public static final String NAME = "pipeline";

    private PipelineTable() {}

    /** The table with a record of one deployment, which is PROVISIONING. */
    public static Deployments withRecordOf(String deployment, DynamoDbClient dynamoDb, LocalCloud cloud) {
        create(dynamoDb, cloud);
        var deployments = new Deployments(dynamoDb, NAME);
        provisioning(
                deployments,
                deployment,
                Map.of("deployment", deployment),
                cloud.time().now());
        return deployments;
    }

    /** Has the record of a deployment of which no input has said anything say that it is PROVISIONING by that plan. */
    public static void provisioning(Deployments deployments, String deployment, Map<String, ?> plan, Instant now) {
        deployments.provisioning(
                deployment, Optional.empty(), Json.MAPPER.createObjectNode(), plan, Optional.empty(), now);
    }

    /** Creates the table, unless it is there, and waits until it can be used. */
    public static void create(DynamoDbClient dynamoDb, LocalCloud cloud) {
        if (dynamoDb.listTables().tableNames().contains(NAME)) return;
        dynamoDb.createTable(table -> table.tableName(NAME)
                .billingMode(BillingMode.PAY_PER_REQUEST)
                .attributeDefinitions(attribute("pk"), attribute("sk"))
                .keySchema(key("pk", KeyType.HASH), key("sk", KeyType.RANGE)));
        // A table is CREATING for a while.
        cloud.advance(Duration.ofMinutes(1));
    }

    private static AttributeDefinition attribute(String name) {
        return AttributeDefinition.builder()
                .attributeName(name)
                .attributeType(ScalarAttributeType.S)
                .build();
    }

    private static KeySchemaElement key(String name, KeyType type) {
        return KeySchemaElement.builder().attributeName(name).keyType(type).build();
    }
}
