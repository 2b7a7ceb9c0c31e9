package cloudhsm.pipeline.localcloud.sqs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.PurgeQueueInProgressException;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueDeletedRecentlyException;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;
import software.amazon.awssdk.services.sqs.model.QueueNameExistsException;
import software.amazon.awssdk.services.sqs.model.ReceiptHandleIsInvalidException;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.SqsException;

class SqsServiceTest {
    private final LocalCloud cloud = LocalCloud.start();
    private final SqsClient sqs = client(cloud.iam().administrator());

    @AfterEach
    void close() {
        cloud.close();
    }

    private SqsClient client(Identity identity) {
        return SqsClient.builder()
                .endpointOverride(cloud.uri())
                .region(Region.EU_CENTRAL_1)
                .credentialsProvider(StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(identity.accessKeyId(), identity.secretAccessKey())))
                .httpClient(UrlConnectionHttpClient.create())
                .overrideConfiguration(override -> override.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build();
    }

    private String queue(String name, Map<QueueAttributeName, String> attributes) {
        return sqs.createQueue(create -> create.queueName(name).attributes(attributes))
                .queueUrl();
    }

    private List<Message> receive(String url) {
        return sqs.receiveMessage(receive -> receive.queueUrl(url)
                        .maxNumberOfMessages(10)
                        .messageSystemAttributeNames(MessageSystemAttributeName.ALL)
                        .messageAttributeNames("All"))
                .messages();
    }

