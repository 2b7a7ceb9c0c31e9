package cloudhsm.pipeline.runlocal.rehearse;

import cloudhsm.pipeline.runlocal.doctor.Aws;
import cloudhsm.pipeline.runlocal.doctor.AwsFailure;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Removes what a rehearsal has made: unfinished uploads, every version of its objects, the bucket, and then its keys. An
 * object that is not the rehearsal's stays, and so do the bucket and the keys, which it may need. May be repeated.
 */
final class CleanUp {
    /** Of a bucket that was not empty although it had been emptied: the function may have been copying. */
    private static final int ATTEMPTS = 12;

    private static final Duration PAUSE = Duration.ofSeconds(5);

    /** What the function and others are doing to the bucket passes. */
    private static final Set<String> PASSING = Set.of("BucketNotEmpty", "OperationAborted");

    private final Aws aws;
    private final S3Client s3;
    private final Made made;
    private final List<Left> left = new ArrayList<>();

    /**
     * Something that is still there.
     *
     * @param why a sentence
     */
    record Left(String what, String why, String next) {}

    CleanUp(Aws aws, S3Client s3, Made made) {
        this.aws = aws;
        this.s3 = s3;
        this.made = made;
    }

    /** Returns what is left; empty where everything is gone, or going. */
    List<Left> run() {
        if (removeBucket()) {
            for (var key : made.keys().keySet()) remove(key);
        } else {
            made.keys()
                    .forEach((key, arn) -> left.add(new Left(
                            "KMS key " + arn.orElse("whose ARN is not known"),
                            "objects of the bucket that is left may be under it.",
                            "mend what keeps the bucket, then clean up again")));
        }
        return left;
    }

    private boolean removeBucket() {
        for (int attempt = 1; ; attempt++) {
            try {
                abortUploads();
                var others = deleteVersions();
                if (!others.isEmpty()) {
                    left.add(new Left(
                            "bucket " + made.bucket(),
                            "it has objects that the rehearsal did not put there: " + String.join(", ", others) + ".",
                            "ask whose they are, move them away, then clean up again"));
                    return false;
                }
                s3.deleteBucket(request -> request.bucket(made.bucket()).expectedBucketOwner(made.account()));
                return true;
            } catch (SdkException failure) {
                var code = Refusals.code(failure);
                if (code.equals("NoSuchBucket")) return true;
                if (!PASSING.contains(code) || attempt == ATTEMPTS) {
                    left.add(new Left("bucket " + made.bucket(), Refusals.sentence(failure), Refusals.next(failure)));
                    return false;
                }
                aws.pause(PAUSE);
            }
        }
    }

    private void abortUploads() {
        s3
                .listMultipartUploadsPaginator(
                        request -> request.bucket(made.bucket()).expectedBucketOwner(made.account()))
                .uploads()
                .stream()
                .filter(upload -> Uploads.objectKeys().contains(upload.key()))
                .toList()
                .forEach(upload -> s3.abortMultipartUpload(request -> request.bucket(made.bucket())
                        .expectedBucketOwner(made.account())
                        .key(upload.key())
                        .uploadId(upload.uploadId())));
    }

    /** Returns the keys of objects that are not the rehearsal's, which stay. */
    private Set<String> deleteVersions() {
        var others = new TreeSet<String>();
        for (var page : s3.listObjectVersionsPaginator(
                request -> request.bucket(made.bucket()).expectedBucketOwner(made.account()))) {
            page.versions().forEach(version -> delete(version.key(), version.versionId(), others));
            page.deleteMarkers().forEach(marker -> delete(marker.key(), marker.versionId(), others));
        }
        return others;
    }

    private void delete(String key, String versionId, Set<String> others) {
        if (!Uploads.objectKeys().contains(key)) {
            others.add(key);
            return;
        }
        s3.deleteObject(request -> request.bucket(made.bucket())
                .expectedBucketOwner(made.account())
                .key(key)
                .versionId(versionId));
    }

    private void remove(RehearsalKey key) {
        var keys = new Keys(aws);
        var known = made.keys().get(key);
        try {
            if (known.isPresent()) {
                keys.scheduleDeletion(known.get());
                return;
            }
            var found = keys.find(made, key);
            found.arns().forEach(keys::scheduleDeletion);
            if (found.arns().isEmpty() && found.refused() > 0) {
                left.add(new Left(
                        "KMS key whose ARN is not known, if AWS made it",
                        found.refused()
                                + " keys of the account do not show their policy to the caller; the rehearsal's has"
                                + " the statement " + made.statement(key) + ".",
                        "clean up as somebody who may kms:GetKeyPolicy; or where you know that none of those keys is"
                                + " the rehearsal's, delete the file that --record names"));
            }
        } catch (AwsFailure failure) {
            left.add(new Left(
                    "KMS key " + known.orElse("with the statement " + made.statement(key) + ", if AWS made it"),
                    failure.getMessage(),
                    failure.next()));
        }
    }
}
