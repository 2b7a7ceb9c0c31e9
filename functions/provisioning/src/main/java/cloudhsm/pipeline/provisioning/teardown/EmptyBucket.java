package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.ListObjectVersionsResponse;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.ObjectLockLegalHoldStatus;
import software.amazon.awssdk.services.s3.model.S3Error;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * Deletes every version, delete marker and unfinished upload of the bucket, a thousand with one call, as far as it gets
 * in one run; the state machine runs it again until nothing is left. What Object Lock holds is put down and passed over.
 * A key that XML cannot hold is listed URL-encoded, which the SDK undoes, and takes a call of its own: S3 refuses the
 * whole DeleteObjects that names one.
 */
public final class EmptyBucket extends StageHandler<EmptyBucket.Input> {
    /** Leaves the rest of the function's minute to the page that is under way. */
    private static final Duration ONE_RUN = Duration.ofSeconds(40);

    /** So many locked objects are named; the others are counted. */
    private static final int MOST_NAMED = 20;

    /**
     * @param data must be DELETE: no other stage of the pipeline deletes a user's object
     * @param deleted by the runs before this one
     */
    public record Input(String bucket, String data, long deleted) {}

    /**
     * @param more whether the stage has to run again
     * @param locked objects that Object Lock holds, the first of them
     * @param lockedCount how many there are
     */
    public record Output(Instant at, boolean more, long deleted, List<String> locked, int lockedCount) {}

    private final S3Client s3;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public EmptyBucket() {
        this(Aws.s3(), StageRuntime.ofFunction());
    }

    EmptyBucket(S3Client s3, StageRuntime runtime) {
        super(Input.class, runtime);
        this.s3 = s3;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        if (!input.data().equals(TeardownRequest.Data.DELETE.name())) {
            return new Outcome.Failed(
                    "DELETION_NOT_CONFIRMED",
                    "EmptyBucket was run for s3://" + input.bucket() + " although the input says " + input.data()
                            + ". Nothing was deleted. Next: report this; it is a defect.");
        }
        try {
            return empty(input);
        } catch (NoSuchBucketException gone) {
            return done(false, input.deleted(), List.of(), 0);
        }
    }

    /** The next page is listed before one is deleted: a listing goes on behind a version that is still there. */
    private Outcome empty(Input input) {
        var until = clock.instant().plus(ONE_RUN);
        var locked = new ArrayList<String>();
        int lockedCount = 0;
        long deleted = input.deleted();
        abortUploads(input.bucket());
        var page =
                s3.listObjectVersions(request -> request.bucket(input.bucket()).encodingType(EncodingType.URL));
        while (true) {
            var next = page.isTruncated() ? Optional.of(after(page)) : Optional.<ListObjectVersionsResponse>empty();
            var objects = objects(page);
            var inXml =
                    objects.stream().filter(object -> isInXml10(object.key())).toList();
            var errors = new ArrayList<>(delete(input.bucket(), inXml));
            int tried = inXml.size();
            for (var object : objects) {
                if (isInXml10(object.key())) continue;
                if (clock.instant().isAfter(until)) break;
                deleteAlone(input.bucket(), object).ifPresent(errors::add);
                tried++;
            }
            deleted += tried - errors.size();
            for (var error : errors) {
                if (!isLocked(input.bucket(), error)) return refused(input.bucket(), error);
                lockedCount++;
                if (locked.size() < MOST_NAMED) locked.add(shown(error.key()) + " (version " + error.versionId() + ")");
            }
            if (next.isEmpty() && tried == objects.size()) return done(false, deleted, locked, lockedCount);
            if (clock.instant().isAfter(until)) return done(true, deleted, locked, lockedCount);
            page = next.get();
        }
    }

    private Outcome done(boolean more, long deleted, List<String> locked, int lockedCount) {
        return new Outcome.Done(new Output(clock.instant(), more, deleted, List.copyOf(locked), lockedCount));
    }

