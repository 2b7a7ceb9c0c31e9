package cloudhsm.pipeline.reencryption;

import java.time.Instant;
import java.util.Optional;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ObjectLockLegalHoldStatus;

/**
 * Decides what becomes of an object. UpdateObjectEncryption serves objects under SSE-S3 and SSE-KMS only.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/update-sse-encryption.html">Updating server-side
 *     encryption for existing objects</a>
 */
final class Decision {
    private Decision() {}

    /** What HeadObject already settles; empty where the object's encryption is to be updated. */
    static Optional<Outcome> settled(
            HeadObjectResponse object, UploadedObject upload, String targetKeyArn, Instant now) {
        if (upload.mayBeOverwritten() && !upload.etag().equals(object.eTag().replace("\"", ""))) {
            return Optional.of(new Outcome.Gone("OVERWRITTEN")); // the newer upload has an event of its own
        }
        if (targetKeyArn.equals(object.ssekmsKeyId())) return Optional.of(new Outcome.AlreadyDone());
        if (isLocked(object, now)) return Optional.of(new Outcome.Left("OBJECT_LOCKED"));
        if (object.sseCustomerAlgorithm() != null) return Optional.of(new Outcome.Left("SSE_C"));
        if (object.serverSideEncryption() == null) return Optional.of(new Outcome.Left("UNENCRYPTED"));
        return switch (object.serverSideEncryption()) {
            case AES256, AWS_KMS -> Optional.empty();
            case AWS_KMS_DSSE -> Optional.of(new Outcome.Left("DSSE_KMS"));
            case AWS_FSX, AWS_BACKUP, UNKNOWN_TO_SDK_VERSION -> Optional.of(new Outcome.Left("UNKNOWN_ENCRYPTION"));
        };
    }

    private static boolean isLocked(HeadObjectResponse object, Instant now) {
        var retained = object.objectLockRetainUntilDate() != null && now.isBefore(object.objectLockRetainUntilDate());
        return retained || object.objectLockLegalHoldStatus() == ObjectLockLegalHoldStatus.ON;
    }

    /** What S3's refusal of any request means. */
    static Outcome refused(AwsServiceException error) {
        if (error.statusCode() == 404) return new Outcome.Gone("NOT_FOUND");
        if (error.statusCode() == 405) return new Outcome.Gone("DELETE_MARKER");
        return new Outcome.Retry(code(error));
    }

    /** What S3's refusal to update the encryption means: InvalidRequest says that this object cannot be served. */
    static Outcome updateRefused(AwsServiceException error, String reasonIfInvalid) {
        return code(error).equals("InvalidRequest") ? new Outcome.Left(reasonIfInvalid) : refused(error);
    }

    /** AWS's error code, or the HTTP status where the answer has no body, as to HEAD. */
    private static String code(AwsServiceException error) {
        var details = error.awsErrorDetails();
        return details == null
                        || details.errorCode() == null
                        || details.errorCode().isEmpty()
                ? "HTTP_" + error.statusCode()
                : details.errorCode();
    }
}
