package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.wire.Violation;
import java.util.Map;

/**
 * S3's refusals in S3's words.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html">Error responses</a>
 */
final class S3Errors {
    private S3Errors() {}

    /** Of the refusal that comes before S3 itself: a status, and no body. */
    static final String BARE = "400 Bad Request";

    /** The address leads out of the bucket, or to nowhere. */
    static AwsException badAddress() {
        return AwsException.badRequest(BARE, "Bad Request");
    }

    static AwsException noSuchBucket(String bucket) {
        return new AwsException(
                "NoSuchBucket", 404, "The specified bucket does not exist", Map.of("BucketName", bucket));
    }

    static AwsException noSuchKey(String key) {
        return new AwsException("NoSuchKey", 404, "The specified key does not exist.", Map.of("Key", key));
    }

    /** The current version is a delete marker. */
    static AwsException deleted(String key, String markerVersionId) {
        return new AwsException(
                "NoSuchKey",
                404,
                "The specified key does not exist.",
                Map.of("Key", key, "x-amz-delete-marker", "true", "x-amz-version-id", markerVersionId));
    }

    static AwsException noSuchVersion(String key, String versionId) {
        return new AwsException(
                "NoSuchVersion",
                404,
                "The specified version does not exist.",
                Map.of("Key", key, "VersionId", versionId));
    }

    /** The version asked for is a delete marker. */
    static AwsException deleteMarker(String versionId) {
        return new AwsException(
                "MethodNotAllowed",
                405,
                "The specified method is not allowed against this resource.",
                Map.of(
                        "ResourceType",
                        "DeleteMarker",
                        "x-amz-delete-marker",
                        "true",
                        "x-amz-version-id",
                        versionId,
                        "Allow",
                        "DELETE"));
    }

    static AwsException noSuchUpload(String uploadId) {
        return new AwsException(
                "NoSuchUpload",
                404,
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been"
                        + " aborted or completed.",
                Map.of("UploadId", uploadId));
    }

    static AwsException preconditionFailed(String condition) {
        return new AwsException(
                "PreconditionFailed",
                412,
                "At least one of the pre-conditions you specified did not hold",
                Map.of("Condition", condition));
    }

    /** What the model of the operation does not allow, in the body or in a header or a query parameter. */
    static AwsException violated(Violation violation) {
        var missing = violation.kind() == Violation.Kind.MISSING;
        if (violation.shape().equals("NonEmptyKmsKeyArnString") && !missing) {
            return invalidRequest("The KMS key must be given by its full ARN, arn:aws:kms:…:key/…; key ids and aliases"
                    + " are not supported");
        }
        if (violation.shape().equals("BucketLocationConstraint")) return invalidLocation(violation.value());
        if (violation.inBody()) return Xml.malformed();
        if (violation.shape().equals("StorageClass")) {
            return AwsException.badRequest("InvalidStorageClass", "The storage class you specified is not valid");
        }
        return invalidArgument(violation.member(), violation.value(), violation.constraint());
    }

    static AwsException invalidLocation(String location) {
        return new AwsException(
                "InvalidLocationConstraint",
                400,
                "The specified location-constraint is not valid",
                Map.of("LocationConstraint", location));
    }

    static AwsException accessDenied(String message) {
        return new AwsException("AccessDenied", 403, message);
    }

    static AwsException invalidRequest(String message) {
        return AwsException.badRequest("InvalidRequest", message);
    }

    static AwsException invalidArgument(String name, String value, String message) {
        return new AwsException("InvalidArgument", 400, message, Map.of("ArgumentName", name, "ArgumentValue", value));
    }

    /** What the embedded AWS leaves out, said in S3's own code for it. */
    static AwsException notImplemented(String what) {
        return new AwsException(
                "NotImplemented",
                501,
                "A header you provided implies functionality that is not implemented: the embedded AWS does not answer "
                        + what);
    }
}
