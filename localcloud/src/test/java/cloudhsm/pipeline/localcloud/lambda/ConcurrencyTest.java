package cloudhsm.pipeline.localcloud.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.lambda.model.InvocationType;
import software.amazon.awssdk.services.lambda.model.ThrottleReason;
import software.amazon.awssdk.services.lambda.model.TooManyRequestsException;

class ConcurrencyTest {
    private static final Duration LONG = Duration.ofMinutes(10);

    @TempDir
    private Path directory;

    private final LocalCloud cloud = LocalCloud.start();
    private final LambdaClient lambda = cloud.client(LambdaClient.builder());
    private Path artifact;

    @BeforeEach
    void accountWithTwoExecutions() {
        artifact = TestFunctions.artifact(directory, false);
        TestFunctions.create(cloud, artifact, "echo", "Echo", "one");
        TestFunctions.create(cloud, artifact, "slow", "Echo", "one");
        cloud.lambda().takes("slow", LONG);
        cloud.lambda().concurrencyQuota(2);
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private void invoke(String function) {
        lambda.invoke(request -> request.functionName(function));
    }

    private ThrottleReason refused(String function) {
        return assertThrows(TooManyRequestsException.class, () -> invoke(function))
                .reason();
    }

    private long invocations(String function) {
        return cloud.logs().messages("/aws/lambda/" + function).stream()
                .filter(line -> line.startsWith("START "))
                .count();
    }

    @Test
    void whoeverWaitsForTheAnswerGets429WhileAllExecutionsAreInUse() {
        invoke("slow");
        invoke("slow");
        assertEquals(ThrottleReason.CONCURRENT_INVOCATION_LIMIT_EXCEEDED, refused("echo"));
        cloud.advance(LONG);
        invoke("echo");
    }

    @Test
    void anInvocationLeavesItsExecutionToTheNextOnceItHasEnded() {
        for (int i = 0; i < 5; i++) {
            invoke("echo");
            cloud.advance(Duration.ofMillis(200));
        }
        assertEquals(5, invocations("echo"));
    }

    @Test
    void anAsynchronousEventWaitsUntilThereIsRoom() {
        invoke("slow");
        invoke("slow");
        lambda.invoke(request -> request.functionName("echo").invocationType(InvocationType.EVENT));
        cloud.advance(LONG.minusSeconds(1));
        assertEquals(0, invocations("echo"));
        cloud.advance(Duration.ofMinutes(5));
        assertEquals(1, invocations("echo"), "Lambda comes back to it after at most 5 minutes");
    }

    @Test
    void anAsynchronousEventIsDroppedAfterSixHours() {
        cloud.lambda().takes("slow", Duration.ofHours(7));
        invoke("slow");
        invoke("slow");
        lambda.invoke(request -> request.functionName("echo").invocationType(InvocationType.EVENT));
        cloud.advance(Duration.ofHours(8));
        assertEquals(0, invocations("echo"));
    }

    @Test
    void aReservationIsKeptForItsFunctionAndBoundsIt() {
        cloud.lambda().concurrencyQuota(102);
        cloud.lambda().reserveConcurrency("slow", 2);
        var limit = lambda.getAccountSettings(request -> {}).accountLimit();
        assertEquals(102, limit.concurrentExecutions());
        assertEquals(100, limit.unreservedConcurrentExecutions());
        invoke("slow");
        invoke("slow");
        assertEquals(ThrottleReason.RESERVED_FUNCTION_CONCURRENT_INVOCATION_LIMIT_EXCEEDED, refused("slow"));
        invoke("echo");
    }

    @Test
    void aReservationThatLeavesTooFewIsRefused() {
        cloud.lambda().concurrencyQuota(10);
        var small = assertThrows(AwsException.class, () -> cloud.lambda().reserveConcurrency("slow", 1));
        assertEquals(
                "Specified ReservedConcurrentExecutions for function decreases account's"
                        + " UnreservedConcurrentExecution below its minimum value of [10].",
                small.getMessage());
        cloud.lambda().concurrencyQuota(1000);
        cloud.lambda().reserveConcurrency("slow", 900);
        assertThrows(AwsException.class, () -> cloud.lambda().reserveConcurrency("slow", 901));
    }

    @Test
    void accountSettingsCountFunctions() {
        var usage = lambda.getAccountSettings(request -> {}).accountUsage();
        assertEquals(2, usage.functionCount());
    }

    /** The queue's consumer, and an event source that may run so many batches of one message at a time. */
    private String queueWithConsumer(int maximumConcurrency) {
        TestFunctions.create(cloud, artifact, "consumer", "Consumer", "one");
        cloud.iam().role("consumer-role").orElseThrow().policies().put("queue", PolicyDocument.parse(Json.parse("""
            {"Statement": {"Effect": "Allow", "Resource": "arn:aws:sqs:eu-central-1:111122223333:uploads",
             "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]}}\
            """)));
        var queue = cloud.sqs().createQueue("uploads", Map.of("VisibilityTimeout", "120", "Policy", """
            {"Statement": {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
             "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-central-1:111122223333:uploads"}}\
            """));
        cloud.lambda().createEventSourceMapping("consumer", queue, 1, Duration.ZERO, true, maximumConcurrency);
        return queue;
    }

    private void send(String queue, int messages) {
        for (int i = 0; i < messages; i++)
            cloud.sqs().sendAs("s3.amazonaws.com", "arn:aws:s3:::reports", queue, "good");
    }

    @Test
    void anEventSourceRunsAsManyBatchesAtATimeAsItMay() {
        cloud.lambda().concurrencyQuota(10);
        var queue = queueWithConsumer(3);
        cloud.lambda().takes("consumer", Duration.ofSeconds(60));
        send(queue, 5);
        cloud.advance(Duration.ofSeconds(30));
        assertEquals(3, invocations("consumer"));
        cloud.advance(Duration.ofMinutes(2));
        assertEquals(5, invocations("consumer"));
    }

    @Test
    void aBatchThatIsThrottledIsTriedAgainAndThenLeftToTheQueue() {
        var queue = queueWithConsumer(2);
        invoke("slow");
        invoke("slow");
        send(queue, 1);
        cloud.advance(LONG.minusSeconds(1));
        assertEquals(0, invocations("consumer"));
        cloud.advance(Duration.ofMinutes(5));
        assertEquals(1, invocations("consumer"), "the message has come back to the queue and is taken again");
        assertEquals(0, cloud.sqs().receive(queue, 10).size());
    }
}
