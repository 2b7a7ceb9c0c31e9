package cloudhsm.pipeline.localcloud.secretsmanager;

import java.time.Instant;
import java.util.Set;
import java.util.TreeSet;

/** One version of a secret's value, with the staging labels attached to it. */
final class SecretVersion {
    private final String versionId;
    private final SecretValue value;
    private final Instant createdDate;
    private final TreeSet<String> stages = new TreeSet<>();

    SecretVersion(String versionId, SecretValue value, Instant createdDate) {
        this.versionId = versionId;
        this.value = value;
        this.createdDate = createdDate;
    }

    String versionId() {
        return versionId;
    }

    SecretValue value() {
        return value;
    }

    Instant createdDate() {
        return createdDate;
    }

    /** The live set; a version without labels is deprecated. */
    Set<String> stages() {
        return stages;
    }
}
