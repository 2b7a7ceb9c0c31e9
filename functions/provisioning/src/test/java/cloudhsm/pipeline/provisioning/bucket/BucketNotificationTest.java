package cloudhsm.pipeline.provisioning.bucket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.s3.model.Event;
import software.amazon.awssdk.services.s3.model.EventBridgeConfiguration;
import software.amazon.awssdk.services.s3.model.NotificationConfiguration;
import software.amazon.awssdk.services.s3.model.QueueConfiguration;
import software.amazon.awssdk.services.s3.model.TopicConfiguration;

class BucketNotificationTest {
    private static final String QUEUE = "arn:aws:sqs:eu-central-1:111122223333:uploads";

    private static NotificationConfiguration existing(QueueConfiguration... queues) {
        return NotificationConfiguration.builder()
                .queueConfigurations(queues)
                .topicConfigurations(TopicConfiguration.builder()
                        .id("theirs")
                        .topicArn("arn:aws:sns:eu-central-1:111122223333:deletions")
                        .events(Event.S3_OBJECT_REMOVED)
                        .build())
                .eventBridgeConfiguration(EventBridgeConfiguration.builder().build())
                .build();
    }

    @Test
    void whatTheOwnerConfiguredStays() {
        var queue = QueueConfiguration.builder()
                .id("theirs, too")
                .queueArn("arn:aws:sqs:eu-central-1:111122223333:tags")
                .events(Event.fromValue("s3:ObjectTagging:*"))
                .build();

        var merged = BucketNotification.merged(existing(queue), QUEUE);

        assertEquals(1, merged.topicConfigurations().size(), "S3 replaces the whole configuration");
        assertTrue(merged.eventBridgeConfiguration() != null, "S3 replaces the whole configuration");
        assertEquals(
                List.of("theirs, too", BucketNotification.ID),
                merged.queueConfigurations().stream()
                        .map(QueueConfiguration::id)
                        .toList());
    }

    @Test
    void everyWayToMakeAnObjectIsAnnounced() {
        var events = BucketNotification.merged(existing(), QUEUE)
                .queueConfigurations()
                .getFirst()
                .eventsAsStrings();

        assertEquals(
                List.of("s3:ObjectCreated:*"),
                events,
                "an object that a copy makes under SSE-S3 would stay there for good");
    }

    @Test
    void ourOwnConfigurationOfBeforeIsBroughtUpToDate() {
        var withoutCopies = QueueConfiguration.builder()
                .id(BucketNotification.ID)
                .queueArn(QUEUE)
                .events(Event.S3_OBJECT_CREATED_PUT, Event.S3_OBJECT_CREATED_POST)
                .build();

        assertFalse(BucketNotification.hasOurs(existing(withoutCopies), QUEUE));
    }

    @Test
    void ourOwnConfigurationIsReplacedWhenTheQueueIsAnother() {
        var once = BucketNotification.merged(existing(), QUEUE)
                .queueConfigurations()
                .getFirst();

        assertTrue(BucketNotification.hasOurs(existing(once), QUEUE), "writing it again would send a test event");
        assertFalse(BucketNotification.hasOurs(existing(once), QUEUE + "-2"));
        assertEquals(
                List.of(QUEUE + "-2"),
                BucketNotification.merged(existing(once), QUEUE + "-2").queueConfigurations().stream()
                        .map(QueueConfiguration::queueArn)
                        .toList());
    }
}
