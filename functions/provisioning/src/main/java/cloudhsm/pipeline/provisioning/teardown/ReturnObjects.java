package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Outcome;
import cloudhsm.pipeline.provisioning.lambda.Resource;
import cloudhsm.pipeline.provisioning.lambda.StageHandler;
import cloudhsm.pipeline.provisioning.lambda.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ListObjectVersionsResponse;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.ObjectVersion;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * Puts every version of every object that is under the deployment's keys under another KMS key, in place: no data moves,
 * no version is made or deleted. It goes as far as it gets in one run; the state machine runs it again where it stopped.
 * If a single version cannot be moved, the stage fails in the end, so that the key does not go.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/update-sse-encryption.html">Updating server-side
 *     encryption for existing objects</a>
 */
public final class ReturnObjects extends StageHandler<ReturnObjects.Input> {
    /** Leaves the rest of the function's minute to the object that is under way. */
    private static final Duration ONE_RUN = Duration.ofSeconds(40);

    /** So many versions that cannot be moved are named; the others are counted. */
    private static final int MOST_NAMED = 20;

    /** A page is done in one run even where each object takes 300 ms. */
    private static final int PAGE = 100;

    /**
     * @param keyIds of the keys that are going to be deleted
     * @param returnTo ARN of the key that the objects go under
     * @param keyMarker where the run before this one stopped; "" at the beginning
     * @param versionMarker the same; "" at the beginning
     * @param returned so far
     * @param left so far, see {@link Output}
     * @param leftCount so far
     */
    public record Input(
            String bucket,
            List<String> keyIds,
            String returnTo,
            String keyMarker,
            String versionMarker,
            long returned,
            List<String> left,
            int leftCount) {
        public Input {
            Objects.requireNonNull(bucket, "bucket");
            Objects.requireNonNull(returnTo, "returnTo");
            keyIds = List.copyOf(keyIds);
            left = List.copyOf(left);
        }
    }

    /**
     * @param more whether the stage has to run again
     * @param returned how many versions were moved
     * @param left versions that cannot be moved, and why: the first of them
     */
    public record Output(
            Instant at,
            boolean more,
            String keyMarker,
            String versionMarker,
            long returned,
            List<String> left,
            int leftCount) {}

    private final S3Client s3;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public ReturnObjects() {
        this(Aws.s3(), StageRuntime.ofFunction());
    }

    ReturnObjects(S3Client s3, StageRuntime runtime) {
        super(Input.class, runtime);
        this.s3 = s3;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var until = clock.instant().plus(ONE_RUN);
        var left = new ArrayList<>(input.left());
        int leftCount = input.leftCount();
        long returned = input.returned();
        var keyMarker = input.keyMarker();
        var versionMarker = input.versionMarker();
        while (true) {
            var page = page(input.bucket(), keyMarker, versionMarker);
            if (page.isEmpty()) break;
            for (var version : page.get().versions()) {
                if (!isUnderOurs(input, version)) continue;
                var refusal = move(input, version);
                if (refusal.isEmpty()) {
                    returned++;
                } else {
                    leftCount++;
                    if (left.size() < MOST_NAMED) left.add(refusal.get());
                }
            }
            if (!page.get().isTruncated()) break;
            keyMarker = page.get().nextKeyMarker();
            versionMarker = Objects.requireNonNullElse(page.get().nextVersionIdMarker(), "");
            if (clock.instant().isAfter(until)) {
                return new Outcome.Done(
                        new Output(clock.instant(), true, keyMarker, versionMarker, returned, left, leftCount));
            }
        }
        if (leftCount > 0) return notReturned(input, returned, left, leftCount);
        return new Outcome.Done(new Output(clock.instant(), false, "", "", returned, List.of(), 0));
    }

    /** Empty if the bucket is gone. */
    private Optional<ListObjectVersionsResponse> page(String bucket, String keyMarker, String versionMarker) {
        try {
            return Optional.of(s3.listObjectVersions(request -> {
                request.bucket(bucket).maxKeys(PAGE);
                if (!keyMarker.isEmpty()) request.keyMarker(keyMarker);
                if (!versionMarker.isEmpty()) request.versionIdMarker(versionMarker);
            }));
        } catch (NoSuchBucketException gone) {
            return Optional.empty();
        }
    }

    private boolean isUnderOurs(Input input, ObjectVersion version) {
        try {
            var key = s3.headObject(request ->
                            request.bucket(input.bucket()).key(version.key()).versionId(version.versionId()))
                    .ssekmsKeyId();
            return key != null && input.keyIds().stream().anyMatch(key::endsWith);
        } catch (S3Exception failure) {
            // 404: gone meanwhile. 400: SSE-C, which HEAD answers only to those who have the key.
            if (failure.statusCode() == 404 || failure.statusCode() == 400) return false;
            throw failure;
        }
    }

    /** Empty once the version is under the other key. */
    private Optional<String> move(Input input, ObjectVersion version) {
        try {
            s3.updateObjectEncryption(request -> request.bucket(input.bucket())
                    .key(version.key())
                    .versionId(version.versionId())
                    .objectEncryption(encryption -> encryption.ssekms(
                            kms -> kms.kmsKeyArn(input.returnTo()).bucketKeyEnabled(true))));
            return Optional.empty();
        } catch (S3Exception failure) {
            if (failure.statusCode() == 404) return Optional.empty();
            if (Aws.mayPass(failure)) throw failure;
            return Optional.of(version.key() + " (version " + version.versionId() + "): "
                    + failure.awsErrorDetails().errorCode() + ", "
                    + failure.awsErrorDetails().errorMessage());
        }
    }

    private static Outcome notReturned(Input input, long returned, List<String> left, int leftCount) {
        return new Outcome.Failed(
                "OBJECTS_NOT_RETURNED",
                leftCount + " versions in s3://" + input.bucket() + " could not be put under " + input.returnTo()
                        + ", and would become unreadable with the key; " + returned
                        + " were moved. Object Lock, for one, forbids it. The key and the HSMs were not touched and"
                        + " still bill. Next: remove what is in the way, or choose other \"data\"; then start a new"
                        + " execution.\n- " + String.join("\n- ", left));
    }
}
