package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.AdoptedCluster;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.stage.Execution;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.kms.model.KeyListEntry;
import software.amazon.awssdk.services.kms.model.KeyMetadata;
import software.amazon.awssdk.services.kms.model.KmsException;
import software.amazon.awssdk.services.kms.model.NotFoundException;
import software.amazon.awssdk.services.kms.model.OriginType;

/** Finds everything that belongs to a deployment: what its record names, and what its open intents have made. */
final class DeploymentSearch {
    /**
     * @param clusters that there still are
     * @param clusterIds of these, but for an adopted one, and of deleted ones, whose backups may remain
     * @param keys the deployment's, and all others in its key store
     * @param othersKeys those of the keys that are not this deployment's
     * @param buckets names of the deployment's, made and adopted
     * @param leftAlone what carries the deployment's tag or name and is not the deployment's
     */
    record Found(
            Optional<Deployment> record,
            List<Cluster> clusters,
            List<String> clusterIds,
            Optional<CustomKeyStoresListEntry> keyStore,
            List<KeyMetadata> keys,
            List<KeyMetadata> othersKeys,
            List<String> buckets,
            List<String> leftAlone) {
        boolean isNothing() {
            return record.isEmpty();
        }
    }

    private final CloudHsmV2Client cloudHsm;
    private final KmsClient kms;
    private final Buckets buckets;
    private final Deployments deployments;

    DeploymentSearch(CloudHsmV2Client cloudHsm, KmsClient kms, Buckets buckets, Deployments deployments) {
        this.cloudHsm = cloudHsm;
        this.kms = kms;
        this.buckets = buckets;
        this.deployments = deployments;
    }

    Found find(String deployment, Execution execution) {
        var record = deployments.find(deployment);
        var all = new Clusters(cloudHsm).all();
        var clusters = record.map(known -> Clusters.allOfDeployment(known, all)).orElse(List.of());
        var clusterIds = new LinkedHashSet<>(record.map(Deployment::clusterIds).orElse(List.of()));
        clusters.forEach(cluster -> clusterIds.add(cluster.clusterId()));
        var stores = keyStores(record, clusterIds);
        var keyStore = stores.stream().max(Comparator.comparing(store -> isOn(clusters, store)));
        var every = keys();
        var own = ownKeys(record, stores, every);
        var others = every.stream()
                .filter(key -> !own.contains(key))
                .filter(key -> keyStore.stream().anyMatch(store -> isIn(store, key)))
                .toList();
        var keys = Stream.concat(own.stream(), others.stream()).toList();
        var leftAlone = new ArrayList<String>();
        stores.stream().filter(store -> !keyStore.get().equals(store)).forEach(store -> leftAlone.add(former(store)));
        all.stream()
                .filter(cluster -> !clusterIds.contains(cluster.clusterId()))
                .filter(cluster -> Clusters.isTagged(cluster.tagList(), Clusters.DEPLOYMENT_TAG, deployment))
                .forEach(cluster -> leftAlone.add(taggedOnly("cluster " + cluster.clusterId())));
        backups()
                .filter(backup -> !clusterIds.contains(backup.clusterId()))
                .filter(backup -> Clusters.isTagged(backup.tagList(), Clusters.DEPLOYMENT_TAG, deployment))
                .forEach(backup -> leftAlone.add(taggedOnly("backup " + backup.backupId())));
        every.stream()
                .filter(key -> !keys.contains(key))
                .filter(key -> isTagged(key, Clusters.DEPLOYMENT_TAG, deployment))
                .forEach(key -> leftAlone.add(taggedOnly("key " + key.keyId())));
        buckets.tagged(deployment).stream()
                .filter(name -> record.filter(known -> known.hasBucket(name)).isEmpty())
                .forEach(name -> leftAlone.add(taggedOnly("bucket " + name)));
        var ownBuckets =
                record.map(known -> buckets.of(known, execution.account())).orElse(List.of());
        record.flatMap(Deployment::adoptedCluster)
                .map(AdoptedCluster::clusterId)
                .ifPresent(adopted -> {
                    clusterIds.remove(adopted);
                    leftAlone.add("cluster " + adopted
                            + " was there before the deployment and is given back, with its backups, its users,"
                            + " kmsuser among them, and as many HSMs as it came with; with the meter STOP_NOW the"
                            + " material of the deployment's keys stays in them. Take off its tag "
                            + Clusters.DEPLOYMENT_TAG);
                });
        return new Found(record, clusters, List.copyOf(clusterIds), keyStore, keys, others, ownBuckets, leftAlone);
    }

