package cloudhsm.pipeline.provisioning.bucket;

import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.s3.model.OwnershipControls;
import software.amazon.awssdk.services.s3.model.OwnershipControlsRule;
import software.amazon.awssdk.services.s3.model.PublicAccessBlockConfiguration;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionByDefault;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionConfiguration;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;

/**
 * A bucket's own settings: who owns its objects, public access, versions, default encryption. Each is read first and
 * changed only where it is not as wanted.
 *
 * @param account the bucket's owner
 */
record BucketSettings(S3Client s3, String bucket, String account) {
    private static final PublicAccessBlockConfiguration NO_PUBLIC_ACCESS = PublicAccessBlockConfiguration.builder()
            .blockPublicAcls(true)
            .ignorePublicAcls(true)
            .blockPublicPolicy(true)
            .restrictPublicBuckets(true)
            .build();

    private static final OwnershipControls NO_ACLS = OwnershipControls.builder()
            .rules(OwnershipControlsRule.builder()
                    .objectOwnership(ObjectOwnership.BUCKET_OWNER_ENFORCED)
                    .build())
            .build();

    /** No ACLs, no public access, every version kept. Returns whether anything had to be changed. */
    boolean secure() {
        var acls = disableAcls();
        var publicAccess = blockPublicAccess();
        var versions = keepVersions();
        return acls || publicAccess || versions;
    }

    private boolean disableAcls() {
        var controls = unless(
                "OwnershipControlsNotFoundError",
                () -> s3.getBucketOwnershipControls(get -> get.bucket(bucket).expectedBucketOwner(account))
                        .ownershipControls());
        if (controls.equals(Optional.of(NO_ACLS))) return false;
        s3.putBucketOwnershipControls(
                put -> put.bucket(bucket).expectedBucketOwner(account).ownershipControls(NO_ACLS));
        return true;
    }

    private boolean blockPublicAccess() {
        var block = unless(
                "NoSuchPublicAccessBlockConfiguration",
                () -> s3.getPublicAccessBlock(get -> get.bucket(bucket).expectedBucketOwner(account))
                        .publicAccessBlockConfiguration());
        if (block.equals(Optional.of(NO_PUBLIC_ACCESS))) return false;
        s3.putPublicAccessBlock(put ->
                put.bucket(bucket).expectedBucketOwner(account).publicAccessBlockConfiguration(NO_PUBLIC_ACCESS));
        return true;
    }

    private boolean keepVersions() {
        var versioning = s3.getBucketVersioning(get -> get.bucket(bucket).expectedBucketOwner(account));
        if (versioning.status() == BucketVersioningStatus.ENABLED) return false;
        s3.putBucketVersioning(put -> put.bucket(bucket)
                .expectedBucketOwner(account)
                .versioningConfiguration(enabled -> enabled.status(BucketVersioningStatus.ENABLED)));
        return true;
    }

    /**
     * Has S3 encrypt under the key what is uploaded without asking for another encryption. By ARN, as an alias would be
     * looked up in the account of whoever uploads.
     *
     * @return whether that had to be changed
     */
    boolean encryptUnder(String keyArn) {
        var existing = unless(
                "ServerSideEncryptionConfigurationNotFoundError",
                () -> s3.getBucketEncryption(get -> get.bucket(bucket).expectedBucketOwner(account))
                        .serverSideEncryptionConfiguration());
        if (existing.filter(encryption -> isUnder(encryption, keyArn)).isPresent()) return false;
        var rule = ServerSideEncryptionRule.builder()
                .applyServerSideEncryptionByDefault(encryption ->
                        encryption.sseAlgorithm(ServerSideEncryption.AWS_KMS).kmsMasterKeyID(keyArn))
                .bucketKeyEnabled(true)
                .build();
        s3.putBucketEncryption(put -> put.bucket(bucket)
                .expectedBucketOwner(account)
                .serverSideEncryptionConfiguration(configuration -> configuration.rules(rule)));
        return true;
    }

    private static boolean isUnder(ServerSideEncryptionConfiguration encryption, String keyArn) {
        var wanted = ServerSideEncryptionByDefault.builder()
                .sseAlgorithm(ServerSideEncryption.AWS_KMS)
                .kmsMasterKeyID(keyArn)
                .build();
        return encryption.rules().size() == 1
                && wanted.equals(encryption.rules().getFirst().applyServerSideEncryptionByDefault())
                && Objects.equals(encryption.rules().getFirst().bucketKeyEnabled(), true);
    }

    /** What S3 answers; empty where it answers that this is not set. */
    static <T> Optional<T> unless(String absent, Supplier<T> read) {
        try {
            return Optional.of(read.get());
        } catch (S3Exception failure) {
            if (isError(failure, absent)) return Optional.empty();
            throw failure;
        }
    }

    static boolean isError(S3Exception failure, String code) {
        return failure.awsErrorDetails() != null
                && code.equals(failure.awsErrorDetails().errorCode());
    }
}
