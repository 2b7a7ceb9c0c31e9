package cloudhsm.pipeline.reencryption;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;

/**
 * The key that a bucket's objects belong under: that of its default encryption. The key is made long after this
 * function is deployed, so the bucket itself says which it is.
 */
final class TargetKeys {
    /** How long a bucket's answer is believed: one lookup for a burst of uploads, a new key noticed soon. */
    static final Duration LIFETIME = Duration.ofMinutes(1);

    private final S3Client s3;
    private final Clock clock;
    private final Map<String, Known> byBucket = new HashMap<>();

    /** What a bucket says. */
    sealed interface Target {
        record Key(String arn) implements Target {}

        /** The bucket names no key that its objects could be put under. */
        record None(String reason) implements Target {}
    }

    private record Known(Target target, Instant expires) {}

    TargetKeys(S3Client s3, Clock clock) {
        this.s3 = s3;
        this.clock = clock;
    }

    /**
     * One lookup at a time: a batch of a new bucket's uploads asks once.
     *
     * @throws software.amazon.awssdk.services.s3.model.S3Exception what S3 refused; not remembered
     */
    synchronized Target of(String bucket) {
        var known = byBucket.get(bucket);
        if (known != null && clock.instant().isBefore(known.expires())) return known.target();
        var rules = s3.getBucketEncryption(request -> request.bucket(bucket))
                .serverSideEncryptionConfiguration()
                .rules();
        var target =
                rules.stream().map(TargetKeys::target).findFirst().orElse(new Target.None("BUCKET_WITHOUT_KMS_KEY"));
        byBucket.put(bucket, new Known(target, clock.instant().plus(LIFETIME)));
        return target;
    }

    private static Target target(ServerSideEncryptionRule rule) {
        var standard = rule.applyServerSideEncryptionByDefault();
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
