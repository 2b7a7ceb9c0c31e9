package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.bucket.BucketName;
import cloudhsm.pipeline.provisioning.bucket.BucketScope;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.stage.Execution;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.iam.model.NoSuchEntityException;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.kms.model.KeyMetadata;
import software.amazon.awssdk.services.kms.model.KeyState;
import software.amazon.awssdk.services.kms.model.NotFoundException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Compares the request with what the account has already: quotas, names that are taken, principals. */
final class AccountCheck {
    private final KmsClient kms;
    private final S3Client s3;
    private final IamClient iam;
    private final Quotas quotas;
    private final Deployments deployments;
    private final BucketScope bucketScope;
    private final Execution execution;
    private final Problems problems;

    AccountCheck(
            KmsClient kms,
            S3Client s3,
            IamClient iam,
            Quotas quotas,
            Deployments deployments,
            BucketScope bucketScope,
            Execution execution,
            Problems problems) {
        this.kms = kms;
        this.s3 = s3;
        this.iam = iam;
        this.quotas = quotas;
        this.deployments = deployments;
        this.bucketScope = bucketScope;
        this.execution = execution;
        this.problems = problems;
    }

    /**
     * @param record the deployment's; empty for a new one
     * @param clusters all of the Region
     * @param own the deployment's, one of them
     * @param fromBackup whether its cluster is to be made from a backup
     */
    void check(
            ProvisionRequest request,
            Optional<Deployment> record,
            List<Cluster> clusters,
            Optional<Cluster> own,
            boolean fromBackup) {
        checkQuotas(request.hsm().count(), clusters, own);
        own.ifPresent(cluster -> checkSame(request.hsm(), cluster));
        checkKeyStore(request, record, own, fromBackup);
        if (!problems.concern("deployment")) {
            for (var bucket : request.buckets()) {
                if (problems.concern(bucket.field())) continue;
                checkBucket(bucket, record);
                checkBucketIsNoOthers(bucket, request.deployment());
            }
        }
        var keyIsMade = record.filter(known -> !known.made(Made.KEY).isEmpty()).isPresent();
        checkPrincipals("key.administrators", request.key().administrators(), keyIsMade);
        checkPrincipals("key.users", request.key().users(), keyIsMade);
    }

    private void checkQuotas(int count, List<Cluster> clusters, Optional<Cluster> own) {
        var others = clusters.stream()
                .filter(cluster ->
                        own.isEmpty() || !cluster.clusterId().equals(own.get().clusterId()))
                .toList();
        if (own.isEmpty() && others.size() >= quotas.clusters()) {
            problems.add(
                    "clusters",
                    execution.region() + " has " + others.size() + " clusters already ("
                            + String.join(
                                    ", ",
                                    others.stream().map(Cluster::clusterId).toList())
                            + "), and the quota is " + quotas.clusters()
                            + "; delete one, or have Service Quotas raise it and deploy with the parameter"
                            + " ClusterQuota");
        }
        var hsms = others.stream()
                .mapToInt(cluster -> Clusters.hsms(cluster).size())
                .sum();
        if (hsms + count > quotas.hsms()) {
            problems.add(
                    "HSMs",
                    "other clusters in " + execution.region() + " have " + hsms + " HSMs already, " + count
                            + " more are needed, and the quota is " + quotas.hsms()
                            + "; delete some, or have Service Quotas raise it and deploy with the parameter HsmQuota");
        }
    }

    private void checkSame(ProvisionRequest.Hsm asked, Cluster cluster) {
        if (!problems.concern("hsm.type") && !asked.type().equals(cluster.hsmType())) {
            problems.add(
                    "hsm.type",
                    "the deployment's cluster " + cluster.clusterId() + " is " + cluster.hsmType()
                            + "; ask for that, or choose another deployment name");
        }
        if (!problems.concern("hsm.mode") && !asked.mode().equals(cluster.modeAsString())) {
            problems.add(
                    "hsm.mode",
                    "the deployment's cluster " + cluster.clusterId() + " is in mode " + cluster.modeAsString()
                            + ", which cannot be changed; ask for that, or choose another deployment name");
        }
    }

