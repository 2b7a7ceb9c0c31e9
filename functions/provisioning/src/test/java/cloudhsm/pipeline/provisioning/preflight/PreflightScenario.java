package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.cluster.EmbeddedAws;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import java.math.BigDecimal;
import java.time.Duration;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.sfn.SfnClient;

/** The stage on an embedded AWS. */
final class PreflightScenario {
    static final String EXECUTION = "arn:aws:states:eu-central-1:111122223333:execution:provision:first";
    static final String TABLE = "pipeline";

    private PreflightScenario() {}

    static Preflight stage(EmbeddedAws aws) {
        return stage(aws, Quotas.DEFAULT);
    }

    static Preflight stage(EmbeddedAws aws, Quotas quotas) {
        return new Preflight(
                new Preflight.Account(
                        aws.cloudHsm,
                        aws.client(Ec2Client.builder()),
                        aws.client(KmsClient.builder()),
                        aws.client(S3Client.builder().forcePathStyle(true)),
                        aws.client(IamClient.builder())),
                lock(aws),
                deployments(aws),
                quotas,
                new BigDecimal("1.60"),
                aws.runtime());
    }

    static DeploymentLock lock(EmbeddedAws aws) {
        return new DeploymentLock(aws.client(DynamoDbClient.builder()), aws.client(SfnClient.builder()), TABLE);
    }

    static Deployments deployments(EmbeddedAws aws) {
        return new Deployments(aws.client(DynamoDbClient.builder()), TABLE);
    }

    static void createTable(EmbeddedAws aws) {
        aws.client(DynamoDbClient.builder())
                .createTable(table -> table.tableName(TABLE)
                        .billingMode(BillingMode.PAY_PER_REQUEST)
                        .attributeDefinitions(attribute("pk"), attribute("sk"))
                        .keySchema(key("pk", KeyType.HASH), key("sk", KeyType.RANGE)));
        // A table is CREATING for a while.
        aws.cloud.advance(Duration.ofMinutes(1));
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
