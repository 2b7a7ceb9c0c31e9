package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse.BatchItemFailure;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import com.amazonaws.services.lambda.runtime.events.SQSEvent.SQSMessage;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Puts every uploaded object under its bucket's default KMS key. S3 tells of uploads through SQS; what cannot be done
 * now (the key or its key store is unavailable, S3 throttles) goes back to the queue, message by message.
 *
 * <p>Each object gives one line of JSON in the log: its outcome, the reason, bucket, key and version.
 */
public final class ReencryptObjects implements RequestHandler<SQSEvent, SQSBatchResponse> {
    private final Reencryption reencryption;

    /** Called by Lambda, once per execution environment. */
    public ReencryptObjects() {
        this(
                S3Client.builder()
                        .httpClient(UrlConnectionHttpClient.create())
                        .region(Region.of(System.getenv("AWS_REGION")))
                        .build(),
                Settings.of(System.getenv()),
                Clock.systemUTC());
    }

    ReencryptObjects(S3Client s3, Settings settings, Clock clock) {
        reencryption = new Reencryption(s3, settings, clock);
    }

    @Override
    public SQSBatchResponse handleRequest(SQSEvent batch, Context context) {
        var failures = new ArrayList<BatchItemFailure>();
        for (var message : batch.getRecords()) {
            if (!isDone(message, context.getLogger())) failures.add(new BatchItemFailure(message.getMessageId()));
        }
        return new SQSBatchResponse(failures);
    }

    /** Whether nothing is left to do for this message, so that it may leave the queue. */
    private boolean isDone(SQSMessage message, LambdaLogger logger) {
        List<ObjectReference> uploads;
        try {
            uploads = S3Message.uploads(message.getBody());
        } catch (S3Message.UnreadableException unreadable) {
            logger.log(LogLine.unreadable(message.getMessageId(), unreadable), LogLevel.ERROR);
            return false;
        }
        var done = true;
        for (var upload : uploads) {
            var outcome = reencryption.reencrypt(upload, Instant.MAX);
            logger.log(LogLine.of(upload, outcome), outcome instanceof Outcome.Retry ? LogLevel.WARN : LogLevel.INFO);
            if (outcome instanceof Outcome.Retry || outcome instanceof Outcome.Refused) done = false;
        }
        return done;
    }
}
