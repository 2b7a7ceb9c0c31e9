package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Brings the objects of one page under their bucket's key, by the same code as uploads. What may work later is counted
 * as {@code retry}: the state machine waits and runs the page again, which costs one request for each object done. A
 * page fails once nothing is left to be tried again and something was refused, or at the last attempt.
 */
public final class ReencryptPage implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    /** What is left of an invocation when no further object is begun. */
    private static final Duration SPARE = Duration.ofSeconds(20);

    private final S3Client s3;
    private final String resultsBucket;
    private final Reencryption underTheBucketsKey;
    private final Settings settings;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public ReencryptPage() {
        this(Aws.s3(), System.getenv("RESULTS_BUCKET"), Settings.of(System.getenv()), Clock.systemUTC());
    }

    ReencryptPage(S3Client s3, String resultsBucket, Settings settings, Clock clock) {
        this.s3 = s3;
        this.resultsBucket = resultsBucket;
        this.settings = settings;
        this.clock = clock;
        underTheBucketsKey = new Reencryption(s3, settings, clock);
    }

    @Override
    public Map<String, Object> handleRequest(Map<String, Object> input, Context context) {
        List<ObjectReference> objects;
        try {
            objects = Pages.read(s3, resultsBucket, (String) input.get("page"), (String) input.get("bucket"));
        } catch (SdkException failure) {
            throw S3FailedException.of(failure);
        }
        var reencryption = Release.of(input)
                .map(release -> new Reencryption(s3, settings, clock, Optional.of(release)))
                .orElse(underTheBucketsKey);
        var deadline =
                clock.instant().plusMillis(context.getRemainingTimeInMillis()).minus(SPARE);
        var results = Boolean.TRUE.equals(input.get("dryRun"))
                ? reencryption.preview(objects)
                : reencryption.reencrypt(objects, deadline);
        var result = new PageResult(results);
        var lastAttempt = Boolean.TRUE.equals(input.get("lastAttempt"));
        if (result.retry() > 0 ? lastAttempt : result.refused() > 0) {
            throw new ObjectsNotReencryptedException(result.json());
        }
        return result.output();
    }
}
