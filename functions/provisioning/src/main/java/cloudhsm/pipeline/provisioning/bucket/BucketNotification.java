package cloudhsm.pipeline.provisioning.bucket;

import java.util.List;
import java.util.stream.Stream;
import software.amazon.awssdk.services.s3.model.Event;
import software.amazon.awssdk.services.s3.model.GetBucketNotificationConfigurationResponse;
import software.amazon.awssdk.services.s3.model.NotificationConfiguration;
import software.amazon.awssdk.services.s3.model.QueueConfiguration;

/** What S3 tells whom about the bucket: what its owner configured, and uploads to the re-encryptor's queue. */
final class BucketNotification {
    static final String ID = "cloudhsm-pipeline-reencryption";

    /**
     * Every way to make an object: PUT, POST, multipart upload and copy today, and what S3 may add. The re-encryptor's
     * own copies are among them; it finds them under the key at the first look, and does nothing.
     */
    private static final List<Event> UPLOADS = List.of(Event.S3_OBJECT_CREATED);

    private BucketNotification() {}

    /** What is configured, as it can be configured again. */
    static NotificationConfiguration of(GetBucketNotificationConfigurationResponse existing) {
        return NotificationConfiguration.builder()
                .topicConfigurations(existing.topicConfigurations())
                .queueConfigurations(existing.queueConfigurations())
                .lambdaFunctionConfigurations(existing.lambdaFunctionConfigurations())
                .eventBridgeConfiguration(existing.eventBridgeConfiguration())
                .build();
    }

    /** Everything that is configured, and ours added or brought up to date; S3 replaces the configuration whole. */
    static NotificationConfiguration merged(NotificationConfiguration existing, String queueArn) {
        var ours = QueueConfiguration.builder()
                .id(ID)
                .queueArn(queueArn)
                .events(UPLOADS)
                .build();
        return existing.toBuilder()
                .queueConfigurations(
                        Stream.concat(others(existing), Stream.of(ours)).toList())
                .build();
    }

    /** Everything that is configured but ours; the very same where ours is not there. */
    static NotificationConfiguration withoutOurs(NotificationConfiguration existing) {
        if (others(existing).count() == existing.queueConfigurations().size()) return existing;
        return existing.toBuilder()
                .queueConfigurations(others(existing).toList())
                .build();
    }

    private static Stream<QueueConfiguration> others(NotificationConfiguration existing) {
        return existing.queueConfigurations().stream().filter(configuration -> !ID.equals(configuration.id()));
    }

    /** Whether our part is there already, so that S3 need not send its test event again. */
    static boolean hasOurs(NotificationConfiguration existing, String queueArn) {
        return existing.queueConfigurations().stream()
                .anyMatch(configuration -> ID.equals(configuration.id())
                        && queueArn.equals(configuration.queueArn())
                        && configuration.filter() == null
                        && configuration.events().size() == UPLOADS.size()
                        && configuration.events().containsAll(UPLOADS));
    }
}
