package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.Event;
import software.amazon.awssdk.services.s3.model.S3Exception;

class S3NotificationTest {
    private static final String BUCKET = "quarterly-reports";
    private static final String POLICY = """
        {"Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
          "Resource": "arn:aws:sqs:eu-central-1:111122223333:uploads",
          "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::quarterly-reports"}}}]}
        """;

    private static final String TOPIC_POLICY = """
        {"Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish",
          "Resource": "arn:aws:sns:eu-central-1:111122223333:uploads",
          "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::quarterly-reports"}}}]}
        """;
    private static final String FROM_SNS = """
        {"Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
          "Resource": "*",
          "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:eu-central-1:111122223333:uploads"}}}]}
        """;

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = Clients.s3(cloud);

    @BeforeEach
    void createBucket() {
        s3.createBucket(request -> request.bucket(BUCKET)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private String queue(Map<String, String> attributes) {
        return cloud.sqs().createQueue("uploads", attributes);
    }

    private void notifyQueue(String queueArn) {
        s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration.queueConfigurations(
                        queue -> queue.queueArn(queueArn).events(Event.S3_OBJECT_CREATED))));
    }

    private List<JsonNode> messages(String queueArn) {
        return cloud.sqs().receive(queueArn, 10).stream()
                .map(message -> Json.parse(message.body()))
                .toList();
    }

    private void put(String key) {
        s3.putObject(request -> request.bucket(BUCKET).key(key), RequestBody.fromString("text"));
    }

    @Test
    void newDestinationGetsATestMessage() {
        var queue = queue(Map.of("Policy", POLICY));
        notifyQueue(queue);
        var messages = messages(queue);
        assertEquals(1, messages.size());
        assertEquals("s3:TestEvent", messages.getFirst().path("Event").asText());
        assertTrue(messages.getFirst().path("Records").isMissingNode());
    }

