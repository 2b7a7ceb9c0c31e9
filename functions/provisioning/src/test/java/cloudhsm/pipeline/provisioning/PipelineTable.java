package cloudhsm.pipeline.provisioning;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import java.time.Duration;
import java.util.Map;
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

    /** Creates the table and waits until it can be used. */
    public static void create(DynamoDbClient dynamoDb, LocalCloud cloud) {
        dynamoDb.createTable(table -> table.tableName(NAME)
                .billingMode(BillingMode.PAY_PER_REQUEST)
                .attributeDefinitions(attribute("pk"), attribute("sk"))
                .keySchema(key("pk", KeyType.HASH), key("sk", KeyType.RANGE)));
        // A table is CREATING for a while.
        cloud.advance(Duration.ofMinutes(1));
    }

    /** Creates the table with the record of one deployment, which is being provisioned. */
    public static Deployments deployments(DynamoDbClient dynamoDb, LocalCloud cloud, String deployment) {
        create(dynamoDb, cloud);
        var deployments = new Deployments(dynamoDb, NAME);
        deployments.provisioning(deployment, Map.of(), cloud.time().now());
        return deployments;
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