    @Test
    void messageWithAttributesArrivesAsItWasSent() {
        var url = queue("uploads", Map.of());
        var attributes = Map.of(
                "kind",
                MessageAttributeValue.builder()
                        .dataType("String")
                        .stringValue("probe")
                        .build(),
                "bytes",
                MessageAttributeValue.builder()
                        .dataType("Number")
                        .stringValue("42")
                        .build());
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("grüße").messageAttributes(attributes));
        var received = receive(url).getFirst();
        assertEquals("grüße", received.body());
        assertEquals(attributes, received.messageAttributes(), "the SDK has compared the digests of both on the way");
        assertEquals("1", received.attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT));
        assertEquals(
                String.valueOf(LocalCloud.START.toEpochMilli()),
                received.attributes().get(MessageSystemAttributeName.SENT_TIMESTAMP));
    }

    @Test
    void receivedMessageComesBackWhenItsVisibilityTimeoutEnds() {
        var url = queue("uploads", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "60"));
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("one"));
        assertEquals(1, receive(url).size());
        cloud.advance(Duration.ofSeconds(59));
        assertEquals(0, receive(url).size(), "the first consumer still has it");
        cloud.advance(Duration.ofSeconds(1));
        assertEquals(
                "2", receive(url).getFirst().attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT));
    }

    @Test
    void deletedMessageDoesNotComeBack() {
        var url = queue("uploads", Map.of());
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("one"));
        var handle = receive(url).getFirst().receiptHandle();
        sqs.deleteMessage(delete -> delete.queueUrl(url).receiptHandle(handle));
        cloud.advance(Duration.ofMinutes(1));
        assertEquals(List.of(), receive(url));
    }

    @Test
    void handleOfAnEarlierReceiptDeletesNothing() {
        var url = queue("uploads", Map.of());
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("one"));
        var stale = receive(url).getFirst().receiptHandle();
        cloud.advance(Duration.ofSeconds(30));
        receive(url);
        sqs.deleteMessage(delete -> delete.queueUrl(url).receiptHandle(stale));
        cloud.advance(Duration.ofSeconds(30));
        assertEquals(1, receive(url).size(), "a consumer that was too slow must not delete another's message");
    }

    @Test
    void foreignReceiptHandleIsRefused() {
        var url = queue("uploads", Map.of());
        assertThrows(
                ReceiptHandleIsInvalidException.class,
                () -> sqs.deleteMessage(delete -> delete.queueUrl(url).receiptHandle("nonsense")));
    }

    @Test
    void messageReceivedTooOftenGoesToTheDeadLetterQueue() {
        var dead = queue("dead", Map.of());
        var url = queue(
                "uploads",
                Map.of(
                        QueueAttributeName.REDRIVE_POLICY,
                        "{\"deadLetterTargetArn\":\"" + cloud.sqs().queueArn(dead) + "\",\"maxReceiveCount\":\"2\"}"));
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("poison"));
        for (var receipt = 1; receipt <= 2; receipt++) {
            assertEquals(1, receive(url).size(), "receipt " + receipt + " is within maxReceiveCount");
            cloud.advance(Duration.ofSeconds(30));
        }
        assertEquals(List.of(), receive(url));
        var letter = receive(dead).getFirst();
        assertEquals("poison", letter.body());
        assertEquals(
                cloud.sqs().queueArn(url),
                letter.attributes().get(MessageSystemAttributeName.DEAD_LETTER_QUEUE_SOURCE_ARN));
    }

    @Test
    void movedDeadLetterIsANewMessageInItsFirstQueue() {
        var dead = queue("dead", Map.of());
        var url = queue(
                "uploads",
                Map.of(
                        QueueAttributeName.REDRIVE_POLICY,
                        "{\"deadLetterTargetArn\":\"" + cloud.sqs().queueArn(dead) + "\",\"maxReceiveCount\":1}"));
        var sent = sqs.sendMessage(send -> send.queueUrl(url).messageBody("again"));
        receive(url);
        cloud.advance(Duration.ofSeconds(30));
        receive(url);
        sqs.startMessageMoveTask(move -> move.sourceArn(cloud.sqs().queueArn(dead)));
        var moved = receive(url).getFirst();
        assertEquals("again", moved.body());
        assertNotEquals(sent.messageId(), moved.messageId(), "AWS gives a redriven message a new id");
    }

    @Test
    void delayedMessageIsCountedAsDelayedUntilItIsVisible() {
        var url = queue("uploads", Map.of());
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("later").delaySeconds(900));
        assertEquals("1", attribute(url, QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_DELAYED));
        assertEquals(List.of(), receive(url));
        cloud.advance(Duration.ofMinutes(15));
        assertEquals(1, receive(url).size());
        assertEquals("1", attribute(url, QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE));
    }

    private String attribute(String url, QueueAttributeName name) {
        return sqs.getQueueAttributes(get -> get.queueUrl(url).attributeNames(QueueAttributeName.ALL))
                .attributes()
                .get(name);
    }

    @Test
    void messageIsLostAfterTheRetentionPeriod() {
        var url = queue("uploads", Map.of(QueueAttributeName.MESSAGE_RETENTION_PERIOD, "60"));
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("short"));
        cloud.advance(Duration.ofMinutes(1));
        assertEquals(List.of(), receive(url));
        assertEquals("0", attribute(url, QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES));
    }

    @Test
    void changedVisibilityBringsTheMessageBackEarlier() {
        var url = queue("uploads", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "900"));
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("one"));
        var handle = receive(url).getFirst().receiptHandle();
        sqs.changeMessageVisibility(
                change -> change.queueUrl(url).receiptHandle(handle).visibilityTimeout(0));
        assertEquals(1, receive(url).size());
    }

    @Test
    void sameNameWithOtherAttributesIsRefused() {
        queue("uploads", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "60"));
        queue("uploads", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "60"));
        assertThrows(
                QueueNameExistsException.class,
                () -> queue("uploads", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "61")));
    }

    @Test
    void attributesOutOfRangeAreRefused() {
        for (var bad : List.of("43201", "-1", "x")) {
            var refused = assertThrows(
                    SqsException.class, () -> queue("uploads", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, bad)));
            assertEquals(
                    "Invalid value for the parameter VisibilityTimeout.",
                    refused.awsErrorDetails().errorMessage());
        }
        assertThrows(
                SqsException.class,
                () -> queue(
                        "uploads",
                        Map.of(
                                QueueAttributeName.REDRIVE_POLICY,
                                "{\"deadLetterTargetArn\":\"arn:aws:sqs:eu-central-1:111122223333:none\",\"maxReceiveCount\":3}")));
    }

    @Test
    void deletedQueueIsGoneAndItsNameFreeAfterAMinute() {
        var url = queue("uploads", Map.of());
        sqs.deleteQueue(delete -> delete.queueUrl(url));
        assertThrows(QueueDoesNotExistException.class, () -> receive(url));
        assertThrows(QueueDeletedRecentlyException.class, () -> queue("uploads", Map.of()));
        cloud.advance(Duration.ofMinutes(1));
        assertEquals(url, queue("uploads", Map.of()));
    }

    @Test
    void secondPurgeWithinAMinuteIsRefused() {
        var url = queue("uploads", Map.of());
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("one"));
        sqs.purgeQueue(purge -> purge.queueUrl(url));
        assertEquals(List.of(), receive(url));
        assertThrows(PurgeQueueInProgressException.class, () -> sqs.purgeQueue(purge -> purge.queueUrl(url)));
    }

    @Test
    void batchReportsEachEntry() {
        var url = queue("uploads", Map.of(QueueAttributeName.MAXIMUM_MESSAGE_SIZE, "1024"));
        var answer = sqs.sendMessageBatch(send -> send.queueUrl(url)
                .entries(List.of(
                        SendMessageBatchRequestEntry.builder()
                                .id("a")
                                .messageBody("fits")
                                .build(),
                        SendMessageBatchRequestEntry.builder()
                                .id("b")
                                .messageBody("x".repeat(1025))
                                .build())));
        assertEquals("a", answer.successful().getFirst().id());
        assertEquals("b", answer.failed().getFirst().id());
        var received = receive(url);
        var deleted = sqs.deleteMessageBatch(delete -> delete.queueUrl(url)
                .entries(List.of(DeleteMessageBatchRequestEntry.builder()
                        .id("a")
                        .receiptHandle(received.getFirst().receiptHandle())
                        .build())));
        assertEquals(1, deleted.successful().size());
    }

    @Test
    void queuesAreListedPageByPage() {
        for (var i = 0; i < 5; i++) queue("uploads-" + i, Map.of());
        queue("other", Map.of());
        var urls = sqs
                .listQueuesPaginator(list -> list.queueNamePrefix("uploads-").maxResults(2))
                .stream()
                .flatMap(page -> page.queueUrls().stream())
                .toList();
        assertEquals(5, urls.size());
    }

    @Test
    void roleMaySendOnlyWhereItsPolicyOrTheQueuesAllowsIt() {
        var url = queue("uploads", Map.of());
        var role = cloud.iam().createRole("sender", PolicyDocument.parse(Json.parse("""
            {"Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}\
            """)));
        var sender = client(cloud.iam().session(role, "sender"));
        var refused = assertThrows(
                SqsException.class,
                () -> sender.sendMessage(send -> send.queueUrl(url).messageBody("x")));
        assertEquals(403, refused.statusCode());
        assertTrue(refused.getMessage().contains("is not authorized to perform: sqs:sendmessage"), refused::getMessage);
        sqs.setQueueAttributes(set -> set.queueUrl(url).attributes(Map.of(QueueAttributeName.POLICY, """
            {"Statement":{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":"sqs:SendMessage","Resource":"%s"}}\
            """.formatted(
                        role.arn(), cloud.sqs().queueArn(url)))));
        sender.sendMessage(send -> send.queueUrl(url).messageBody("x"));
        assertThrows(SqsException.class, () -> sender.receiveMessage(receive -> receive.queueUrl(url)));
    }

    @Test
    void serviceSendsOnlyWhereTheQueuePolicyNamesItsSource() {
        var arn = cloud.sqs().createQueue("uploads", Map.of());
        var bucket = "arn:aws:s3:::reports";
        assertThrows(AwsException.class, () -> cloud.sqs().sendAs("s3.amazonaws.com", bucket, arn, "{}"));
        cloud.sqs().setQueueAttributes(arn, Map.of("Policy", """
            {"Statement":{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sqs:SendMessage",
             "Resource":"%s","Condition":{"ArnLike":{"aws:SourceArn":"%s"}}}}\
            """.formatted(arn, bucket)));
        cloud.sqs().sendAs("s3.amazonaws.com", bucket, arn, "{}");
        assertThrows(
                AwsException.class,
                () -> cloud.sqs().sendAs("s3.amazonaws.com", "arn:aws:s3:::others", arn, "{}"),
                "another bucket must not fill the queue");
    }

    @Test
    void pollerIsCalledForEachMessageThatBecomesVisible() {
        var arn = cloud.sqs().createQueue("uploads", Map.of("VisibilityTimeout", "30"));
        var url = cloud.sqs().queueUrl(arn);
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("early"));
        var bodies = new ArrayList<String>();
        cloud.sqs().onVisible(arn, () -> cloud.sqs().receive(arn, 10).forEach(message -> bodies.add(message.body())));
        cloud.advance(Duration.ZERO);
        assertEquals(List.of("early"), bodies);
        sqs.sendMessage(send -> send.queueUrl(url).messageBody("late").delaySeconds(10));
        cloud.advance(Duration.ofSeconds(31));
        assertEquals(List.of("early", "late", "early"), bodies, "an undeleted message comes back");
    }
}
