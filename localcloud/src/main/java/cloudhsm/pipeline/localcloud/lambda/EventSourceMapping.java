package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.AwsException;
import cloudhsm.pipeline.localcloud.http.Json;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/** Lambda's poller of one SQS queue for one function. State is guarded by the lock of the simulated time. */
final class EventSourceMapping {
    /** From a message's becoming visible to the function's start. @assumed: Lambda polls with long polling. */
    private static final Duration POLLING_LATENCY = Duration.ofSeconds(1);

    /** After the role's rights were found missing. @assumed */
    private static final Duration DENIED_RETRY = Duration.ofMinutes(1);

    /** What the function's role needs (AWSLambdaSQSQueueExecutionRole). */
    private static final List<String> ACTIONS =
            List.of("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes");

    private final String uuid;
    private final LambdaFunction function;
    private final String queueArn;
    private final int batchSize;
    private final boolean reportBatchItemFailures;
    private final int maximumConcurrency;
    private final Account account;
    private final SqsService sqs;
    private final Supplier<URI> endpoint;
    private boolean scheduled;
    private int running;
    private String lastProcessingResult = "No records processed";

    EventSourceMapping(
            String uuid,
            LambdaFunction function,
            String queueArn,
            int batchSize,
            boolean reportBatchItemFailures,
            int maximumConcurrency,
            Account account,
            SqsService sqs,
            Supplier<URI> endpoint) {
        this.uuid = uuid;
        this.function = function;
        this.queueArn = queueArn;
        this.batchSize = batchSize;
        this.reportBatchItemFailures = reportBatchItemFailures;
        this.maximumConcurrency = maximumConcurrency;
        this.account = account;
        this.sqs = sqs;
        this.endpoint = endpoint;
    }

    String uuid() {
        return uuid;
    }

    String queueArn() {
        return queueArn;
    }

    LambdaFunction function() {
        return function;
    }

    void start() {
        sqs.onVisible(queueArn, () -> pollAfter(POLLING_LATENCY));
        pollAfter(POLLING_LATENCY);
    }

    private void pollAfter(Duration delay) {
        if (scheduled) return;
        scheduled = true;
        account.time().scheduleUnlocked(delay, "poll " + queueArn + " for " + function.arn(), this::poll);
    }

    private void poll() {
        SqsBatch batch;
        var lock = account.time().lock();
        lock.lock();
        try {
            scheduled = false;
            // A full house polls again when an invocation ends.
            if (running >= maximumConcurrency || !mayPoll()) return;
            var messages = sqs.receive(queueArn, batchSize);
            if (messages.isEmpty()) return;
            batch = new SqsBatch(queueArn, messages);
            running++;
        } finally {
            lock.unlock();
        }
        var result = function.invoke(Json.bytes(batch.event()), endpoint.get());
        lock.lock();
        try {
            running--;
            lastProcessingResult = result.functionError().isEmpty() ? "OK" : "PROBLEM: Function call failed";
            for (var done : batch.succeeded(result, reportBatchItemFailures)) {
                sqs.delete(queueArn, done.receiptHandle());
            }
            pollAfter(POLLING_LATENCY);
        } finally {
            lock.unlock();
        }
    }

    private boolean mayPoll() {
        try {
            for (var action : ACTIONS) account.iam().authorize(function.identity(), action, queueArn);
            return true;
        } catch (AwsException denied) {
            lastProcessingResult = "PROBLEM: " + denied.getMessage();
            pollAfter(DENIED_RETRY);
            return false;
        }
    }

    /** As ListEventSourceMappings shows it. */
    ObjectNode described() {
        var described = Json.object()
                .put("UUID", uuid)
                .put("BatchSize", batchSize)
                .put("EventSourceArn", queueArn)
                .put("FunctionArn", function.arn())
                .put("LastModified", Json.epochSeconds(function.created()))
                .put("LastProcessingResult", lastProcessingResult)
                .put("State", "Enabled");
        var types = described.putArray("FunctionResponseTypes");
        if (reportBatchItemFailures) types.add("ReportBatchItemFailures");
        described.putObject("ScalingConfig").put("MaximumConcurrency", maximumConcurrency);
        return described;
    }
}
