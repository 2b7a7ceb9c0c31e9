package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse.BatchItemFailure;
import com.amazonaws.services.lambda.runtime.events.SQSEvent.SQSMessage;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;
import org.crac.Context;
import org.crac.Resource;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.urlconnection.ProxyConfiguration;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sqs.SqsClient;

/**
 * Runs what a first event runs before Lambda takes the snapshot that the function starts from (SnapStart), so that its
 * classes are in the snapshot, loaded and linked.
 *
 * <p>All copies of the snapshot share what it holds, therefore nothing is left in it but classes: the clients are closed
 * and dropped, their credentials are none, and every request is refused by this machine. The function's own clients
 * resolve nothing before their first event.
 *
 * <p>Where a part fails, the log says so and the snapshot is taken without it: starts are slower then, nothing else.
 *
 * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-java.html">Runtime hooks</a>
 */
final class Priming implements Resource {
    /** Nobody listens on TCP's first port, so connections are refused at once. */
    private static final URI NOWHERE = URI.create("https://127.0.0.1:1");

    /** Bucket, key, queue and credentials: names of nothing. */
    private static final String NOTHING = "priming";

    private static final String EVENT = """
        {"Records": [{"messageId": "priming", "receiptHandle": "priming",
         "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0"},
         "body": "{\\"Records\\": [{\\"eventVersion\\": \\"2.1\\", \\"eventName\\": \\"ObjectCreated:Put\\", \\"s3\\":\
         {\\"bucket\\": {\\"name\\": \\"priming\\"}, \\"object\\": {\\"key\\": \\"priming\\", \\"sequencer\\": \\"0\\"}}}]}"}]}
        """;

    private static final StaticCredentialsProvider NOBODY =
            StaticCredentialsProvider.create(AwsSessionCredentials.create(NOTHING, NOTHING, NOTHING));

    static final List<Runnable> PARTS = List.of(
            Priming::event, Priming::headObject, Priming::updateObjectEncryption, Priming::copyObject, Priming::queue);

    private final List<Runnable> parts;
    private final Consumer<String> log;

    Priming() {
        this(PARTS, line -> LambdaRuntime.getLogger().log(line, LogLevel.WARN));
    }

    /**
     * @param parts each is run whatever becomes of the others
     * @param log hears of those that failed
     */
    Priming(List<Runnable> parts, Consumer<String> log) {
        this.parts = parts;
        this.log = log;
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        for (var part : parts) {
            try {
                part.run();
            } catch (RuntimeException | LinkageError failed) {
                // An error that left the hook would end the process, and the version would never become active.
                log.accept(LogLine.notPrimed(failed));
            }
        }
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        // Nothing was kept that would have to be made anew.
    }

    /** From the event to the answer, with GetBucketEncryption. */
    private static void event() {
        try (var s3 = s3()) {
            var batch = new Batch(messages());
            var objects = batch.objects();
            var results = new Reencryption(s3, Settings.DEFAULT, Clock.systemUTC()).reencrypt(objects, Instant.MAX);
            batch.settle(results);
            var outcome = results.getFirst().outcome();
            LogLine.of(objects.getFirst(), outcome);
            new Metrics(List.of(outcome), Duration.ZERO, 0).embedded(NOTHING, Instant.EPOCH);
            SqsEvents.write(new SQSBatchResponse(List.of(new BatchItemFailure(NOTHING))), new ByteArrayOutputStream());
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }

    private static void headObject() {
        try (var s3 = s3()) {
            refused(() -> s3.headObject(request -> request.bucket(NOTHING).key(NOTHING)));
        }
    }

    private static void updateObjectEncryption() {
        try (var s3 = s3()) {
            refused(() -> s3.updateObjectEncryption(request -> request.bucket(NOTHING)
                    .key(NOTHING)
                    .objectEncryption(encryption ->
                            encryption.ssekms(kms -> kms.kmsKeyArn(NOTHING).bucketKeyEnabled(true)))));
        }
    }

    private static void copyObject() {
        try (var s3 = s3()) {
            refused(() -> s3.copyObject(request -> request.sourceBucket(NOTHING)
                    .sourceKey(NOTHING)
                    .destinationBucket(NOTHING)
                    .destinationKey(NOTHING)
                    .serverSideEncryption(ServerSideEncryption.AWS_KMS)));
        }
    }

    /** What is said to the queue of a message that comes back later, and of one that is put aside. */
    private static void queue() {
        try (var sqs = sqs()) {
            var queue = new UploadsQueue(sqs, NOWHERE + "/" + NOTHING, NOWHERE + "/" + NOTHING);
            var message = messages().getFirst();
            queue.comeBackLater(List.of(new UploadsQueue.Waiting(message, Duration.ZERO)));
            queue.putAside(message, NOTHING);
        }
    }

    private static List<SQSMessage> messages() {
        return SqsEvents.read(new ByteArrayInputStream(EVENT.getBytes(StandardCharsets.UTF_8)))
                .getRecords();
    }

    private static S3Client s3() {
        return toNowhere(Aws.s3Builder()).build();
    }

    private static SqsClient sqs() {
        return toNowhere(Aws.sqsBuilder()).build();
    }

    /** Asks once, of this machine itself: a try more would be waited for, and a proxy would take the request elsewhere. */
    private static <B extends AwsClientBuilder<B, ?> & AwsSyncClientBuilder<B, ?>> B toNowhere(B builder) {
        var direct = ProxyConfiguration.builder()
                .useEnvironmentVariablesValues(false)
                .useSystemPropertyValues(false)
                .build();
        return builder.endpointOverride(NOWHERE)
                .region(Region.US_EAST_1)
                .credentialsProvider(NOBODY)
                .httpClientBuilder(UrlConnectionHttpClient.builder().proxyConfiguration(direct))
                .overrideConfiguration(builder.overrideConfiguration().toBuilder()
                        .retryStrategy(AwsRetryStrategy.doNotRetry())
                        .build());
    }

    /** @throws SdkClientException where the call did not come as far as the refused connection */
    private static void refused(Runnable call) {
        try {
            call.run();
        } catch (SdkClientException failed) {
            if (!(failed.getCause() instanceof ConnectException)) throw failed;
        }
    }
}
