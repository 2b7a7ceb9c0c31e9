package cloudhsm.pipeline.reencryption;

import cloudhsm.pipeline.reencryption.ObjectReference.Latest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonNodeParser;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.awssdk.services.s3.S3Client;

/** Lists of object versions in S3, one JSON object to a line: each is the work of one child execution. */
final class Pages {
    private final S3Client s3;
    private final String bucket;
    private final String folder;
    private int count;
    private int objects;

    /**
     * @param folder ends with a slash
     * @param count of the pages that are there already
     * @param objects that those pages name
     */
    Pages(S3Client s3, String bucket, String folder, int count, int objects) {
        this.s3 = s3;
        this.bucket = bucket;
        this.folder = folder;
        this.count = count;
        this.objects = objects;
    }

    int count() {
        return count;
    }

    int objects() {
        return objects;
    }

    /** Writes a page, unless it would be empty. */
    void add(List<ObjectReference> page) {
        if (page.isEmpty()) return;
        var lines = new StringBuilder();
        for (var object : page) {
            var line =
                    JsonWriter.create().writeStartObject().writeFieldName("key").writeValue(object.key());
            object.versionId()
                    .ifPresent(id -> line.writeFieldName("versionId")
                            .writeValue(id)
                            .writeFieldName("latest")
                            .writeValue(object.latest().name()));
            lines.append(new String(line.writeEndObject().getBytes(), StandardCharsets.UTF_8))
                    .append('\n');
        }
        // Repeated listing writes the same pages again.
        var key = "%spages/%09d.jsonl".formatted(folder, count);
        s3.putObject(put -> put.bucket(bucket).key(key), RequestBody.fromString(lines.toString()));
        count++;
        objects += page.size();
    }

    /** The objects of a page. */
    static List<ObjectReference> read(S3Client s3, String pagesBucket, String page, String bucket) {
        var parser = JsonNodeParser.create();
        return s3.getObjectAsBytes(get -> get.bucket(pagesBucket).key(page))
                .asUtf8String()
                .lines()
                .map(parser::parse)
                .map(line -> new ObjectReference(
                        bucket,
                        line.field("key").map(JsonNode::text).orElseThrow(),
                        line.field("versionId").map(JsonNode::text).or(Optional::empty),
                        "",
                        line.field("latest")
                                .map(JsonNode::text)
                                .map(Latest::valueOf)
                                .orElse(Latest.NOT_SAID)))
                .toList();
    }
}
