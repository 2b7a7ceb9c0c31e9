package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.Resolver.ResourceValues;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.EventBridgeConfiguration;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.s3.model.OwnershipControlsRule;
import software.amazon.awssdk.services.s3.model.PublicAccessBlockConfiguration;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;

/** AWS::S3::Bucket and AWS::S3::BucketPolicy, made over HTTP as any client makes them. */
final class Buckets implements AutoCloseable {
    private final Names names;
    private final Account account;
    private final S3Client s3;

    Buckets(LocalCloud cloud, Names names) {
        this.names = names;
        this.account = cloud.account();
        s3 = cloud.client(S3Client.builder().forcePathStyle(true));
    }

    ResourceValues create(String logicalId, Properties properties) {
        properties.withoutEffect("Tags");
        var bucket = properties.text("BucketName").orElseGet(() -> names.lowerCase(logicalId));
        s3.createBucket(create -> create.bucket(bucket)); // the SDK adds the Region where it must be said
        if (properties.has("VersioningConfiguration")) {
            var status =
                    properties.node("VersioningConfiguration").path("Status").asText();
            s3.putBucketVersioning(put -> put.bucket(bucket)
                    .versioningConfiguration(
                            versioning -> versioning.status(BucketVersioningStatus.fromValue(status))));
        }
        if (properties.has("PublicAccessBlockConfiguration")) {
            var block = publicAccessBlock(properties.node("PublicAccessBlockConfiguration"));
            s3.putPublicAccessBlock(put -> put.bucket(bucket).publicAccessBlockConfiguration(block));
        }
        for (var rule : properties.node("OwnershipControls").path("Rules")) {
            var ownership = OwnershipControlsRule.builder()
                    .objectOwnership(ObjectOwnership.fromValue(
                            rule.path("ObjectOwnership").asText()))
                    .build();
            s3.putBucketOwnershipControls(
                    put -> put.bucket(bucket).ownershipControls(controls -> controls.rules(ownership)));
        }
        for (var rule : properties.node("BucketEncryption").path("ServerSideEncryptionConfiguration")) {
            var encryption = encryption(rule);
            s3.putBucketEncryption(put -> put.bucket(bucket)
                    .serverSideEncryptionConfiguration(configuration -> configuration.rules(encryption)));
        }
        if (properties.has("NotificationConfiguration")) notify(bucket, properties);
        return new ResourceValues(
                bucket,
                Map.of(
                        "Arn", "arn:aws:s3:::" + bucket,
                        "DomainName", bucket + ".s3.amazonaws.com",
                        "RegionalDomainName", bucket + "." + account.host("s3")));
    }

    private static PublicAccessBlockConfiguration publicAccessBlock(JsonNode node) {
        return PublicAccessBlockConfiguration.builder()
                .blockPublicAcls(node.path("BlockPublicAcls").asBoolean())
                .blockPublicPolicy(node.path("BlockPublicPolicy").asBoolean())
                .ignorePublicAcls(node.path("IgnorePublicAcls").asBoolean())
                .restrictPublicBuckets(node.path("RestrictPublicBuckets").asBoolean())
                .build();
    }

    private static ServerSideEncryptionRule encryption(JsonNode rule) {
        var byDefault = rule.path("ServerSideEncryptionByDefault");
        return ServerSideEncryptionRule.builder()
                .bucketKeyEnabled(rule.path("BucketKeyEnabled").asBoolean())
                .applyServerSideEncryptionByDefault(apply -> apply.sseAlgorithm(ServerSideEncryption.fromValue(
                                byDefault.path("SSEAlgorithm").asText()))
                        .kmsMasterKeyID(byDefault.path("KMSMasterKeyID").asText(null)))
                .build();
    }

    private void notify(String bucket, Properties properties) {
        var notification = properties.nested("NotificationConfiguration");
        var eventBridge = notification.nested("EventBridgeConfiguration");
        var enabled = notification.has("EventBridgeConfiguration")
                && eventBridge.text("EventBridgeEnabled").orElse("true").equals("true");
        eventBridge.requireAllRead();
        notification.requireAllRead();
        if (!enabled) return;
        s3.putBucketNotificationConfiguration(put -> put.bucket(bucket)
                .notificationConfiguration(configuration -> configuration.eventBridgeConfiguration(
                        EventBridgeConfiguration.builder().build())));
    }

    /** AWS::S3::BucketPolicy. */
    void putPolicy(Properties properties) {
        var policy = Json.text(properties.requiredNode("PolicyDocument"));
        s3.putBucketPolicy(put -> put.bucket(properties.required("Bucket")).policy(policy));
    }

    @Override
    public void close() {
        s3.close();
    }
}
