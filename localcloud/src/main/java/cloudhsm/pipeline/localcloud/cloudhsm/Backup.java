package cloudhsm.pipeline.localcloud.cloudhsm;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** A backup of one HSM: everything that a new HSM of the same cluster history needs. */
final class Backup {
    private final String id;
    private final Cluster cluster;
    private final Instant createdAt;
    private final Partition content;
    private final Map<String, String> tags = new LinkedHashMap<>();
    private State state = State.CREATE_IN_PROGRESS;
    private Optional<Instant> deletionDate = Optional.empty();

    /** As DescribeBackups names them. */
    enum State {
        CREATE_IN_PROGRESS,
        READY,
        PENDING_DELETION,
        DELETED
    }

    /** @param content a copy of its own */
    Backup(String id, Cluster cluster, Instant createdAt, Partition content) {
        this.id = id;
        this.cluster = cluster;
        this.createdAt = createdAt;
        this.content = content;
    }

    String id() {
        return id;
    }

    /** The cluster it was taken of, which may be deleted by now. */
    Cluster cluster() {
        return cluster;
    }

    Instant createdAt() {
        return createdAt;
    }

    Partition content() {
        return content;
    }

    Map<String, String> tags() {
        return tags;
    }

    State state() {
        return state;
    }

    void setState(State state) {
        this.state = state;
    }

    /** When it is gone for good; only while PENDING_DELETION. */
    Optional<Instant> deletionDate() {
        return deletionDate;
    }

    void setDeletionDate(Optional<Instant> deletionDate) {
        this.deletionDate = deletionDate;
    }
}
