package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import cloudhsm.pipeline.localcloud.sqs.SqsService.Received;
import cloudhsm.pipeline.localcloud.time.SimulatedTime;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Lambda's poller of one SQS queue for one function. State is guarded by the lock of the simulated time. */
final class EventSourceMapping {
    /** From a message's becoming visible to the function's start: Lambda polls with long polling. */
    // Assumed: polling
    private static final Duration POLLING_LATENCY = Duration.ofSeconds(1);

    /** After the role's rights were found missing. */
    // Assumed: polling-denied
    private static final Duration DENIED_RETRY = Duration.ofMinutes(1);

    /** What the function's role needs (AWSLambdaSQSQueueExecutionRole). */
    private static final List<String> ACTIONS =
            List.of("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes");

    /** Between two attempts at a batch that is throttled, at most: Lambda says that it backs off, not how. */
    // Assumed: polling-throttled
    private static final Duration LONGEST_BACKOFF = Duration.ofMinutes(1);

    private final String uuid;
    private final LambdaService lambda;
    private final LambdaFunction function;
    private final String queueArn;
    private final int batchSize;
    private final Duration batchingWindow;
    private final boolean reportBatchItemFailures;
    private final int maximumConcurrency;
    private final Account account;
    private final SqsService sqs;

    /** Received, and not yet handed to the function; the first one came so long before {@link #windowEnds}. */
    private final List<Received> gathered = new ArrayList<>();

    private Instant windowEnds = Instant.EPOCH;
    private Optional<SimulatedTime.Scheduled> next = Optional.empty();
    private int running;

    /** Of these, batches that were throttled and wait for another attempt: no others are polled meanwhile. */
    private int backingOff;

    private String lastProcessingResult = "No records processed";

    EventSourceMapping(
            String uuid,
            LambdaService lambda,
            LambdaFunction function,
            String queueArn,
            int batchSize,
            Duration batchingWindow,
            boolean reportBatchItemFailures,
            int maximumConcurrency,
            Account account,
            SqsService sqs) {
        this.uuid = uuid;
        this.lambda = lambda;
        this.function = function;
        this.queueArn = queueArn;
        this.batchSize = batchSize;
        this.batchingWindow = batchingWindow;
        this.reportBatchItemFailures = reportBatchItemFailures;
        this.maximumConcurrency = maximumConcurrency;
        this.account = account;
        this.sqs = sqs;
    }

    int batchSize() {
        return batchSize;
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

    /** Polls then, or earlier where that is planned already. */
    private void pollAfter(Duration delay) {
        var due = account.time().now().plus(delay);
        if (next.isPresent() && !next.get().due().isAfter(due)) return;
        next.ifPresent(SimulatedTime.Scheduled::cancel);
        next = Optional.of(
                account.time().scheduleUnlocked(delay, "poll " + queueArn + " for " + function.arn(), this::poll));
    }

    private void poll() {
        account.time().locked(this::polled).ifPresent(Runnable::run);
    }

    /** The attempt at the next batch, to be made without the lock; empty where there is none now. */
    private Optional<Runnable> polled() {
        next = Optional.empty();
        // A full house polls again when an invocation ends.
        if (running >= maximumConcurrency || backingOff > 0 || !mayPoll()) return Optional.empty();
        var gatheredWhole = gather();
        if (gatheredWhole.isEmpty()) return Optional.empty();
        running++;
        var visibleAgain = account.time().now().plus(sqs.visibilityTimeout(queueArn));
        pollAfter(POLLING_LATENCY);
        return Optional.of(() -> attempt(gatheredWhole.get(), visibleAgain, 0));
    }

    /**
     * Hands the batch to the function. One that is throttled is tried again, later and later, until its messages become
     * visible to others.
     *
     * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html">Backoff strategy for
     *     failed invocations</a>
     */
    private void attempt(SqsBatch batch, Instant visibleAgain, int throttled) {
        LambdaService.InvocationResult result;
        try {
            // A version that is not ready fails: the messages come back after the queue's visibility timeout.
            result = lambda.runVersion(function, Json.bytes(batch.event()));
        } catch (AwsException tooMany) {
            account.time().locked(() -> backOff(batch, visibleAgain, throttled));
            return;
        }
        account.time().locked(() -> {
            if (throttled > 0) {
                backingOff--;
                pollAfter(POLLING_LATENCY);
            }
            account.time()
                    .schedule(
                            lambda.duration(function.arn()),
                            function.arn() + " has worked on a batch",
                            () -> end(batch, result));
        });
    }

    private void backOff(SqsBatch batch, Instant visibleAgain, int throttled) {
        var delay = LambdaService.backoff(throttled, LONGEST_BACKOFF);
        lastProcessingResult = "PROBLEM: Function call failed";
        if (throttled == 0) backingOff++;
        if (account.time().now().plus(delay).isBefore(visibleAgain)) {
            account.time()
                    .scheduleUnlocked(
                            delay,
                            "another attempt of " + function.arn() + " at a batch",
                            () -> attempt(batch, visibleAgain, throttled + 1));
            return;
        }
        backingOff--;
        running--;
        pollAfter(delay);
    }

    private void end(SqsBatch batch, LambdaService.InvocationResult result) {
        running--;
        lastProcessingResult = result.functionError().isEmpty() ? "OK" : "PROBLEM: Function call failed";
        for (var done : batch.succeeded(result, reportBatchItemFailures)) sqs.delete(queueArn, done.receiptHandle());
        pollAfter(POLLING_LATENCY);
    }

    /**
     * The next batch, once there are messages enough, or bytes, or the window has passed since the first of them.
     *
     * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching">Batching
     *     behavior</a>
     */
    private Optional<SqsBatch> gather() {
        if (gathered.isEmpty()) windowEnds = account.time().now().plus(batchingWindow);
        if (gathered.size() < batchSize) gathered.addAll(sqs.receive(queueArn, batchSize - gathered.size()));
        if (gathered.isEmpty()) return Optional.empty();
        var batch = SqsBatch.first(queueArn, gathered, LambdaLimits.SYNCHRONOUS_PAYLOAD);
        var full = batch.messages().size() == batchSize || batch.messages().size() < gathered.size();
        var left = Duration.between(account.time().now(), windowEnds);
        if (!full && left.isPositive()) {
            pollAfter(left);
            return Optional.empty();
        }
        gathered.subList(0, batch.messages().size()).clear();
        return Optional.of(batch);
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
                .put("MaximumBatchingWindowInSeconds", batchingWindow.toSeconds())
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
