package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonNodeParser;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.awssdk.services.s3.S3Client;

/** Sums up what the pages came to, from the files that the Map Run wrote, into {@code summary.json} beside them. */
public final class SummarizeReencryption implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    /** Objects that were left that the answer names; all are counted. */
    private static final int MOST_NAMED = 20;

    private final S3Client s3;
    private final String resultsBucket;
    private final JsonNodeParser parser = JsonNodeParser.create();

    /** Called by Lambda, once per execution environment. */
    public SummarizeReencryption() {
        this(Aws.s3(), System.getenv("RESULTS_BUCKET"));
    }

    SummarizeReencryption(S3Client s3, String resultsBucket) {
        this.s3 = s3;
        this.resultsBucket = resultsBucket;
    }

    @Override
    public Map<String, Object> handleRequest(Map<String, Object> input, Context context) {
        try {
            return summary(input);
        } catch (SdkException failure) {
            throw S3FailedException.of(failure);
        }
    }

    private Map<String, Object> summary(Map<String, Object> input) {
        var files = read((String) input.get("manifest")).field("ResultFiles").orElseThrow();
        var outcomes = new TreeMap<String, Long>();
        var left = new ArrayList<String>();
        long objects = 0;
        long bytes = 0;
        var failed = entries(files, "FAILED");
        var results = Stream.concat(
                entries(files, "SUCCEEDED").stream().map(page -> parser.parse(text(page, "Output"))),
                failed.stream().flatMap(page -> resultOfFailed(page).stream()));
        for (var result : (Iterable<JsonNode>) results::iterator) {
            objects += number(result, "objects");
            bytes += number(result, "bytes");
            result.field("outcomes")
                    .orElseThrow()
                    .asObject()
                    .forEach((name, count) -> outcomes.merge(name, Long.parseLong(count.text()), Long::sum));
            result.field("left").map(JsonNode::asArray).orElse(List.of()).stream()
                    .limit(MOST_NAMED - left.size())
                    .forEach(object -> left.add(told(object)));
        }
        var failedPages = failed.size();
        var key = input.get("folder") + "summary.json";
        var line = JsonWriter.create().writeStartObject();
        line.writeFieldName("bucket").writeValue((String) input.get("bucket"));
        line.writeFieldName("dryRun").writeValue(Boolean.TRUE.equals(input.get("dryRun")));
        line.writeFieldName("objects").writeValue(objects);
        line.writeFieldName("bytes").writeValue(bytes);
        line.writeFieldName("failedPages").writeValue(failedPages);
        line.writeFieldName("outcomes").writeStartObject();
        outcomes.forEach((name, count) -> line.writeFieldName(name).writeValue(count));
        line.writeEndObject().writeEndObject();
        s3.putObject(
                put -> put.bucket(resultsBucket).key(key),
                RequestBody.fromString(new String(line.getBytes(), StandardCharsets.UTF_8)));
        return Map.of(
                "objects", objects,
                "bytes", bytes,
                "failedPages", failedPages,
                "outcomes", outcomes,
                "left", left,
                "summary", "s3://" + resultsBucket + "/" + key);
    }

    /** What a page had come to when it failed; empty where it failed of something else, a timeout for example. */
    private Optional<JsonNode> resultOfFailed(JsonNode page) {
        try {
            return Optional.of(parser.parse(text(parser.parse(text(page, "Cause")), "errorMessage")))
                    .filter(result ->
                            result.isObject() && result.field("outcomes").isPresent());
        } catch (RuntimeException noResult) {
            return Optional.empty();
        }
    }

    private static String told(JsonNode object) {
        var versionId = text(object, "versionId");
        return text(object, "key") + (versionId.isEmpty() ? "" : " (version " + versionId + ")") + ": "
                + text(object, "outcome").substring("LEFT:".length());
    }

    private static String text(JsonNode node, String field) {
        return node.field(field).map(JsonNode::text).orElse("");
    }

    private List<JsonNode> entries(JsonNode files, String kind) {
        return files.field(kind).map(JsonNode::asArray).orElse(List.of()).stream()
                .flatMap(file -> read(file.field("Key").map(JsonNode::text).orElseThrow()).asArray().stream())
                .toList();
    }

    private JsonNode read(String key) {
        return parser.parse(
                s3.getObjectAsBytes(get -> get.bucket(resultsBucket).key(key)).asUtf8String());
    }

    private static long number(JsonNode node, String field) {
        return Long.parseLong(node.field(field).map(JsonNode::text).orElse("0"));
    }
}