    private void checkKeyStore(
            ProvisionRequest request, Optional<Deployment> record, Optional<Cluster> own, boolean fromBackup) {
        var stores = kms.describeCustomKeyStoresPaginator().customKeyStores().stream()
                .toList();
        var ownCluster = own.map(Cluster::clusterId);
        var named = stores.stream()
                .filter(store -> store.customKeyStoreName().equals(request.keyStoreName()))
                .findFirst();
        var onCluster = stores.stream()
                .filter(store -> ownCluster.equals(Optional.ofNullable(store.cloudHsmClusterId())))
                .findFirst();
        var former = stores.stream()
                .filter(store -> onCluster.isEmpty() && isMadeFor(record, store))
                .findFirst();
        var isFromBackup = fromBackup
                || own.filter(cluster -> cluster.sourceBackupId() != null).isPresent();
        if (former.isPresent() && !isFromBackup) {
            // Beside another one, a teardown could take one of the two only. Without a cluster, SourceBackup says why.
            own.ifPresent(cluster -> problems.add(
                    "key stores",
                    "the deployment's key store " + former.get().customKeyStoreId() + " is of cluster "
                            + former.get().cloudHsmClusterId() + ", not of its cluster " + cluster.clusterId()
                            + "; tear this deployment down, or choose another deployment name"));
            return;
        }
        // A former one is to be told the cluster that is made from a backup.
        var ofCluster = onCluster.or(() -> former);
        if (named.isPresent() && !named.equals(ofCluster)) {
            problems.add(
                    "keyStore.name",
                    "\"" + request.keyStoreName() + "\" is the name of key store "
                            + named.get().customKeyStoreId() + " of cluster "
                            + named.get().cloudHsmClusterId() + "; choose another name");
        }
        if (ofCluster.isPresent() && !isOwn(record, ofCluster.get())) {
            problems.add(
                    "key stores",
                    "the deployment's cluster " + ownCluster.orElseThrow() + " belongs to key store \""
                            + ofCluster.get().customKeyStoreName() + "\" ("
                            + ofCluster.get().customKeyStoreId()
                            + "), which this deployment did not make; disconnect and delete it");
        } else if (ofCluster.isPresent()
                && !ofCluster.get().customKeyStoreName().equals(request.keyStoreName())) {
            problems.add(
                    "keyStore.name",
                    "the deployment's cluster " + ofCluster.get().cloudHsmClusterId() + " belongs to key store \""
                            + ofCluster.get().customKeyStoreName() + "\" already; ask for that name");
        }
        if (ofCluster.isEmpty() && stores.size() >= quotas.keyStores()) {
            problems.add(
                    "key stores",
                    execution.region() + " has " + stores.size() + " custom key stores already, and the quota is "
                            + quotas.keyStores() + ", which AWS does not raise; delete one");
        }
        if (!problems.concern("key.alias") && !problems.concern("deployment")) {
            checkAlias(request.key().alias(), record, ofCluster);
            checkSameAlias(request.key().alias(), record, ofCluster);
        }
    }

    /** While an intent is open, the one store that a cluster can have is the one that it has made. */
    private static boolean isOwn(Optional<Deployment> record, CustomKeyStoresListEntry store) {
        return isMadeFor(record, store)
                || record.flatMap(known -> known.intent(Made.KEY_STORE)).isPresent();
    }

    private static boolean isMadeFor(Optional<Deployment> record, CustomKeyStoresListEntry store) {
        return record.filter(known -> known.made(Made.KEY_STORE).contains(store.customKeyStoreId()))
                .isPresent();
    }

    /** A second alias would leave the key with its first one as well, and the plan with another than the evidence. */
    private void checkSameAlias(
            String alias, Optional<Deployment> record, Optional<CustomKeyStoresListEntry> ownStore) {
        var before = record.map(known -> known.plan().path("keyAlias").asText()).orElse(alias);
        if (ownStore.isEmpty() || alias.equals(before)) return;
        record.map(known -> known.made(Made.KEY)).orElse(List.of()).stream()
                .flatMap(keyId -> describe(keyId).stream())
                .filter(key -> ownStore.get().customKeyStoreId().equals(key.customKeyStoreId()))
                .filter(key -> key.keyState() != KeyState.PENDING_DELETION)
                .findFirst()
                .ifPresent(key -> problems.add(
                        "key.alias",
                        "the deployment's key " + key.keyId() + " was made under \"" + before
                                + "\", which cannot be changed; ask for that, or choose another deployment name"));
    }

    private Optional<KeyMetadata> describe(String keyIdOrAlias) {
        try {
            return Optional.of(
                    kms.describeKey(request -> request.keyId(keyIdOrAlias)).keyMetadata());
        } catch (NotFoundException absent) {
            return Optional.empty();
        }
    }

