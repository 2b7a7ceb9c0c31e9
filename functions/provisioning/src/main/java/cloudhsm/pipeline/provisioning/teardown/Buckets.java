package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import java.util.List;
import java.util.stream.Stream;
import software.amazon.awssdk.services.kms.model.KeyMetadata;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.Bucket;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Finds the deployment's buckets, and other buckets that depend on its key. */
record Buckets(S3Client s3) {
    /** Names of the record's buckets that there still are. */
    List<String> of(Deployment record, String account) {
        return record.buckets().stream().filter(name -> exists(name, account)).toList();
    }

    /** Names of the buckets that carry the deployment's tag, whoever set it. */
    List<String> tagged(String deployment) {
        return all().map(Bucket::name)
                .filter(name -> isTagged(name, deployment))
                .toList();
    }

    /** Names of the other buckets whose default encryption is under one of these keys. */
    List<String> othersUnder(List<KeyMetadata> keys, List<String> own) {
        if (keys.isEmpty()) return List.of();
        return all().map(Bucket::name)
                .filter(name -> !own.contains(name))
                .filter(name -> isUnder(name, keys))
                .toList();
    }

    private Stream<Bucket> all() {
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
