package cloudhsm.pipeline.localcloud.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.lambda.LambdaService.InvocationResult;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sqs.SqsService.Received;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

class EventSourceMappingTest {
    private static final String SOURCE = "arn:aws:s3:::reports";

    @TempDir
    private Path directory;

    private final LocalCloud cloud = LocalCloud.start();

    @AfterEach
    void close() {
        cloud.close();
    }

    private String queue(String visibilityTimeout) {
        var arn = "arn:aws:sqs:eu-central-1:111122223333:uploads";
        return cloud.sqs()
                .createQueue("uploads", Map.of("VisibilityTimeout", visibilityTimeout, "Policy", """
                    {"Statement": {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
                     "Action": "sqs:SendMessage", "Resource": "%s"}}\
                    """.formatted(arn)));
    }

    private void consumer(boolean mayReceive) {
        var artifact = TestFunctions.artifact(directory, false);
        TestFunctions.create(cloud, artifact, "consumer", "Consumer", "one");
        if (!mayReceive) return;
        cloud.iam().role("consumer-role").orElseThrow().policies().put("queue", PolicyDocument.parse(Json.parse("""
            {"Statement": {"Effect": "Allow", "Resource": "arn:aws:sqs:eu-central-1:111122223333:uploads",
             "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]}}\
            """)));
    }

    private void send(String queue, String body) {
        cloud.sqs().sendAs("s3.amazonaws.com", SOURCE, queue, body);
    }

    /** What is left in the queue once every message is visible again. */
    private List<String> left(String queue) {
        return cloud.sqs().receive(queue, 10).stream().map(Received::body).toList();
    }

    @Test
    void onlyFailedItemsComeBack() {
        consumer(true);
        var queue = queue("60");
        cloud.lambda().createEventSourceMapping("consumer", queue, 10, Duration.ZERO, true, 2);
        send(queue, "good");
        send(queue, "bad");
        // Taken after one second, visible again 60 seconds later, not yet polled again.
        cloud.advance(Duration.ofMillis(61_500));
        assertEquals(List.of("bad"), left(queue), "the good one is deleted, the bad one has become visible again");
    }

    @Test
    void withoutReportedFailuresTheWholeBatchIsDone() {
        consumer(true);
        var queue = queue("60");
        cloud.lambda().createEventSourceMapping("consumer", queue, 10, Duration.ZERO, false, 0);
        send(queue, "bad");
        cloud.advance(Duration.ofMinutes(5));
        assertEquals(List.of(), left(queue), "an answer counts as success unless failures are asked for");
    }

    @Test
    void roleWithoutTheRightsGetsNothing() {
        consumer(false);
        var queue = queue("60");
        cloud.lambda().createEventSourceMapping("consumer", queue, 10, Duration.ZERO, true, 2);
        send(queue, "good");
        cloud.advance(Duration.ofMinutes(5));
        assertEquals(List.of("good"), left(queue));
    }

    @Test
    void visibilityTimeoutShorterThanTheFunctionsIsRefused() {
        consumer(true);
        var queue = queue("10");
        var refused = assertThrows(
                AwsException.class,
                () -> cloud.lambda().createEventSourceMapping("consumer", queue, 10, Duration.ZERO, true, 2));
        assertEquals(
                "Queue visibility timeout: 10 seconds is less than Function timeout: 30 seconds", refused.getMessage());
    }

    @Test
    void aVersionThatNobodyInvokedForTwoWeeksLetsItsFirstMessagesComeBack() {
        consumer(true);
        var queue = queue("960");
        cloud.lambda().createEventSourceMapping("consumer", queue, 10, Duration.ZERO, true, 2);
        cloud.lambda().startFromSnapshot("consumer", "live");
        cloud.advance(Duration.ofDays(13));
        send(queue, "good");
        cloud.advance(Duration.ofSeconds(2));
        assertEquals(List.of("0", "0"), messages(queue), "done at once");
        cloud.advance(Duration.ofDays(14).plusMinutes(1));
        send(queue, "good");
        cloud.advance(Duration.ofMinutes(15));
        assertEquals(List.of("0", "1"), messages(queue), "Lambda makes another snapshot");
        cloud.advance(Duration.ofMinutes(2));
        assertEquals(List.of("0", "0"), messages(queue), "done when it came back after its visibility timeout");
    }