    private void abortUploads(String bucket) {
        s3.listMultipartUploadsPaginator(request -> request.bucket(bucket).encodingType(EncodingType.URL))
                .uploads()
                .forEach(upload -> s3.abortMultipartUpload(
                        request -> request.bucket(bucket).key(upload.key()).uploadId(upload.uploadId())));
    }

    private ListObjectVersionsResponse after(ListObjectVersionsResponse page) {
        return s3.listObjectVersions(request -> request.bucket(page.name())
                .encodingType(EncodingType.URL)
                .keyMarker(page.nextKeyMarker())
                .versionIdMarker(page.nextVersionIdMarker()));
    }

    private static List<ObjectIdentifier> objects(ListObjectVersionsResponse page) {
        return Stream.concat(
                        page.versions().stream().map(version -> identifier(version.key(), version.versionId())),
                        page.deleteMarkers().stream().map(marker -> identifier(marker.key(), marker.versionId())))
                .toList();
    }

    private static ObjectIdentifier identifier(String key, String versionId) {
        return ObjectIdentifier.builder().key(key).versionId(versionId).build();
    }

    private List<S3Error> delete(String bucket, List<ObjectIdentifier> objects) {
        if (objects.isEmpty()) return List.of();
        return s3.deleteObjects(request -> request.bucket(bucket)
                        .delete(delete -> delete.objects(objects).quiet(true)))
                .errors();
    }

    /** Empty if it is gone. The body of a refusal that names such a key cannot be read, its status can. */
    private Optional<S3Error> deleteAlone(String bucket, ObjectIdentifier object) {
        try {
            s3.deleteObject(request -> request.bucket(bucket).key(object.key()).versionId(object.versionId()));
            return Optional.empty();
        } catch (S3Exception refused) {
            if (refused.statusCode() != 403) throw refused;
            return Optional.of(S3Error.builder()
                    .key(object.key())
                    .versionId(object.versionId())
                    .code("AccessDenied")
                    .message(refused.getMessage())
                    .build());
        }
    }

    /** @see <a href="https://www.w3.org/TR/xml/#charsets">XML 1.0, Characters</a> */
    private static boolean isInXml10(String key) {
        return key.codePoints()
                .allMatch(c -> c == '\t' || c == '\n' || c == '\r' || c >= 0x20 && c < 0xFFFE || c > 0xFFFF);
    }

    /** The key as a person can read it: mails and pages cannot hold every character either. */
    private static String shown(String key) {
        var shown = new StringBuilder();
        key.codePoints().forEach(c -> {
            if (isInXml10(Character.toString(c))) shown.appendCodePoint(c);
            else shown.append("\\u%04X".formatted(c));
        });
        return shown.toString();
    }

    /** S3 refuses a locked version with AccessDenied, as it does where rights are missing. */
    private boolean isLocked(String bucket, S3Error error) {
        if (!"AccessDenied".equals(error.code())) return false;
        try {
            var head = s3.headObject(
                    request -> request.bucket(bucket).key(error.key()).versionId(error.versionId()));
            var retained = head.objectLockRetainUntilDate() != null
                    && clock.instant().isBefore(head.objectLockRetainUntilDate());
            return retained || head.objectLockLegalHoldStatus() == ObjectLockLegalHoldStatus.ON;
        } catch (S3Exception unknown) {
            return false;
        }
    }

    private static Outcome refused(String bucket, S3Error error) {
        if (List.of("InternalError", "SlowDown", "ServiceUnavailable").contains(error.code())) {
            return new Outcome.Failed(TRANSIENT, "S3 did not delete " + shown(error.key()) + " now: " + error.code());
        }
        return new Outcome.Failed(
                "OBJECT_NOT_DELETED",
                "S3 does not delete s3://" + bucket + "/" + shown(error.key()) + " (version " + error.versionId()
                        + "): "
                        + error.code() + ", " + error.message()
                        + ". It is not locked, so a policy forbids it. The key and the HSMs were not touched. Next:"
                        + " allow s3:DeleteObjectVersion, or choose other \"data\"; then start a new execution.");
    }
}
