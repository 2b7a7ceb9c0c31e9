package cloudhsm.pipeline.reencryption;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.reencryption.Settings.DualLayerObjects;
import cloudhsm.pipeline.reencryption.Settings.Mode;
import cloudhsm.pipeline.reencryption.Settings.PreviousVersions;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import com.amazonaws.services.lambda.runtime.events.SQSEvent.SQSMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.Event;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

/**
 * Many uploads while much goes wrong: the queue, its events, which come twice and in any order, the function and S3 as
 * they work together. That the queue is empty in the end, and that no object has a second copy, shows that nothing loops.
 */
class LossFreeTest {
    private static final String BUCKET = "quarterly-reports";
    private static final int OBJECTS = Integer.getInteger("loss.objects", 50);

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = cloud.client(S3Client.builder().forcePathStyle(true));
    private final SqsClient sqs = cloud.client(SqsClient.builder());
    private final TestKeys keys = new TestKeys(cloud);
    private final String target = keys.create();
    private final String queue;
    private final String deadLetters;

    LossFreeTest() {
        s3.createBucket(request -> request.bucket(BUCKET)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        s3.putBucketVersioning(request -> request.bucket(BUCKET)
                .versioningConfiguration(versioning -> versioning.status(BucketVersioningStatus.ENABLED)));
        s3.putBucketEncryption(request -> request.bucket(BUCKET)
                .serverSideEncryptionConfiguration(configuration ->
                        configuration.rules(rule -> rule.applyServerSideEncryptionByDefault(standard ->
                                        standard.sseAlgorithm("aws:kms").kmsMasterKeyID(target))
                                .bucketKeyEnabled(true))));
        deadLetters = cloud.sqs().createQueue("put-aside", Map.of());
        queue = cloud.sqs()
                .createQueue(
                        "uploads",
                        Map.of(
                                "MessageRetentionPeriod",
                                "1209600",
                                "VisibilityTimeout",
                                "960",
                                "RedrivePolicy",
                                "{\"deadLetterTargetArn\": \"" + deadLetters + "\", \"maxReceiveCount\": 500}",
                                "Policy",
                                """
                                {"Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
                                  "Action": "sqs:SendMessage", "Resource": "*"}]}
                                """));
        s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration.queueConfigurations(
                        to -> to.queueArn(queue).events(Event.S3_OBJECT_CREATED))));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private ReencryptObjects function(Mode mode) {
        return new ReencryptObjects(
                s3,
                new UploadsQueue(sqs, cloud.sqs().queueUrl(queue), cloud.sqs().queueUrl(deadLetters)),
                new Settings(mode, PreviousVersions.KEEP, DualLayerObjects.KEEP, 16),
                line -> {},
                cloud.time().clock());
    }

    /** What Lambda does: hands visible messages over, and deletes those that the function does not send back. */
    private void work(ReencryptObjects function, Duration howLong) {
        var end = cloud.time().now().plus(howLong);
        while (cloud.time().now().isBefore(end)) {
            for (var received = cloud.sqs().receive(queue, 50);
                    !received.isEmpty();
                    received = cloud.sqs().receive(queue, 50)) {
                var messages = new ArrayList<SQSMessage>();
                for (var each : received) {
                    var message = new SQSMessage();
                    message.setMessageId(each.messageId());
                    message.setReceiptHandle(each.receiptHandle());
                    message.setBody(each.body());
                    message.setAttributes(each.attributes());
                    messages.add(message);
                }
                var batch = new SQSEvent();
                batch.setRecords(messages);
                var back = function.handleRequest(batch, new RecordedLog().context()).getBatchItemFailures().stream()
                        .map(failure -> failure.getItemIdentifier())
                        .toList();
                for (var each : received) {
                    if (!back.contains(each.messageId())) cloud.sqs().delete(queue, each.receiptHandle());
                }
            }
            cloud.advance(Duration.ofMinutes(1));
        }
    }

    private long messagesIn(String queueArn) {
        var attributes = sqs.getQueueAttributes(request ->
                        request.queueUrl(cloud.sqs().queueUrl(queueArn)).attributeNames(QueueAttributeName.ALL))
                .attributes();
        return Long.parseLong(attributes.get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES))
                + Long.parseLong(attributes.get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE));
    }

    @ParameterizedTest
    @EnumSource(Mode.class)
    void everyUploadEndsUnderTheKeyAfterSixHoursWithoutIt(Mode mode) {
        keys.disable(target);
        cloud.s3().deliverEventsTwice(true);
        for (int i = 0; i < OBJECTS; i++) {
            var key = "report " + i;
            s3.putObject(
                    request -> request.bucket(BUCKET).key(key).serverSideEncryption(ServerSideEncryption.AES256),
                    RequestBody.fromString("text " + key));
        }
        var function = function(mode);
        cloud.faults().failAtRandom(0.05, 7);
        work(function, Duration.ofHours(6));
        cloud.faults().failAtRandom(0, 0);
        assertEquals(0, underTheKey(), "nothing can have been done yet");
        keys.enable(target);
        cloud.faults().failAtRandom(0.05, 8);
        work(function, Redelivery.LONGEST.multipliedBy(5));
        cloud.faults().failAtRandom(0, 0);

        assertEquals(OBJECTS, underTheKey());
        assertEquals(0, messagesIn(queue), "nothing waits any more");
        assertEquals(0, messagesIn(deadLetters));
        var versions = new HashMap<String, Integer>();
        s3.listObjectVersionsPaginator(request -> request.bucket(BUCKET).encodingType(EncodingType.URL))
                .versions()
                .forEach(version -> versions.merge(version.key(), 1, Integer::sum));
        var expected = mode == Mode.COPY ? 2 : 1;
        assertTrue(
                versions.values().stream().allMatch(count -> count == expected),
                "one original and, in COPY mode, one copy of each: " + versions);
    }

    private long underTheKey() {
        return s3
                .listObjectsV2Paginator(request -> request.bucket(BUCKET).encodingType(EncodingType.URL))
                .contents()
                .stream()
                .filter(object -> target.equals(
                        s3.headObject(request -> request.bucket(BUCKET).key(object.key()))
                                .ssekmsKeyId()))
                .count();
    }

    @Test
    void olderEventThatComesLateDoesNotCoverANewerUpload() {
        var function = function(Mode.COPY);
        for (var content : List.of("older", "newer")) {
            s3.putObject(
                    request -> request.bucket(BUCKET).key("k").serverSideEncryption(ServerSideEncryption.AES256),
                    RequestBody.fromString(content));
        }
        work(function, Duration.ofMinutes(5));
        assertEquals(
                "newer",
                s3.getObjectAsBytes(request -> request.bucket(BUCKET).key("k")).asUtf8String());
        assertEquals(1, cloud.calls("CopyObject"), "the older upload is no longer the current version");
        assertEquals(0, messagesIn(queue), "the copy's own event has ended it");
    }
}
