package cloudhsm.pipeline.provisioning.bucket;

import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.services.s3.model.Event;
import software.amazon.awssdk.services.s3.model.GetBucketNotificationConfigurationResponse;
import software.amazon.awssdk.services.s3.model.NotificationConfiguration;
import software.amazon.awssdk.services.s3.model.QueueConfiguration;

/** What S3 tells whom about the bucket: what its owner configured, and uploads to the re-encryptor's queue. */
public final class BucketNotification {
    static final String ID = "cloudhsm-pipeline-reencryption";

    /**
     * All ways to make an object but CopyObject. A copy takes its encryption from the caller or from the bucket's
     * default; and the re-encryptor itself copies where it cannot do better, which must not call it again.
     */
    private static final List<Event> UPLOADS = List.of(
            Event.S3_OBJECT_CREATED_PUT,
            Event.S3_OBJECT_CREATED_POST,
            Event.S3_OBJECT_CREATED_COMPLETE_MULTIPART_UPLOAD);

    private BucketNotification() {}

    /** Everything that is configured, and ours added or brought up to date; S3 replaces the configuration whole. */
    static NotificationConfiguration merged(GetBucketNotificationConfigurationResponse existing, String queueArn) {
        var queues = new ArrayList<QueueConfiguration>();
        existing.queueConfigurations().stream()
                .filter(configuration -> !ID.equals(configuration.id()))
                .forEach(queues::add);
        queues.add(QueueConfiguration.builder()
                .id(ID)
                .queueArn(queueArn)
                .events(UPLOADS)
                .build());
        return NotificationConfiguration.builder()
                .topicConfigurations(existing.topicConfigurations())
                .lambdaFunctionConfigurations(existing.lambdaFunctionConfigurations())
                .eventBridgeConfiguration(existing.eventBridgeConfiguration())
                .queueConfigurations(queues)
                .build();
    }

    /** Everything that is configured but ours. */
    public static NotificationConfiguration withoutOurs(GetBucketNotificationConfigurationResponse existing) {
        return NotificationConfiguration.builder()
                .topicConfigurations(existing.topicConfigurations())
                .lambdaFunctionConfigurations(existing.lambdaFunctionConfigurations())
                .eventBridgeConfiguration(existing.eventBridgeConfiguration())
                .queueConfigurations(existing.queueConfigurations().stream()
                        .filter(configuration -> !ID.equals(configuration.id()))
                        .toList())
                .build();
    }

    /** Whether our part is there already, so that S3 need not send its test event again. */
    static boolean hasOurs(GetBucketNotificationConfigurationResponse existing, String queueArn) {
        return existing.queueConfigurations().stream()
                .anyMatch(configuration -> ID.equals(configuration.id())
                        && queueArn.equals(configuration.queueArn())
                        && configuration.filter() == null
                        && configuration.events().size() == UPLOADS.size()
                        && configuration.events().containsAll(UPLOADS));
    }
}