    private void checkAlias(String alias, Optional<Deployment> record, Optional<CustomKeyStoresListEntry> ownStore) {
        var named = describe(alias);
        if (named.isEmpty()) return;
        var key = named.get();
        var made = record.filter(known -> known.made(Made.KEY).contains(key.keyId()));
        var inStore = ownStore.filter(store -> store.customKeyStoreId().equals(key.customKeyStoreId()));
        if (made.isEmpty() || inStore.isEmpty()) {
            problems.add(
                    "key.alias",
                    "\"" + alias + "\" names key " + key.keyId()
                            + " already, which this deployment did not make in its key store; choose another alias");
        } else if (key.keyState() == KeyState.PENDING_DELETION) {
            problems.add(
                    "key.alias",
                    "\"" + alias + "\" names key " + key.keyId() + ", which is to be deleted on " + key.deletionDate()
                            + (record.get().phase() == Phase.TEARING_DOWN
                                    ? " by the deployment's teardown: let it end, or choose another deployment name; to"
                                            + " keep the key after all, stop the teardown, then "
                                    : "; ")
                            + "cancel its deletion and enable it, or choose another alias");
        } else if (key.keyState() == KeyState.DISABLED) {
            problems.add(
                    "key.alias",
                    "\"" + alias + "\" names key " + key.keyId() + ", which somebody has disabled; enable it");
        }
    }

    /** A bucket that two deployments share would be put under the later one's key, and its uploads with it. */
    private void checkBucketIsNoOthers(ProvisionRequest.Bucket bucket, String deployment) {
        deployments
                .otherWithBucket(bucket.name(), deployment)
                .ifPresent(other -> problems.add(
                        bucket.field(),
                        "\"" + bucket.name() + "\" is the bucket of the deployment \"" + other.name()
                                + "\"; choose another name, or tear that deployment down"));
    }

    private void checkBucket(ProvisionRequest.Bucket wanted, Optional<Deployment> record) {
        var bucket = wanted.name();
        var outOfScope = bucketScope.problem(bucket);
        if (outOfScope.isPresent()) {
            problems.add(wanted.field(), "\"" + bucket + "\" " + outOfScope.get());
            return;
        }
        try {
            var region = s3.headBucket(request -> request.bucket(bucket).expectedBucketOwner(execution.account()))
                    .bucketRegion();
            if (region != null && !region.equals(execution.region())) addBucketElsewhere(wanted, region);
            else if (!wanted.adopt() && !mayBeOurs(record, bucket)) addBucketThere(wanted);
        } catch (S3Exception failure) {
            switch (failure.statusCode()) {
                case 404 ->
                    BucketName.creationProblem(bucket, execution.account(), execution.region())
                            .ifPresent(problem -> problems.add(wanted.field(), "\"" + bucket + "\" " + problem));
                case 301 -> addBucketElsewhere(wanted, "another Region");
                case 403 ->
                    problems.add(
                            wanted.field(),
                            "\"" + bucket
                                    + "\" is taken by another account, or its policy shuts the pipeline out; choose"
                                    + " another name");
                default -> throw failure;
            }
        }
    }

    /** With an open intent, SecureBucket may find that the execution before, which died, has made it. */
    private static boolean mayBeOurs(Optional<Deployment> record, String bucket) {
        return record.filter(known -> known.hasBucket(bucket)
                        || known.intent(Made.BUCKET).isPresent()
                                && known.plannedBuckets().contains(bucket))
                .isPresent();
    }

    private void addBucketThere(ProvisionRequest.Bucket wanted) {
        problems.add(
                wanted.field(),
                "\"" + wanted.name()
                        + "\" is there already and was not made for this deployment; choose another name, or give"
                        + " \"adopt\": true beside it to have it put under the deployment's key");
    }

    private void addBucketElsewhere(ProvisionRequest.Bucket wanted, String region) {
        problems.add(
                wanted.field(),
                "\"" + wanted.name() + "\" exists in " + region + ", but key and bucket must both be in "
                        + execution.region() + "; choose another name");
    }

    /** Who was named for a key that is made and has gone since must not keep a lost HSM from being replaced. */
    private void checkPrincipals(String field, List<PrincipalArn> principals, boolean keyIsMade) {
        if (keyIsMade && problems.isRemembered(field)) return;
        for (var principal : principals) {
            var found = find(principal);
            if (found.isEmpty()) {
                problems.add(field, "\"" + principal.arn() + "\" does not exist");
            } else if (!found.get().equals(principal.arn())) {
                problems.add(field, "\"" + principal.arn() + "\" does not exist; there is \"" + found.get() + "\"");
            }
        }
    }

    private Optional<String> find(PrincipalArn principal) {
        try {
            return Optional.of(
                    switch (principal.kind()) {
                        case ROLE ->
                            iam.getRole(request -> request.roleName(principal.name()))
                                    .role()
                                    .arn();
                        case USER ->
                            iam.getUser(request -> request.userName(principal.name()))
                                    .user()
                                    .arn();
                    });
        } catch (NoSuchEntityException absent) {
            return Optional.empty();
        }
    }
}