    /** Visible ones, and those that were handed out. */
    private List<String> messages(String queue) {
        var attributes = cloud.client(SqsClient.builder())
                .getQueueAttributes(get -> get.queueUrl(cloud.sqs().queueUrl(queue))
                        .attributeNames(
                                QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES,
                                QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE))
                .attributes();
        return List.of(
                attributes.get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES),
                attributes.get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE));
    }

    @Test
    void windowGathersMessagesForOneInvocation() {
        consumer(true);
        var queue = queue("60");
        cloud.lambda().createEventSourceMapping("consumer", queue, 11, Duration.ofSeconds(20), true, 2);
        send(queue, "good");
        cloud.advance(Duration.ofSeconds(10));
        send(queue, "bad");
        cloud.advance(Duration.ofSeconds(10));
        assertEquals(0, invocations(), "the window is open until 20 seconds after the first message was received");
        cloud.advance(Duration.ofSeconds(2));
        assertEquals(1, invocations());
        cloud.advance(Duration.ofMillis(49_500)); // visible again, not yet polled again
        assertEquals(List.of("bad"), left(queue), "it was received with the other, and given back");
    }

    @Test
    void fullBatchDoesNotWaitForItsWindow() {
        consumer(true);
        var queue = queue("60");
        cloud.lambda().createEventSourceMapping("consumer", queue, 2, Duration.ofMinutes(5), true, 2);
        for (int i = 0; i < 3; i++) send(queue, "good");
        cloud.advance(Duration.ofSeconds(5));
        assertEquals(1, invocations(), "two messages are a batch; the third waits for another");
    }

    private long invocations() {
        return cloud.logs().messages("/aws/lambda/consumer").stream()
                .filter(line -> line.startsWith("START "))
                .count();
    }

    @Test
    void moreThanTenMessagesNeedAWindow() {
        consumer(true);
        var queue = queue("60");
        var refused = assertThrows(
                AwsException.class,
                () -> cloud.lambda().createEventSourceMapping("consumer", queue, 11, Duration.ZERO, true, 2));
        assertEquals(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
                refused.getMessage());
    }

    @Test
    void batchHoldsNoMoreThanAnInvocationsPayload() {
        var messages = Collections.nCopies(10, new Received("m", "r", "x".repeat(1 << 20), Map.of()));
        assertEquals(5, SqsBatch.first("arn", messages, 6_291_456).messages().size());
    }

    @Test
    void answersAreReadAsAwsReadsThem() {
        var first = new Received("m1", "r1", "a", Map.of());
        var second = new Received("m2", "r2", "b", Map.of());
        var batch = new SqsBatch("arn:aws:sqs:eu-central-1:111122223333:uploads", List.of(first, second));
        var all = List.of(first, second);
        assertEquals(all, batch.succeeded(answer("null"), true));
        assertEquals(all, batch.succeeded(answer("{}"), true));
        assertEquals(all, batch.succeeded(answer("{\"batchItemFailures\": []}"), true));
        assertEquals(all, batch.succeeded(answer("{\"batchItemFailures\": null}"), true));
        assertEquals(
                List.of(second),
                batch.succeeded(answer("{\"batchItemFailures\": [{\"itemIdentifier\": \"m1\"}]}"), true));
        for (var failures : List.of(
                "[{\"itemIdentifier\": \"\"}]",
                "[{\"itemIdentifier\": null}]",
                "[{\"id\": \"m1\"}]",
                "[{\"itemIdentifier\": \"m9\"}]")) {
            assertEquals(
                    List.of(),
                    batch.succeeded(answer("{\"batchItemFailures\": " + failures + "}"), true),
                    failures + " fails the whole batch");
        }
        assertEquals(List.of(), batch.succeeded(new InvocationResult(new byte[0], "Unhandled"), true));
    }

    private static InvocationResult answer(String json) {
        return new InvocationResult(json.getBytes(StandardCharsets.UTF_8), "");
    }
}
