package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse.BatchItemFailure;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import com.amazonaws.services.lambda.runtime.events.SQSEvent.SQSMessage;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.crac.Core;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Puts every uploaded object under its bucket's default KMS key. S3 tells of uploads through SQS. What cannot be done
 * now (the key or its key store is unavailable, S3 throttles) comes back later and later, message by message, for ten
 * days; what will never work goes to the dead-letter queue with its reason.
 *
 * <p>Each object gives one line of JSON in the log: its outcome, the reason, bucket, key and version. Each invocation
 * gives one line of metrics.
 */
public final class ReencryptObjects implements RequestStreamHandler {
    /** Kept of the function's time for what follows the work: messages, metrics, the abortion of long copies. */
    private static final Duration RESERVE = Duration.ofSeconds(10);

    private final Reencryption reencryption;
    private final UploadsQueue queue;
    private final Consumer<String> metrics;
    private final Clock clock;

    /** Held here, because whoever it is registered with holds it weakly. */
    private final Priming priming = new Priming();

    /** Called by Lambda, once per execution environment or once per snapshot. */
    public ReencryptObjects() {
        this(
                Aws.s3(),
                new UploadsQueue(Aws::sqs, System.getenv("UPLOADS_QUEUE_URL"), System.getenv("DEAD_LETTER_QUEUE_URL")),
                Settings.of(System.getenv()),
                // Not by the Lambda logger, which would wrap the line in JSON of its own.
                line -> System.out.println(line),
                Clock.systemUTC());
        Core.getGlobalContext().register(priming);
    }

    ReencryptObjects(S3Client s3, UploadsQueue queue, Settings settings, Consumer<String> metrics, Clock clock) {
        this.reencryption = new Reencryption(s3, settings, clock);
        this.queue = queue;
        this.metrics = metrics;
        this.clock = clock;
    }

    @Override
    public void handleRequest(InputStream event, OutputStream answer, Context context) throws IOException {
        SqsEvents.write(handleRequest(SqsEvents.read(event), context), answer);
    }

    SQSBatchResponse handleRequest(SQSEvent event, Context context) {
        var deadline =
                clock.instant().plusMillis(context.getRemainingTimeInMillis()).minus(RESERVE);
        var batch = new Batch(event.getRecords());
        var objects = batch.objects();
        var results = objects.isEmpty() ? List.<Reencryption.Result>of() : reencryption.reencrypt(objects, deadline);
        batch.settle(results);
        log(results, context.getLogger());
        return new Answer(batch, results, context).response();
    }

    private static void log(List<Reencryption.Result> results, LambdaLogger logger) {
        for (var result : results) {
            var level = switch (result.outcome()) {
                case Outcome.Retry retry -> LogLevel.WARN;
                case Outcome.Refused refused -> LogLevel.ERROR;
                case Outcome.Reencrypted done -> LogLevel.INFO;
                case Outcome.AlreadyDone done -> LogLevel.INFO;
                case Outcome.Gone gone -> LogLevel.INFO;
                case Outcome.Left left -> LogLevel.INFO;
            };
            logger.log(LogLine.of(result.object(), result.outcome()), level);
        }
    }

    /** What is said to the queue and to Lambda once the objects are settled. */
    private final class Answer {
        private final Batch batch;
        private final List<Reencryption.Result> results;
        private final Context context;
        private final List<BatchItemFailure> failures = new ArrayList<>();
        private final List<UploadsQueue.Waiting> waiting = new ArrayList<>();
        /** Not one that copies of a snapshot would share: what failed together would come back together. */
        private final SecureRandom random = new SecureRandom();

        private Duration oldest = Duration.ZERO;
        private int putAside;

        private Answer(Batch batch, List<Reencryption.Result> results, Context context) {
            this.batch = batch;
            this.results = results;
            this.context = context;
        }

        private SQSBatchResponse response() {
            batch.unreadable().forEach((message, why) -> {
                context.getLogger().log(LogLine.unreadable(message.getMessageId(), why), LogLevel.ERROR);
                putAside(message, why);
            });
            for (var message : batch.readable()) settle(message);
            queue.comeBackLater(waiting);
            var outcomes = results.stream().map(Reencryption.Result::outcome).toList();
            metrics.accept(
                    new Metrics(outcomes, oldest, putAside).embedded(context.getFunctionName(), clock.instant()));
            return new SQSBatchResponse(failures);
        }

        private void settle(SQSMessage message) {
            var age = age(message);
            if (age.compareTo(oldest) > 0) oldest = age;
            for (var outcome : batch.outcomes(message)) {
                var redelivery = Redelivery.of(outcome, received(message), age, random);
                if (redelivery instanceof Redelivery.Aside(var reason)) {
                    putAside(message, reason);
                    return;
                }
                if (redelivery instanceof Redelivery.Again(var delay)) {
                    waiting.add(new UploadsQueue.Waiting(message, delay));
                    failures.add(new BatchItemFailure(message.getMessageId()));
                    return;
                }
            }
        }

        private void putAside(SQSMessage message, String reason) {
            if (queue.putAside(message, reason)) putAside++;
            else failures.add(new BatchItemFailure(message.getMessageId()));
        }

        private static int received(SQSMessage message) {
            return (int) attribute(message, "ApproximateReceiveCount", 1);
        }

        private Duration age(SQSMessage message) {
            var now = clock.instant();
            var sent = Instant.ofEpochMilli(attribute(message, "SentTimestamp", now.toEpochMilli()));
            return Duration.between(sent, now);
        }

        private static long attribute(SQSMessage message, String name, long absent) {
            var attributes = message.getAttributes();
            var value = attributes == null ? null : attributes.get(name);
            return value == null ? absent : Long.parseLong(value);
        }
    }
}
