package cloudhsm.pipeline.reencryption;

import cloudhsm.pipeline.reencryption.Outcome.Way;
import cloudhsm.pipeline.reencryption.Settings.PreviousVersions;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;

/**
 * Copies an object onto itself, under the target key. The copy is pinned to the version and ETag that were looked at,
 * and to the same ETag's being current when it ends, so that it never covers a newer upload. Metadata, content headers,
 * tags, ACL, checksum algorithm, storage class and website redirect are those of the original.
 */
final class Copies {
    private final S3Client s3;
    private final Settings settings;
    private final MultipartCopies multipart;
    private final Acls acls;

    Copies(S3Client s3, Settings settings, Clock clock) {
        this.s3 = s3;
        this.settings = settings;
        multipart = new MultipartCopies(s3, clock);
        acls = new Acls(s3, clock);
    }

    /**
     * @param object what HeadObject said of the current version
     * @param targetKeyArn "" for SSE-S3
     * @param deadline when a multipart copy is given up
     */
    Outcome copy(ObjectReference meant, HeadObjectResponse object, Way way, String targetKeyArn, Instant deadline) {
        var grants = acls.of(meant, object);
        Optional<String> newVersion;
        try {
            newVersion = way == Way.MULTIPART_COPY
                    ? multipart.copy(meant, object, grants, targetKeyArn, deadline)
                    : copyAtOnce(meant, object, grants, targetKeyArn);
        } catch (MultipartCopies.OutOfTimeException givenUp) {
            return new Outcome.Refused("COPY_OUT_OF_TIME");
        } catch (AwsServiceException refused) {
            if (!grants.isPublic() || !Decision.code(refused).equals("AccessDenied")) throw refused;
            return new Outcome.Left("PUBLIC_ACL_BLOCKED"); // an upload with this ACL would be refused as well
        }
        if (settings.previousVersions() == PreviousVersions.DELETE && !deletePrevious(meant, object, newVersion)) {
            return new Outcome.Left("PREVIOUS_VERSION_NOT_DELETED");
        }
        return new Outcome.Reencrypted(way, object.contentLength());
    }

    private Optional<String> copyAtOnce(
            ObjectReference meant, HeadObjectResponse object, Acls.Grants grants, String targetKeyArn) {
        var copied = s3.copyObject(request -> request.sourceBucket(meant.bucket())
                .sourceKey(meant.key())
                .sourceVersionId(object.versionId())
                .copySourceIfMatch(object.eTag())
                .destinationBucket(meant.bucket())
                .destinationKey(meant.key())
                .ifMatch(object.eTag())
                .storageClass(object.storageClassAsString())
                .websiteRedirectLocation(object.websiteRedirectLocation())
                .grantFullControl(grants.fullControl())
                .grantRead(grants.read())
                .grantReadACP(grants.readAcp())
                .grantWriteACP(grants.writeAcp())
                .serverSideEncryption(encryption(targetKeyArn))
                .ssekmsKeyId(targetKeyArn.isEmpty() ? null : targetKeyArn)
                .bucketKeyEnabled(targetKeyArn.isEmpty() ? null : true));
        return Optional.ofNullable(copied.versionId());
    }

    /** @param targetKeyArn "" for SSE-S3 */
    static ServerSideEncryption encryption(String targetKeyArn) {
        return targetKeyArn.isEmpty() ? ServerSideEncryption.AES256 : ServerSideEncryption.AWS_KMS;
    }

    /**
     * Removes exactly the version that was copied. A copy without a version id, in a bucket whose versioning is off or
     * suspended, has replaced the one without.
     */
    private boolean deletePrevious(ObjectReference meant, HeadObjectResponse object, Optional<String> newVersion) {
        var replaced = newVersion.orElse("null").equals("null")
                && (object.versionId() == null || object.versionId().equals("null"));
        if (replaced) return true;
        try {
            s3.deleteObject(
                    request -> request.bucket(meant.bucket()).key(meant.key()).versionId(object.versionId()));
            return true;
        } catch (AwsServiceException | SdkClientException notDeleted) {
            return false; // the copy is made, so the message is done; the version stays readable under its old key
        }
    }
}
