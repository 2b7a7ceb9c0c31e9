package cloudhsm.pipeline.reencryption;

import cloudhsm.pipeline.reencryption.Outcome.Way;
import cloudhsm.pipeline.reencryption.Settings.PreviousVersions;
import java.time.Clock;
import java.time.Instant;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;

/**
 * Copies an object onto itself, under the target key. The copy is pinned to the version and ETag that were looked at,
 * and to the same ETag's being current when it ends, so that it never covers a newer upload. Metadata, content headers,
 * tags, checksum algorithm, storage class and website redirect are those of the original.
 */
final class Copies {
    private final S3Client s3;
    private final Settings settings;
    private final MultipartCopies multipart;

    Copies(S3Client s3, Settings settings, Clock clock) {
        this.s3 = s3;
        this.settings = settings;
        multipart = new MultipartCopies(s3, clock);
    }

    /**
     * @param object what HeadObject said of the current version
     * @param deadline when a multipart copy is given up
     */
    Outcome copy(ObjectReference meant, HeadObjectResponse object, Way way, String targetKeyArn, Instant deadline) {
        if (way == Way.MULTIPART_COPY) {
            var done = multipart.copy(meant, object, targetKeyArn, deadline);
            if (!done) return new Outcome.Refused("COPY_OUT_OF_TIME");
        } else {
            copyAtOnce(meant, object, targetKeyArn);
        }
        if (settings.previousVersions() == PreviousVersions.DELETE && !deletePrevious(meant, object)) {
            return new Outcome.Left("PREVIOUS_VERSION_NOT_DELETED");
        }
        return new Outcome.Reencrypted(way, object.contentLength());
    }

    private void copyAtOnce(ObjectReference meant, HeadObjectResponse object, String targetKeyArn) {
        s3.copyObject(request -> request.sourceBucket(meant.bucket())
                .sourceKey(meant.key())
                .sourceVersionId(object.versionId())
                .copySourceIfMatch(object.eTag())
                .destinationBucket(meant.bucket())
                .destinationKey(meant.key())
                .ifMatch(object.eTag())
                .storageClass(object.storageClassAsString())
                .websiteRedirectLocation(object.websiteRedirectLocation())
                .serverSideEncryption(ServerSideEncryption.AWS_KMS)
                .ssekmsKeyId(targetKeyArn)
                .bucketKeyEnabled(true));
    }

    /** Removes exactly the version that was copied. A copy in a bucket without versions has replaced it already. */
    private boolean deletePrevious(ObjectReference meant, HeadObjectResponse object) {
        if (object.versionId() == null || object.versionId().equals("null")) return true;
        try {
            s3.deleteObject(
                    request -> request.bucket(meant.bucket()).key(meant.key()).versionId(object.versionId()));
            return true;
        } catch (AwsServiceException | SdkClientException notDeleted) {
            return false; // the copy is made, so the message is done; the version stays readable under its old key
        }
    }
}