    @Test
    void filterIsAnsweredWithACapitalLetterAndTakenBackSo() {
        var queue = queue(Map.of("Policy", POLICY));
        s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration.queueConfigurations(to -> to.queueArn(queue)
                        .events(Event.S3_OBJECT_CREATED)
                        .filter(filter -> filter.key(key ->
                                key.filterRules(rule -> rule.name("prefix").value("raw/")))))));
        var answered = s3.getBucketNotificationConfiguration(request -> request.bucket(BUCKET))
                .queueConfigurations();
        assertEquals(
                "Prefix",
                answered.getFirst().filter().key().filterRules().getFirst().nameAsString());
        s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration.queueConfigurations(answered)));
        assertEquals(
                answered,
                s3.getBucketNotificationConfiguration(request -> request.bucket(BUCKET))
                        .queueConfigurations());
    }

    @Test
    void queueThatDoesNotLetS3SendIsRefused() {
        var queue = queue(Map.of());
        var refused = assertThrows(S3Exception.class, () -> notifyQueue(queue));
        assertEquals("InvalidArgument", refused.awsErrorDetails().errorCode());
        assertTrue(refused.getMessage().contains("Unable to validate the following destination configurations"));
    }

    @Test
    void missingQueueIsRefused() {
        var refused =
                assertThrows(S3Exception.class, () -> notifyQueue("arn:aws:sqs:eu-central-1:111122223333:missing"));
        assertEquals("InvalidArgument", refused.awsErrorDetails().errorCode());
    }

    @Test
    void uploadIsToldSecondsLaterWithItsKeyFormEncoded() {
        s3.putBucketVersioning(request -> request.bucket(BUCKET)
                .versioningConfiguration(versioning -> versioning.status(BucketVersioningStatus.ENABLED)));
        var queue = queue(Map.of("Policy", POLICY));
        notifyQueue(queue);
        messages(queue);
        put("Q3 (final)+.csv");
        assertEquals(List.of(), messages(queue), "never at once");
        cloud.advance(Duration.ofSeconds(5));
        var event = messages(queue).getFirst().path("Records").get(0);
        assertEquals("2.6", event.path("eventVersion").asText());
        assertEquals("ObjectCreated:Put", event.path("eventName").asText());
        var object = event.path("s3").path("object");
        assertEquals("Q3+%28final%29%2B.csv", object.path("key").asText());
        var head = s3.headObject(request -> request.bucket(BUCKET).key("Q3 (final)+.csv"));
        assertEquals(head.versionId(), object.path("versionId").asText());
        assertEquals(head.eTag(), "\"" + object.path("eTag").asText() + "\"");
    }

    @Test
    void eventsMayComeTwice() {
        var queue = queue(Map.of("Policy", POLICY));
        notifyQueue(queue);
        messages(queue);
        cloud.s3().deliverEventsTwice(true);
        put("k");
        cloud.advance(Duration.ofSeconds(5));
        assertEquals(2, messages(queue).size());
    }

    @Test
    void overlappingConfigurationsAreRefused() {
        var queue = queue(Map.of("Policy", POLICY));
        var refused = assertThrows(
                S3Exception.class,
                () -> s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                        .notificationConfiguration(configuration -> configuration.queueConfigurations(
                                one -> one.queueArn(queue).events(Event.S3_OBJECT_CREATED),
                                two -> two.queueArn(queue).events(Event.S3_OBJECT_CREATED_PUT)))));
        assertEquals("InvalidArgument", refused.awsErrorDetails().errorCode());
    }

    private String topic(Map<String, String> attributes) {
        return cloud.sns().createTopic("uploads", attributes);
    }

    private void notifyTopic(String topicArn) {
        s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration.topicConfigurations(
                        topic -> topic.id("topic").topicArn(topicArn).events(Event.S3_OBJECT_CREATED_PUT))));
    }

    @Test
    void topicHearsOfUploadsAndItsQueuesGetThemInAnEnvelopeOrRaw() {
        var topic = topic(Map.of("Policy", TOPIC_POLICY));
        var queue = queue(Map.of("Policy", FROM_SNS));
        var raw = cloud.sqs().createQueue("raw", Map.of("Policy", FROM_SNS));
        notifyTopic(topic);
        var test = cloud.sns().published().getFirst();
        assertEquals("Amazon S3 Notification", test.subject());
        assertEquals("s3:TestEvent", Json.parse(test.message()).path("Event").asText());
        cloud.sns().subscribe(topic, "sqs", queue, Map.of());
        cloud.sns().subscribe(topic, "sqs", raw, Map.of("RawMessageDelivery", "true"));

        put("k");
        cloud.advance(Duration.ofSeconds(10));

        var envelope = messages(queue).getFirst();
        assertEquals("Notification", envelope.path("Type").asText());
        assertEquals(topic, envelope.path("TopicArn").asText());
        assertTrue(envelope.path("Records").isMissingNode(), "S3's own message is text inside");
        var event =
                Json.parse(envelope.path("Message").asText()).path("Records").get(0);
        assertEquals("ObjectCreated:Put", event.path("eventName").asText());
        assertEquals("topic", event.path("s3").path("configurationId").asText());
        assertEquals(event, messages(raw).getFirst().path("Records").get(0));
        assertEquals(
                topic,
                s3.getBucketNotificationConfiguration(request -> request.bucket(BUCKET))
                        .topicConfigurations()
                        .getFirst()
                        .topicArn());
    }

    @Test
    void queueThatDoesNotAdmitSnsGetsNothing() {
        var topic = topic(Map.of("Policy", TOPIC_POLICY));
        var queue = queue(Map.of("Policy", POLICY));
        notifyTopic(topic);
        cloud.sns().subscribe(topic, "sqs", queue, Map.of());
        put("k");
        cloud.advance(Duration.ofSeconds(10));
        assertEquals(List.of(), messages(queue));
    }

    @Test
    void topicThatS3MayNotPublishToIsRefused() {
        var refused =
                assertThrows(S3Exception.class, () -> notifyTopic("arn:aws:sns:eu-central-1:111122223333:missing"));
        assertEquals("InvalidArgument", refused.awsErrorDetails().errorCode());
        var topic = topic(Map.of());
        assertThrows(S3Exception.class, () -> notifyTopic(topic), "without a policy");
        cloud.sns().setTopicAttribute(topic, "Policy", TOPIC_POLICY);
        cloud.sns().setTopicAttribute(topic, "KmsMasterKeyId", "alias/aws/sns");
        assertThrows(S3Exception.class, () -> notifyTopic(topic), "AWS's own key admits no service");
        var kms = Clients.kms(cloud);
        var key = kms.createKey().keyMetadata().arn();
        cloud.sns().setTopicAttribute(topic, "KmsMasterKeyId", key);
        assertThrows(S3Exception.class, () -> notifyTopic(topic), "the key's policy must admit S3");
        kms.putKeyPolicy(request -> request.keyId(key).policy("""
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
              {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
                "Action": ["kms:GenerateDataKey*", "kms:Decrypt"], "Resource": "*"}]}
            """));
        notifyTopic(topic);
    }

    @Test
    void topicAndQueueForTheSameEventsOverlap() {
        var queue = queue(Map.of("Policy", POLICY));
        var topic = topic(Map.of("Policy", TOPIC_POLICY));
        var refused = assertThrows(
                S3Exception.class,
                () -> s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                        .notificationConfiguration(configuration -> configuration
                                .queueConfigurations(one -> one.queueArn(queue).events(Event.S3_OBJECT_CREATED))
                                .topicConfigurations(
                                        other -> other.topicArn(topic).events(Event.S3_OBJECT_CREATED_COPY)))));
        assertTrue(refused.getMessage().contains("Configurations overlap"), refused.getMessage());
    }

    @Test
    void eventBridgeHearsOfUploadsOnceEnabled() {
        var queue = queue(Map.of("Policy", """
            {"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
              "Action": "sqs:SendMessage", "Resource": "*"}]}
            """));
        call("PutRule", """
            {"Name": "uploads", "EventPattern": "{\\"source\\": [\\"aws.s3\\"], \\"detail-type\\": [\\"Object Created\\"]}"}
            """);
        call("PutTargets", """
            {"Rule": "uploads", "Targets": [{"Id": "queue", "Arn": "%s"}]}
            """.formatted(queue));
        s3.putBucketNotificationConfiguration(request -> request.bucket(BUCKET)
                .notificationConfiguration(configuration -> configuration.eventBridgeConfiguration(enabled -> {})));
        put("Q3 +.csv");
        cloud.advance(Duration.ofMinutes(1));
        var event = messages(queue).getFirst();
        assertEquals("aws.s3", event.path("source").asText());
        assertEquals("PutObject", event.path("detail").path("reason").asText());
        assertEquals("Q3 +.csv", event.path("detail").path("object").path("key").asText(), "not encoded here");
    }

    private void call(String operation, String input) {
        cloud.endpoint().call(cloud.iam().administrator(), "events", operation, (ObjectNode) Json.parse(input));
    }
}
