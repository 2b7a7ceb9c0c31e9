package cloudhsm.pipeline.reencryption;

import java.time.Clock;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;

/**
 * The key that a bucket's objects belong under: that of its default encryption. The key is made long after this
 * function is deployed, so the bucket itself says which it is.
 */
final class TargetKeys {
    private final S3Client s3;
    private final Remembered<Target> targets;

    /** What a bucket says. */
    sealed interface Target {
        record Key(String arn) implements Target {}

        /** The bucket names no key that its objects could be put under. */
        record None(String reason) implements Target {}
    }

    TargetKeys(S3Client s3, Clock clock) {
        this.s3 = s3;
        targets = new Remembered<>(clock, this::ask);
    }

    /** @throws software.amazon.awssdk.services.s3.model.S3Exception what S3 refused; not remembered */
    Target of(String bucket) {
        return targets.of(bucket);
    }

    private Target ask(String bucket) {
        return s3
                .getBucketEncryption(request -> request.bucket(bucket))
                .serverSideEncryptionConfiguration()
                .rules()
                .stream()
                .map(TargetKeys::target)
                .findFirst()
                .orElse(new Target.None("BUCKET_WITHOUT_KMS_KEY"));
    }

    private static Target target(ServerSideEncryptionRule rule) {
        var standard = rule.applyServerSideEncryptionByDefault();
        if (standard != null && standard.sseAlgorithm() == ServerSideEncryption.AWS_KMS_DSSE) {
            return new Target.None("BUCKET_DEFAULT_IS_DSSE_KMS"); // UpdateObjectEncryption leads to SSE-KMS only
        }
        if (standard == null
                || standard.sseAlgorithm() != ServerSideEncryption.AWS_KMS
                || standard.kmsMasterKeyID() == null) {
            return new Target.None("BUCKET_WITHOUT_KMS_KEY");
        }
        // UpdateObjectEncryption takes full ARNs only, and an alias may be moved.
        if (!standard.kmsMasterKeyID().matches("arn:aws[a-zA-Z0-9-]*:kms:.*:key/.+")) {
            return new Target.None("BUCKET_KEY_IS_NO_KEY_ARN");
        }
        return new Target.Key(standard.kmsMasterKeyID());
    }
}
