package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Operations on backups, and on the tags of clusters and backups. */
final class BackupOperations {
    /** A deleted backup can be restored for 7 days [HSM:delete-restore-backup]. */
    private static final Duration RESTORABLE = Duration.ofDays(7);

    private static final int MOST_TAGS = 50;

    private final Clusters clusters;
    private final CallerRights rights;

    BackupOperations(Clusters clusters, CallerRights rights) {
        this.clusters = clusters;
        this.rights = rights;
    }

    JsonNode describeBackups(ObjectNode input, AwsRequest request) {
        var most = input.path("MaxResults").asInt(50);
        var filters =
                Input.filters(input, List.of("backupIds", "sourceBackupIds", "clusterIds", "states", "neverExpires"));
        var first = Input.firstOfPage(input);
        rights.require(request.caller(), "DescribeBackups");
        if (input.path("Shared").asBoolean()) throw Input.invalid("The embedded AWS has no shared backups");
        var newestFirst = Comparator.comparing(Backup::createdAt).reversed();
        var ascending = input.path("SortAscending").asBoolean();
        var shown = clusters.backups().stream()
                .sorted(ascending ? newestFirst.reversed() : newestFirst)
                .map(this::described)
                .filter(backup ->
                        matches(filters, "backupIds", backup.path("BackupId").asText()))
                .filter(backup -> matches(
                        filters, "sourceBackupIds", backup.path("SourceBackup").asText()))
                .filter(backup ->
                        matches(filters, "clusterIds", backup.path("ClusterId").asText()))
                .filter(backup ->
                        matches(filters, "states", backup.path("BackupState").asText()))
                .filter(backup -> matches(
                        filters, "neverExpires", backup.path("NeverExpires").asText()))
                .toList();
        return Wire.page("Backups", shown, first, most);
    }

    private static boolean matches(Map<String, List<String>> filters, String filter, String value) {
        var accepted = filters.get(filter);
        return accepted == null || accepted.contains(value);
    }

    JsonNode deleteBackup(ObjectNode input, AwsRequest request) {
        var backup = backup(input, request, "DeleteBackup");
        require(backup, Backup.State.READY);
        var deletionDate = clusters.now().plus(RESTORABLE);
        backup.setState(Backup.State.PENDING_DELETION);
        backup.setDeletionDate(Optional.of(deletionDate));
        clusters.after(RESTORABLE, "deletion of " + backup.id(), () -> {
            if (backup.deletionDate().equals(Optional.of(deletionDate))) clusters.removeBackup(backup);
        });
        return Json.object().set("Backup", described(backup));
    }

    JsonNode restoreBackup(ObjectNode input, AwsRequest request) {
        var backup = backup(input, request, "RestoreBackup");
        require(backup, Backup.State.PENDING_DELETION);
        backup.setState(Backup.State.READY);
        backup.setDeletionDate(Optional.empty());
        return Json.object().set("Backup", described(backup));
    }

    private Backup backup(ObjectNode input, AwsRequest request, String operation) {
        var id = input.path("BackupId").asText();
        rights.requireOn(request.caller(), operation, id, clusters.tagsOf(id));
        return clusters.backup(id).orElseThrow(() -> Input.notFound("Backup '" + id + "' does not exist"));
    }

    private static void require(Backup backup, Backup.State state) {
        if (backup.state() != state) {
            throw Input.invalid("Backup '" + backup.id() + "' is " + backup.state() + "; it must be " + state);
        }
    }

    JsonNode tagResource(ObjectNode input, AwsRequest request) {
        var id = input.path("ResourceId").asText();
        var added = Input.tags(input);
        rights.requireOn(request.caller(), "TagResource", id, clusters.tagsOf(id));
        var tags = tags(id);
        var count =
                tags.keySet().stream().filter(key -> !added.containsKey(key)).count() + added.size();
        if (count > MOST_TAGS) {
            throw AwsException.badRequest(
                    "CloudHsmResourceLimitExceededException",
                    "Resource '" + id + "' would have " + count + " tags; at most " + MOST_TAGS + " are allowed");
        }
        tags.putAll(added);
        return Json.object();
    }

    JsonNode untagResource(ObjectNode input, AwsRequest request) {
        var id = input.path("ResourceId").asText();
        rights.requireOn(request.caller(), "UntagResource", id, clusters.tagsOf(id));
        var tags = tags(id);
        input.path("TagKeyList").forEach(key -> tags.remove(key.asText()));
        return Json.object();
    }

    JsonNode listTags(ObjectNode input, AwsRequest request) {
        var id = input.path("ResourceId").asText();
        var most = input.path("MaxResults").asInt(100);
        var first = Input.firstOfPage(input);
        rights.requireOn(request.caller(), "ListTags", id, clusters.tagsOf(id));
        var all = tags(id).entrySet().stream()
                .map(tag -> Json.object().put("Key", tag.getKey()).put("Value", tag.getValue()))
                .toList();
        return Wire.page("TagList", all, first, most);
    }

    private Map<String, String> tags(String resourceId) {
        if (resourceId.startsWith("cluster-"))
            return clusters.existing(resourceId).tags();
        return clusters.backup(resourceId)
                .map(Backup::tags)
                .orElseThrow(() -> Input.notFound("Backup '" + resourceId + "' does not exist"));
    }

    private ObjectNode described(Backup backup) {
        return Wire.backup(backup, clusters.account().arn("cloudhsm", "backup/" + backup.id()));
    }
}
