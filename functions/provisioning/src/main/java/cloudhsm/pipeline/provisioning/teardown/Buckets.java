package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.kms.model.KeyMetadata;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.Bucket;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Finds the deployment's bucket, and other buckets that depend on its key. */
record Buckets(S3Client s3) {
    /** @param madeHere whether the pipeline made it; otherwise it was there before, and its owner may have other plans */
    record Found(String name, boolean madeHere) {}

    /**
     * The deployment's bucket: by name if it carries the tag, is under one of the keys or is remembered; otherwise the
     * one that carries the tag.
     *
     * @param name that it should have
     * @param remembered the name of the bucket of the last provisioning that succeeded
     * @param leftAlone where a bucket of that name is put down that is not the deployment's
     */
    Optional<Found> find(
            String deployment,
            String account,
            String name,
            Optional<String> remembered,
            List<KeyMetadata> keys,
            List<String> leftAlone) {
        if (exists(name, account)) {
            if (isTagged(name, deployment)) return Optional.of(new Found(name, true));
            if (remembered.equals(Optional.of(name)) || isUnder(name, keys)) return Optional.of(new Found(name, false));
            leftAlone.add("s3://" + name + " has the name of the deployment's bucket, but neither its tag nor its key");
        }
        return all().map(Bucket::name)
                .filter(other -> !other.equals(name) && isTagged(other, deployment))
                .findFirst()
                .map(other -> new Found(other, true));
    }

    /** Names of the other buckets whose default encryption is under one of these keys. */
    List<String> othersUnder(List<KeyMetadata> keys, Optional<Found> own) {
        if (keys.isEmpty()) return List.of();
        return all().map(Bucket::name)
                .filter(name -> own.filter(bucket -> bucket.name().equals(name)).isEmpty())
                .filter(name -> isUnder(name, keys))
                .toList();
    }

    private java.util.stream.Stream<Bucket> all() {
        return s3.listBucketsPaginator().buckets().stream();
    }

    private boolean exists(String name, String account) {
        try {
            s3.headBucket(request -> request.bucket(name).expectedBucketOwner(account));
            return true;
        } catch (S3Exception failure) {
            // 301 and 403: another Region's or another account's, so none of ours.
            if (List.of(404, 301, 403).contains(failure.statusCode())) return false;
            throw failure;
        }
    }

    private boolean isTagged(String name, String deployment) {
        try {
            return s3.getBucketTagging(request -> request.bucket(name)).tagSet().stream()
                    .anyMatch(tag -> Clusters.DEPLOYMENT_TAG.equals(tag.key()) && deployment.equals(tag.value()));
        } catch (S3Exception failure) {
            return otherwise(failure);
        }
    }

    private boolean isUnder(String name, List<KeyMetadata> keys) {
        try {
            return s3
                    .getBucketEncryption(request -> request.bucket(name))
                    .serverSideEncryptionConfiguration()
                    .rules()
                    .stream()
                    .map(rule -> rule.applyServerSideEncryptionByDefault().kmsMasterKeyID())
                    .anyMatch(key -> keys.stream()
                            .anyMatch(
                                    own -> own.arn().equals(key) || own.keyId().equals(key)));
        } catch (S3Exception failure) {
            return otherwise(failure);
        }
    }

    /** False for a bucket without what was asked for, of another Region, or closed to this account's IAM. */
    private static boolean otherwise(S3Exception failure) {
        if (failure.statusCode() < 500 && failure.statusCode() != 429 && !failure.isThrottlingException()) return false;
        throw failure;
    }
}
