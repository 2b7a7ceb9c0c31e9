package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.keystore.KeyStores;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.kms.model.KeyMetadata;
import software.amazon.awssdk.services.kms.model.KeyState;
import software.amazon.awssdk.services.kms.model.NotFoundException;

/**
 * Chooses the backup that a deployment's cluster is made from anew: the newest where the cluster of its key store is gone, or
 * the one that the input names. Only backups of clusters that the record names count.
 */
final class SourceBackup {
    private static final String FIELD = "recovery.backupId";

    private final CloudHsmV2Client cloudHsm;
    private final KmsClient kms;
    private final Problems problems;

    SourceBackup(CloudHsmV2Client cloudHsm, KmsClient kms, Problems problems) {
        this.cloudHsm = cloudHsm;
        this.kms = kms;
        this.problems = problems;
    }

    /**
     * @param record the deployment's; empty for a new one
     * @param own the cluster that the deployment has
     * @return empty if no cluster is to be made from a backup, or none can be; then the problems say why
     */
    Optional<Backup> choose(ProvisionRequest request, Optional<Deployment> record, Optional<Cluster> own) {
        if (problems.concern("recovery")) return Optional.empty();
        var asked = request.backupId();
        var keyStores = new KeyStores(kms);
        var store = record.map(known -> known.made(Made.KEY_STORE)).orElse(List.of()).stream()
                .flatMap(keyStoreId -> keyStores.find(keyStoreId).stream())
                .findFirst();
        if (asked.isEmpty() && (own.isPresent() || store.isEmpty())) return Optional.empty();
        if (own.isPresent()) {
            // An execution before this one has made it.
            if (asked.get().equals(own.get().sourceBackupId())) return Optional.empty();
            var hsms = Clusters.hsms(own.get());
            if (!hsms.isEmpty()) {
                addClusterInUse(own.get(), hsms);
                return Optional.empty();
            }
        }
        var backups = backups(record);
        var chosen = asked.isPresent() ? named(asked.get(), backups) : newest(record.get(), store.get(), backups);
        chosen.ifPresent(backup -> checkSame(request.hsm(), backup));
        return chosen;
    }

    /** Of the clusters that the record names, and of no other, whatever its tags say; the newest first. */
    private List<Backup> backups(Optional<Deployment> record) {
        var clusterIds = record.map(Deployment::madeClusterIds).orElse(List.of());
        if (clusterIds.isEmpty()) return List.of();
        return cloudHsm.describeBackupsPaginator(list -> list.filters(Map.of("clusterIds", clusterIds))).stream()
                .flatMap(page -> page.backups().stream())
                .filter(backup -> clusterIds.contains(backup.clusterId()))
                .sorted(Comparator.comparing(Backup::createTimestamp).reversed())
                .toList();
    }

    private static List<Backup> in(BackupState state, List<Backup> backups) {
        return backups.stream().filter(backup -> backup.backupState() == state).toList();
    }

    private Optional<Backup> named(String asked, List<Backup> backups) {
        var ready = in(BackupState.READY, backups);
        var named =
                ready.stream().filter(backup -> backup.backupId().equals(asked)).findFirst();
        if (named.isEmpty()) {
            problems.add(
                    FIELD,
                    "\"" + asked + "\" is no READY backup of a cluster of this deployment; "
                            + (ready.isEmpty() ? "there is none" + restorable(backups) : "there are " + list(ready)));
        }
        return named;
    }

