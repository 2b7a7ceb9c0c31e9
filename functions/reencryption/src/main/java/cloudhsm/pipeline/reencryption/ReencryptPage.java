package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Brings the objects of one page under their bucket's key, by the same code as uploads. What may work later is counted
 * as {@code retry}: the state machine waits and runs the page again, which costs one request for each object done.
 */
public final class ReencryptPage implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    /** Failures that an answer names; all are counted. */
    private static final int MOST_NAMED = 20;

    /** What is left of an invocation when no further object is begun. */
    private static final Duration SPARE = Duration.ofSeconds(20);

    private final S3Client s3;
    private final String resultsBucket;
    private final Reencryption reencryption;
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
        reencryption = new Reencryption(s3, settings, clock);
    }

    @Override
    public Map<String, Object> handleRequest(Map<String, Object> input, Context context) {
        var objects = Pages.read(s3, resultsBucket, (String) input.get("page"), (String) input.get("bucket"));
        var deadline =
                clock.instant().plusMillis(context.getRemainingTimeInMillis()).minus(SPARE);
        var outcomes = Boolean.TRUE.equals(input.get("dryRun"))
                ? Parallel.map(objects, settings.concurrency(), reencryption::preview)
                : reencryption.reencrypt(objects, deadline);
        return answer(objects, outcomes);
    }

    private static Map<String, Object> answer(List<ObjectReference> objects, List<Outcome> outcomes) {
        var counts = new TreeMap<String, Integer>();
        var failures = new ArrayList<Map<String, String>>();
        int refused = 0;
        int retry = 0;
        long bytes = 0;
        for (int i = 0; i < outcomes.size(); i++) {
            var outcome = outcomes.get(i);
            counts.merge(name(outcome), 1, Integer::sum);
            if (outcome instanceof Outcome.Reencrypted done) bytes += done.bytes();
            if (outcome instanceof Outcome.Refused) refused++;
            if (outcome instanceof Outcome.Retry) retry++;
            if ((outcome instanceof Outcome.Refused || outcome instanceof Outcome.Retry)
                    && failures.size() < MOST_NAMED) {
                var object = objects.get(i);
                failures.add(Map.of(
                        "key", object.key(),
                        "versionId", object.versionId().orElse(""),
                        "outcome", name(outcome)));
            }
        }
        return Map.of(
                "objects", objects.size(),
                "bytes", bytes,
                "outcomes", counts,
                "refused", refused,
                "retry", retry,
                "failures", failures);
    }

    /** The outcome with its reason, to count by. */
    private static String name(Outcome outcome) {
        return switch (outcome) {
            case Outcome.Reencrypted(var way, var bytes) -> "REENCRYPTED:" + way;
            case Outcome.AlreadyDone done -> "ALREADY_DONE";
            case Outcome.Gone(var reason) -> "GONE:" + reason;
            case Outcome.Left(var reason) -> "LEFT:" + reason;
            case Outcome.Refused(var reason) -> "REFUSED:" + reason;
            case Outcome.Retry(var reason) -> "RETRY:" + reason;
        };
    }
}
