package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.stage.Execution;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.kms.model.KeyListEntry;
import software.amazon.awssdk.services.kms.model.KeyMetadata;
import software.amazon.awssdk.services.kms.model.KmsException;
import software.amazon.awssdk.services.kms.model.NotFoundException;

/** Finds everything that belongs to a deployment: by what is remembered of it, by tags, by names. */
final class DeploymentSearch {
    /**
     * @param clusters with the deployment's tag
     * @param clusterIds of these, and of deleted ones whose tagged backups remain
     * @param keys in the key store
     * @param othersKeys those of the keys that are not this deployment's
     * @param bucket empty if there is none, or none that has to do with the deployment
     * @param leftAlone what was found and is not the deployment's
     */
    record Found(
            Optional<Deployment> record,
            List<Cluster> clusters,
            List<String> clusterIds,
            Optional<CustomKeyStoresListEntry> keyStore,
            List<KeyMetadata> keys,
            List<KeyMetadata> othersKeys,
            Optional<Buckets.Found> bucket,
            List<String> leftAlone) {
        boolean isNothing() {
            return record.isEmpty() && clusterIds.isEmpty() && keyStore.isEmpty() && keys.isEmpty() && bucket.isEmpty();
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
        var clusters = new Clusters(cloudHsm)
                .all().stream()
                        .filter(cluster -> isTagged(cluster.tagList(), deployment))
                        .toList();
        var clusterIds = new LinkedHashSet<String>();
        clusters.forEach(cluster -> clusterIds.add(cluster.clusterId()));
        backups()
                .filter(backup -> isTagged(backup.tagList(), deployment))
                .forEach(backup -> clusterIds.add(backup.clusterId()));
        remembered(record, "cluster", "clusterId").ifPresent(clusterIds::add);
        var keyStore = keyStore(deployment, record, List.copyOf(clusterIds));
        var keys = keyStore.map(this::keysIn).orElse(List.of());
        var aliased = describe(planned(record, "keyAlias").orElse("alias/cloudhsm-" + deployment));
        var others = keys.stream()
                .filter(key ->
                        aliased.filter(ours -> ours.keyId().equals(key.keyId())).isEmpty())
                .filter(key -> !isTaggedKey(key, deployment))
                .toList();
        var leftAlone = new ArrayList<String>();
        var bucket = buckets.find(deployment, execution.account(), record, leftAlone);
        return new Found(record, clusters, List.copyOf(clusterIds), keyStore, keys, others, bucket, leftAlone);
    }

    private Stream<Backup> backups() {
        return cloudHsm.describeBackupsPaginator().stream()
                .flatMap(page -> page.backups().stream())
                .filter(backup -> backup.backupState() != BackupState.DELETED);
    }

    private static boolean isTagged(List<Tag> tags, String deployment) {
        return tags.stream()
                .anyMatch(tag -> Clusters.DEPLOYMENT_TAG.equals(tag.key()) && deployment.equals(tag.value()));
    }

    /** What the last provisioning was to make. */
    private static Optional<String> planned(Optional<Deployment> record, String member) {
        return record.map(known -> known.plan().path(member).asText()).filter(text -> !text.isEmpty());
    }

    /** What the last provisioning that succeeded has made. */
    private static Optional<String> remembered(Optional<Deployment> record, String resource, String member) {
        return record.map(known -> known.resources().path(resource).path(member).asText())
                .filter(text -> !text.isEmpty());
    }

    /** The store on one of the deployment's clusters, or the one of its name whose cluster does not exist any more. */
    private Optional<CustomKeyStoresListEntry> keyStore(
            String deployment, Optional<Deployment> record, List<String> clusterIds) {
        var stores = kms.describeCustomKeyStoresPaginator().customKeyStores().stream()
                .toList();
        var onCluster = stores.stream()
                .filter(store -> clusterIds.contains(store.cloudHsmClusterId()))
                .findFirst();
        if (onCluster.isPresent()) return onCluster;
        var name = planned(record, "keyStoreName").orElse("cloudhsm-" + deployment);
        return stores.stream()
                .filter(store -> name.equals(store.customKeyStoreName()))
                .filter(store ->
                        new Clusters(cloudHsm).find(store.cloudHsmClusterId()).isEmpty())
                .findFirst();
    }

    private List<KeyMetadata> keysIn(CustomKeyStoresListEntry store) {
        return kms.listKeysPaginator().keys().stream()
                .map(KeyListEntry::keyId)
                .flatMap(keyId -> describe(keyId).stream())
                .filter(key -> store.customKeyStoreId().equals(key.customKeyStoreId()))
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

    private boolean isTaggedKey(KeyMetadata key, String deployment) {
        return kms.listResourceTagsPaginator(request -> request.keyId(key.keyId())).tags().stream()
                .anyMatch(tag -> Clusters.DEPLOYMENT_TAG.equals(tag.tagKey()) && deployment.equals(tag.tagValue()));
    }
}