    private Optional<Backup> newest(Deployment record, CustomKeyStoresListEntry store, List<Backup> backups) {
        var ofCluster = backups.stream()
                .filter(backup -> backup.clusterId().equals(store.cloudHsmClusterId()))
                .toList();
        var gone = "cluster " + store.cloudHsmClusterId() + " of the deployment's key store " + store.customKeyStoreId()
                + " is gone";
        var newest = in(BackupState.READY, ofCluster).stream().findFirst();
        var beingMade = in(BackupState.CREATE_IN_PROGRESS, ofCluster);
        if (!beingMade.isEmpty()) {
            problems.add(
                    "backups",
                    gone + ", and its newest backup " + beingMade.getFirst().backupId()
                            + " is being made, which takes some minutes; start again when it is READY");
        } else if (newest.isEmpty()) {
            problems.add(
                    "backups",
                    gone + ", and there is no READY backup of it" + restorable(ofCluster) + ofFormer(backups)
                            + ". Without one nothing under the key can be read any more: tear this deployment down, or"
                            + " begin anew under another deployment name");
        } else {
            newest.flatMap(backup -> newerKey(record, store, backup))
                    .ifPresent(key -> addOlderThan(key, newest.get(), gone + restorable(ofCluster)));
        }
        return newest;
    }

    /** A key that is to be deleted is given up. */
    private Optional<KeyMetadata> newerKey(Deployment record, CustomKeyStoresListEntry store, Backup backup) {
        return record.made(Made.KEY).stream()
                .flatMap(keyId -> describe(keyId).stream())
                .filter(key -> store.customKeyStoreId().equals(key.customKeyStoreId()))
                .filter(key -> key.keyState() != KeyState.PENDING_DELETION)
                .filter(key -> key.creationDate().isAfter(backup.createTimestamp()))
                .max(Comparator.comparing(KeyMetadata::creationDate));
    }

    private Optional<KeyMetadata> describe(String keyId) {
        try {
            return Optional.of(kms.describeKey(key -> key.keyId(keyId)).keyMetadata());
        } catch (NotFoundException absent) {
            return Optional.empty();
        }
    }

    private void addOlderThan(KeyMetadata key, Backup backup, String gone) {
        problems.add(
                FIELD,
                gone + ". Its newest READY backup " + backup.backupId() + " is of " + backup.createTimestamp()
                        + ", older than key " + key.keyId() + ", made at " + key.creationDate()
                        + ": the backup lacks that key's material, and what is under the key stays unreadable. If that"
                        + " is what you want, give \"recovery\": {\"backupId\": \"" + backup.backupId() + "\"}");
    }

    private void addClusterInUse(Cluster own, List<Hsm> hsms) {
        problems.add(
                FIELD,
                "the deployment's cluster " + own.clusterId() + " has the HSMs "
                        + hsms.stream().map(Hsm::hsmId).toList() + ", which may hold what no backup does; leave"
                        + " \"recovery\" out, or pause the deployment first, which deletes them, and name the backup"
                        + " that the pause names");
    }

    private void checkSame(ProvisionRequest.Hsm asked, Backup backup) {
        if (!problems.concern("hsm.mode") && !asked.mode().equals(backup.modeAsString())) {
            problems.add(
                    "hsm.mode",
                    "backup " + backup.backupId() + ", from which the cluster is made anew, is in mode "
                            + backup.modeAsString() + ", which cannot be changed; ask for that");
        }
    }

    /** Those of clusters before that one, which may lack keys and have older passwords, are for a person to choose. */
    private static String ofFormer(List<Backup> backups) {
        var ready = in(BackupState.READY, backups);
        return ready.isEmpty()
                ? ""
                : "; of clusters before it there are " + list(ready) + ", of which " + FIELD + " takes one";
    }

    /** What a person can bring back, as the middle of a sentence. */
    private static String restorable(List<Backup> backups) {
        return in(BackupState.PENDING_DELETION, backups).stream()
                .findFirst()
                .map(backup -> "; " + backup.backupId() + " of " + backup.createTimestamp()
                        + " is to be deleted at " + backup.deleteTimestamp() + ", and RestoreBackup (aws cloudhsmv2"
                        + " restore-backup --backup-id " + backup.backupId() + ") brings it back until then")
                .orElse("");
    }

    private static String list(List<Backup> backups) {
        return String.join(
                ", ",
                backups.stream()
                        .map(backup -> backup.backupId() + " of " + backup.createTimestamp())
                        .toList());
    }
}
