package cloudhsm.pipeline.runlocal.matrix;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.cloudhsm.Hsm;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.Holdings;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.Bucket;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.ObjectVersion;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** What an account looks like after a run, without its ids, so that two runs can be compared. */
final class EndState {
    /** A healthy deployment has two; one more may exist while a broken one is replaced. */
    private static final int MOST_HSMS = 3;

    private final Map<String, Integer> counts = new TreeMap<>();

    private EndState() {}

    static EndState of(LocalCloud cloud) {
        var state = new EndState();
        Holdings.of(cloud).forEach(state::add);
        state.addDeployments(cloud);
        state.addQueues(cloud);
        state.addObjects(cloud);
        return state;
    }

    private void add(String line) {
        // One item for each execution, as the evidence is one document; DynamoDB removes it after two days.
        if (line.startsWith("dynamodb: SETTLED ")) return;
        // CloudHSM takes a backup whenever it pleases; each replaced HSM leaves an interface for a while.
        if (line.startsWith("cloudhsm: backup")) counts.put("cloudhsm: backups", 1);
        else counts.merge(masked(line), 1, Integer::sum);
    }

    private static String masked(String line) {
        return line.replaceAll("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "*")
                .replaceAll("\\b(cluster|hsm|i|eni|sg|cks)-[0-9a-z]+", "$1-*");
    }

    private void addDeployments(LocalCloud cloud) {
        for (var table : call(cloud, "dynamodb", "ListTables", Json.object()).path("TableNames")) {
            var items = call(cloud, "dynamodb", "Scan", Json.object().put("TableName", table.asText()));
            for (var item : items.path("Items")) {
                if (!item.path("pk").path("S").asText().equals("DEPLOYMENT")) continue;
                add("deployment " + item.path("sk").path("S").asText() + " is "
                        + item.path("phase").path("S").asText());
            }
        }
    }

    private void addQueues(LocalCloud cloud) {
        for (var url : call(cloud, "sqs", "ListQueues", Json.object()).path("QueueUrls")) {
            var input = Json.object().put("QueueUrl", url.asText());
            input.putArray("AttributeNames").add("All");
            var attributes = call(cloud, "sqs", "GetQueueAttributes", input).path("Attributes");
            var messages = attributes.path("ApproximateNumberOfMessages").asInt()
                    + attributes.path("ApproximateNumberOfMessagesNotVisible").asInt();
            if (messages > 0)
                add("sqs: messages in " + url.asText().substring(url.asText().lastIndexOf('/') + 1));
        }
    }

    /** The evidence is one document for each execution, so it is not counted. */
    private void addObjects(LocalCloud cloud) {
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            for (var bucket : s3.listBuckets().buckets()) {
                if (bucket.name().contains("evidencebucket")) continue;
                var listed = s3.listObjectVersions(
                        request -> request.bucket(bucket.name()).encodingType(EncodingType.URL));
                listed.versions()
                        .forEach(version ->
                                add("s3: a version in " + bucket.name() + ", " + readAs(s3, bucket, version)));
                listed.deleteMarkers().forEach(marker -> add("s3: a delete marker in " + bucket.name()));
            }
        }
    }

    private static String readAs(S3Client s3, Bucket bucket, ObjectVersion version) {
        try {
            var read = s3.getObjectAsBytes(
                    get -> get.bucket(bucket.name()).key(version.key()).versionId(version.versionId()));
            return "\"" + read.asUtf8String() + "\" under " + read.response().serverSideEncryptionAsString();
        } catch (S3Exception unreadable) {
            return "unreadable: " + unreadable.awsErrorDetails().errorCode();
        }
    }

    private static JsonNode call(
            LocalCloud cloud, String service, String operation, com.fasterxml.jackson.databind.node.ObjectNode input) {
        return cloud.endpoint().call(cloud.iam().administrator(), service, operation, input);
    }

    /** One sentence for each difference. */
    List<String> differencesFrom(EndState expected) {
        var differences = new ArrayList<String>();
        BiConsumer<EndState, EndState> compare = (one, other) -> one.counts.forEach((line, count) -> {
            var others = other.counts.getOrDefault(line, 0);
            if (count > others) {
                differences.add((one == this ? "too many: " : "missing: ") + (count - others) + " x " + line);
            }
        });
        compare.accept(this, expected);
        compare.accept(expected, this);
        return differences;
    }

    /** @return one sentence if more HSMs existed at one moment than may ever */
    static List<String> tooManyHsms(LocalCloud cloud) {
        var hsms = cloud.cloudHsm().everCreated();
        var most = hsms.stream()
                .map(Hsm::createdAt)
                .map(moment -> hsms.stream()
                        .filter(hsm -> !hsm.createdAt().isAfter(moment))
                        .filter(hsm -> hsm.deletedAt()
                                .map(deleted -> deleted.isAfter(moment))
                                .orElse(true))
                        .count())
                .max(Comparator.naturalOrder())
                .orElse(0L);
        return most <= MOST_HSMS ? List.of() : List.of(most + " HSMs existed at one moment");
    }
}
