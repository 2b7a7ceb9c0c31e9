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
     * Every way to make an object: PUT, POST, multipart upload and copy today, and what S3 may add. The re-encryptor's
     * own copies are among them; it finds them under the key at the first look, and does nothing.
     */
    private static final List<Event> UPLOADS = List.of(Event.S3_OBJECT_CREATED);

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