    private Stream<Backup> backups() {
        return cloudHsm.describeBackupsPaginator().stream()
                .flatMap(page -> page.backups().stream())
                .filter(backup -> backup.backupState() != BackupState.DELETED);
    }

    private static List<String> made(Optional<Deployment> record, Made kind) {
        return record.map(known -> known.made(kind)).orElse(List.of());
    }

    private static String taggedOnly(String what) {
        return what + " carries the deployment's tag, but its record does not name it";
    }

    private static String former(CustomKeyStoresListEntry store) {
        return "key store " + store.customKeyStoreId() + " is of the deployment's former cluster "
                + store.cloudHsmClusterId() + "; disconnect it, and delete it once KMS has deleted its keys";
    }

    /** While an intent is open, the one store that a cluster can have is the one that it has made. */
    private List<CustomKeyStoresListEntry> keyStores(Optional<Deployment> record, Set<String> clusterIds) {
        var named = made(record, Made.KEY_STORE);
        var intended = record.flatMap(known -> known.intent(Made.KEY_STORE)).isPresent();
        return kms.describeCustomKeyStoresPaginator().customKeyStores().stream()
                .filter(store -> named.contains(store.customKeyStoreId())
                        || intended && clusterIds.contains(store.cloudHsmClusterId()))
                .toList();
    }

    private static boolean isOn(List<Cluster> clusters, CustomKeyStoresListEntry store) {
        return clusters.stream().anyMatch(cluster -> cluster.clusterId().equals(store.cloudHsmClusterId()));
    }

    private static boolean isIn(CustomKeyStoresListEntry store, KeyMetadata key) {
        return store.customKeyStoreId().equals(key.customKeyStoreId());
    }

    /** Every key of the Region whose material is in HSMs. */
    private List<KeyMetadata> keys() {
        return kms.listKeysPaginator().keys().stream()
                .map(KeyListEntry::keyId)
                .flatMap(keyId -> describe(keyId).stream())
                .filter(key -> key.origin() == OriginType.AWS_CLOUDHSM)
                .toList();
    }

    private List<KeyMetadata> ownKeys(
            Optional<Deployment> record, List<CustomKeyStoresListEntry> stores, List<KeyMetadata> keys) {
        var named = made(record, Made.KEY);
        var intended = record.flatMap(known -> known.intent(Made.KEY))
                .flatMap(value -> keys.stream()
                        .filter(key -> stores.stream().anyMatch(store -> isIn(store, key)))
                        .filter(key -> isTagged(key, Deployments.INTENT_TAG, value))
                        .max(Comparator.comparing(KeyMetadata::creationDate).thenComparing(KeyMetadata::keyId)));
        return keys.stream()
                .filter(key -> named.contains(key.keyId()) || intended.equals(Optional.of(key)))
                .toList();
    }

    /** Empty where there is no such key, and where its policy keeps this account's IAM out: such a key is not ours. */
    private Optional<KeyMetadata> describe(String keyIdOrAlias) {
        try {
            return Optional.of(
                    kms.describeKey(request -> request.keyId(keyIdOrAlias)).keyMetadata());
        } catch (NotFoundException absent) {
            return Optional.empty();
        } catch (KmsException failure) {
            if ("AccessDeniedException".equals(failure.awsErrorDetails().errorCode())) return Optional.empty();
            throw failure;
        }
    }

    /** False also where the key's policy keeps this account's IAM out. */
    private boolean isTagged(KeyMetadata key, String tagKey, String value) {
        try {
            return kms.listResourceTagsPaginator(request -> request.keyId(key.keyId())).tags().stream()
                    .anyMatch(tag -> tagKey.equals(tag.tagKey()) && value.equals(tag.tagValue()));
        } catch (KmsException failure) {
            if ("AccessDeniedException".equals(failure.awsErrorDetails().errorCode())) return false;
            throw failure;
        }
    }
}
