package cloudhsm.pipeline.localcloud.secretsmanager;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A secret and its versions. */
final class Secret {
    static final String CURRENT = "AWSCURRENT";
    static final String PREVIOUS = "AWSPREVIOUS";

    private final String name;
    private final String arn;
    private final Instant createdDate;
    private final Map<String, SecretVersion> versions = new LinkedHashMap<>();
    private final TreeMap<String, String> tags = new TreeMap<>();
    private String description = "";
    private Instant lastChangedDate;
    private Instant deletedDate;

    Secret(String name, String arn, Instant createdDate) {
        this.name = name;
        this.arn = arn;
        this.createdDate = createdDate;
        this.lastChangedDate = createdDate;
    }

    String name() {
        return name;
    }

    String arn() {
        return arn;
    }

    Instant createdDate() {
        return createdDate;
    }

    String description() {
        return description;
    }

    void setDescription(String description) {
        this.description = description;
    }

    Instant lastChangedDate() {
        return lastChangedDate;
    }

    void changed(Instant when) {
        lastChangedDate = when;
    }

    /** When DeleteSecret was called; empty unless deletion is scheduled. */
    Optional<Instant> deletedDate() {
        return Optional.ofNullable(deletedDate);
    }

    /** @param when null to restore the secret */
    void setDeletedDate(Instant when) {
        deletedDate = when;
    }

    /** By tag key; the live map. */
    Map<String, String> tags() {
        return tags;
    }

    Optional<SecretVersion> version(String versionId) {
        return Optional.ofNullable(versions.get(versionId));
    }

    Optional<SecretVersion> staged(String stage) {
        return versions.values().stream()
                .filter(version -> version.stages().contains(stage))
                .findFirst();
    }

    /** Those that carry a staging label. */
    List<SecretVersion> stagedVersions() {
        return versions.values().stream()
                .filter(version -> !version.stages().isEmpty())
                .toList();
    }

    /** Adds the version and moves these labels to it; what was AWSCURRENT becomes AWSPREVIOUS. */
    void add(SecretVersion version, List<String> stages) {
        versions.put(version.versionId(), version);
        if (stages.contains(CURRENT)) {
            staged(CURRENT).ifPresent(current -> {
                versions.values().forEach(any -> any.stages().remove(PREVIOUS));
                current.stages().add(PREVIOUS);
            });
        }
        for (var stage : stages) {
            versions.values().forEach(any -> any.stages().remove(stage));
            version.stages().add(stage);
        }
    }
}
