package cloudhsm.pipeline.provisioning.bucket;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The buckets that a deployment can have.
 *
 * @param evidenceBucket the stack's own, which is never a deployment's
 * @param namePattern of those that the functions may touch, as IAM reads it: * stands for any characters
 */
public record BucketScope(String evidenceBucket, String namePattern) {
    /** Where the SAM CLI keeps the artifacts of what it deploys. */
    private static final String ARTIFACTS = "aws-sam-cli-managed-";

    /** As the function's environment says: EVIDENCE_BUCKET, BUCKET_NAME_PATTERN. */
    public static BucketScope ofFunction() {
        return new BucketScope(Aws.environment("EVIDENCE_BUCKET"), Aws.environment("BUCKET_NAME_PATTERN"));
    }

    /** Why a bucket of this name cannot be a deployment's, and what to do, as the end of a sentence; empty if it can. */
    public Optional<String> problem(String bucket) {
        if (bucket.equals(evidenceBucket)) {
            return Optional.of("is the bucket of the stack's evidence; choose another name");
        }
        if (bucket.startsWith(ARTIFACTS)) {
            return Optional.of("is the bucket of the SAM CLI's artifacts; choose another name");
        }
        if (!bucket.matches(Pattern.quote(namePattern).replace("*", "\\E.*\\Q"))) {
            return Optional.of("is not among the buckets that the functions may touch, \"" + namePattern
                    + "\"; choose another name, or deploy the stack with another BucketNamePattern");
        }
        return Optional.empty();
    }
}
