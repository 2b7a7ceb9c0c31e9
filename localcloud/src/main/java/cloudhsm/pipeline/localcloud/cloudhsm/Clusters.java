package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.time.Timed;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The account's clusters and backups, and what AWS took its time for. */
final class Clusters {
    /** How long a backup is CREATE_IN_PROGRESS. */
    // Assumed: backup-creation
    private static final Duration SHORTEST_BACKUP = Duration.ofMinutes(1);

    private static final Duration LONGEST_BACKUP = Duration.ofMinutes(3);

    private final Account account;
    private final Map<String, Cluster> clusters = new LinkedHashMap<>();
    private final Map<String, Backup> backups = new LinkedHashMap<>();
    private final List<Timed> timings = new ArrayList<>();
    private final List<Hsm> everCreated = new ArrayList<>();

    Clusters(Account account) {
        this.account = account;
    }

    Account account() {
        return account;
    }

    Collection<Cluster> all() {
        return clusters.values();
    }

    Optional<Cluster> find(String clusterId) {
        return Optional.ofNullable(clusters.get(clusterId));
    }

    /** @throws cloudhsm.pipeline.localcloud.protocol.AwsException CloudHsmResourceNotFoundException, also once DELETED */
    Cluster existing(String clusterId) {
        return find(clusterId)
                .filter(cluster -> cluster.state() != ClusterState.DELETED)
                .orElseThrow(() -> Input.notFound("Cluster '" + clusterId + "' does not exist"));
    }

    void add(Cluster cluster) {
        clusters.put(cluster.id(), cluster);
    }

    void remove(Cluster cluster) {
        clusters.remove(cluster.id());
    }

    Collection<Backup> backups() {
        return backups.values();
    }

    Optional<Backup> backup(String backupId) {
        return Optional.ofNullable(backups.get(backupId));
    }

    /** Of a cluster or backup; none where there is none of that id. */
    Map<String, String> tagsOf(String resourceId) {
        return find(resourceId)
                .map(Cluster::tags)
                .or(() -> backup(resourceId).map(Backup::tags))
                .orElse(Map.of());
    }

    void removeBackup(Backup backup) {
        backups.remove(backup.id());
    }

    /** Takes a backup of what the HSM holds at this moment. */
    Backup backUp(Cluster cluster, Partition content) {
        var backup = new Backup("backup-" + account.base32(11), cluster, now(), content.copy());
        backups.put(backup.id(), backup);
        after(account.between(SHORTEST_BACKUP, LONGEST_BACKUP), "backup " + backup.id() + " is ready", () -> {
            if (backup.state() == Backup.State.CREATE_IN_PROGRESS) backup.setState(Backup.State.READY);
        });
        return backup;
    }

    /** What the next HSM of a cluster without HSMs is built from: its newest backup, or the one it was made from. */
    Optional<Backup> newestBackup(Cluster cluster) {
        return backups.values().stream()
                .filter(backup -> backup.cluster() == cluster)
                .filter(Clusters::usable)
                .max(Comparator.comparing(Backup::createdAt))
                .or(() -> cluster.settings()
                        .sourceBackupId()
                        .flatMap(this::backup)
                        .filter(Clusters::usable));
    }

    private static boolean usable(Backup backup) {
        return backup.state() == Backup.State.READY || backup.state() == Backup.State.CREATE_IN_PROGRESS;
    }

    Instant now() {
        return account.time().now();
    }

    void after(Duration delay, String label, Runnable change) {
        account.time().schedule(delay, label, change);
    }

    void timed(String what, String resourceId, Instant startedAt) {
        timings.add(new Timed(what, resourceId, startedAt, now()));
    }

    void remember(Hsm hsm) {
        everCreated.add(hsm);
    }

    List<Hsm> everCreated() {
        return List.copyOf(everCreated);
    }

    List<Timed> timings() {
        return List.copyOf(timings);
    }
}
