package cloudhsm.pipeline.reencryption;

import cloudhsm.pipeline.reencryption.Outcome.Way;
import cloudhsm.pipeline.reencryption.Settings.DualLayerObjects;
import cloudhsm.pipeline.reencryption.Settings.Mode;
import java.time.Instant;
import java.util.Set;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ObjectLockLegalHoldStatus;
import software.amazon.awssdk.services.s3.model.ObjectLockMode;
import software.amazon.awssdk.services.s3.model.StorageClass;

/**
 * Decides what becomes of an object, from what HeadObject tells of it, and what S3's refusals mean.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/update-sse-encryption.html">Updating server-side
 *     encryption for existing objects</a>
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html">CopyObject</a>
 */
sealed interface Decision {
    /** "You can create a copy of your object up to 5 GB in size in a single atomic action." */
    long LARGEST_SINGLE_COPY = 5L << 30;

    /** Refusals that pass although their status says that the caller is wrong. */
    Set<String> PASSING = Set.of(
            "ConditionalRequestConflict",
            "ExpiredToken",
            "NoSuchUpload",
            "OperationAborted",
            "PreconditionFailed",
            "RequestTimeout",
            "RequestTimeTooSkewed",
            "SlowDown",
            "ThrottlingException",
            "TooManyRequestsException");

    /** Nothing is to be done to the object. */
    record Settled(Outcome outcome) implements Decision {}

    /** The object is to come under the key in this way. */
    record Act(Way way) implements Decision {}

    /** A copy can serve if this version is the current one, which has to be looked at first. */
    record LookAtCurrent() implements Decision {}

    /**
     * What HeadObject said.
     *
     * @param current whether it was asked for the current version, whichever that is
     */
    record Seen(HeadObjectResponse object, boolean current) {}

    /**
     * @param seen the version meant, or the current one
     * @param meant what was asked for
     */
    static Decision of(Seen seen, ObjectReference meant, String targetKeyArn, Settings settings, Instant now) {
        var object = seen.object();
        if (meant.mayBeOverwritten()
                && !meant.etag().isEmpty()
                && !meant.etag().equals(object.eTag().replace("\"", ""))) {
            return settled(new Outcome.Gone("OVERWRITTEN")); // the newer upload has an event of its own
        }
        if (!meant.hasId(object.versionId())) return left("NOT_CURRENT_VERSION");
        if (targetKeyArn.equals(object.ssekmsKeyId())) return settled(new Outcome.AlreadyDone());
        // A copy would leave the locked version as it is, and a second one without the lock.
        if (object.objectLockLegalHoldStatus() == ObjectLockLegalHoldStatus.ON) return left("LEGAL_HOLD");
        if (isRetained(object, now)) {
            return left(
                    object.objectLockMode() == ObjectLockMode.COMPLIANCE ? "LOCKED_COMPLIANCE" : "LOCKED_GOVERNANCE");
        }
        if (object.sseCustomerAlgorithm() != null) return left("SSE_C");
        if (object.serverSideEncryption() == null) return copy(seen, meant); // stored before January 2023, unencrypted
        return switch (object.serverSideEncryption()) {
            case AES256, AWS_KMS -> settings.mode() == Mode.UPDATE ? new Act(Way.UPDATE) : copy(seen, meant);
            case AWS_KMS_DSSE ->
                settings.dualLayerObjects() == DualLayerObjects.COPY ? copy(seen, meant) : left("DSSE_KMS");
            case AWS_FSX, AWS_BACKUP, UNKNOWN_TO_SDK_VERSION -> left("UNKNOWN_ENCRYPTION");
        };
    }

    /** How to copy the object, if that is possible at all. Only the current version can be: a copy becomes current. */
    static Decision copy(Seen seen, ObjectReference meant) {
        var object = seen.object();
        if (meant.latest() == ObjectReference.Latest.NO) return left("NOT_CURRENT_VERSION");
        if (isArchived(object)) return left("ARCHIVED");
        if (!seen.current() && !hasEtagOfItsOwn(object)) return new LookAtCurrent();
        if (object.contentLength() <= LARGEST_SINGLE_COPY) return new Act(Way.COPY);
        // CreateMultipartUpload answers with the key in XML; an upload whose id cannot be read is never ended.
        if (!meant.key().codePoints().allMatch(Decision::isInXml10)) return left("KEY_NOT_IN_XML");
        // CreateMultipartUpload must repeat the metadata, so it must be readable.
        if (object.missingMeta() != null && object.missingMeta() > 0) return left("METADATA_NOT_READABLE");
        return new Act(Way.MULTIPART_COPY);
    }

    /** @see <a href="https://www.w3.org/TR/xml/#charsets">XML 1.0, Characters</a> */
    private static boolean isInXml10(int c) {
        return c == '\t' || c == '\n' || c == '\r' || c >= 0x20 && c < 0xFFFE || c > 0xFFFF;
    }

    /**
     * Whether no other upload has this ETag, so that a copy on condition of it covers no other version. It is a digest of
     * what S3 stores: under a KMS key, and so under a data key of its own, each upload's differs; otherwise the same
     * content has the same.
     */
    private static boolean hasEtagOfItsOwn(HeadObjectResponse object) {
        return object.ssekmsKeyId() != null;
    }

    private static boolean isRetained(HeadObjectResponse object, Instant now) {
        return object.objectLockRetainUntilDate() != null && now.isBefore(object.objectLockRetainUntilDate());
    }

    /** Archived objects have no data to copy until someone restores them, which takes hours and costs money. */
    private static boolean isArchived(HeadObjectResponse object) {
        if (object.archiveStatus() != null) return true; // of INTELLIGENT_TIERING
        var archived =
                object.storageClass() == StorageClass.GLACIER || object.storageClass() == StorageClass.DEEP_ARCHIVE;
        return archived && (object.restore() == null || !object.restore().contains("ongoing-request=\"false\""));
    }

    private static Decision left(String reason) {
        return settled(new Outcome.Left(reason));
    }

    private static Decision settled(Outcome outcome) {
        return new Settled(outcome);
    }

    /** What S3's refusal of any request about an object means. */
    static Outcome refused(AwsServiceException error) {
        var code = code(error);
        if (passes(error)) return new Outcome.Retry(code);
        if (code.equals("KMS.NotFoundException")) return new Outcome.Refused(code);
        if (code.startsWith("KMS.")) return new Outcome.Retry(code); // disabled, disconnected, throttled
        if (code.equals("ObjectNotInActiveTierError")) return new Outcome.Left("ARCHIVED");
        if (error.statusCode() == 404) return new Outcome.Gone("NOT_FOUND");
        if (error.statusCode() == 405) return new Outcome.Gone("DELETE_MARKER");
        return new Outcome.Refused(code);
    }

    /** Whether S3 failed or asked for a pause, so that the same request may be answered later. */
    static boolean passes(AwsServiceException error) {
        // Below 300: S3 had begun its answer to a copy before it failed.
        return PASSING.contains(code(error)) || error.statusCode() < 300 || error.statusCode() >= 500;
    }

    /** What a refusal means of a version that is known to be there, but not whether it is the current one. */
    static Outcome refusedAsCurrent(AwsServiceException error) {
        var another = error.statusCode() == 404 || code(error).equals("PreconditionFailed");
        return another ? new Outcome.Left("NOT_CURRENT_VERSION") : refused(error);
    }

    /** Whether S3 says that UpdateObjectEncryption does not serve this object or this key, so that a copy may. */
    static boolean isNotUpdatable(AwsServiceException error) {
        return Set.of("InvalidRequest", "NotImplemented").contains(code(error));
    }

    /** AWS's error code, or the HTTP status where the answer has no body, as to HEAD. */
    static String code(AwsServiceException error) {
        var details = error.awsErrorDetails();
        return details == null
                        || details.errorCode() == null
                        || details.errorCode().isEmpty()
                ? "HTTP_" + error.statusCode()
                : details.errorCode();
    }
}
