package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.core.exception.SdkException;

/**
 * Reads a distributed Map's items from S3.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html">ItemReader</a>
 */
final class ItemReader {
    /** The most items of one Map [SFN:input-output-itemreader]. */
    static final long MAXIMUM_ITEMS = 100_000_000;

    private ItemReader() {}

    /**
     * Runs without the lock of the simulated time.
     *
     * @param reader the state's ItemReader, its expressions evaluated
     * @throws StateFailure States.ItemReaderFailed where S3 refuses or the object is not what it should be
     */
    static List<JsonNode> read(S3Objects s3, JsonNode reader) {
        var arguments = reader.path("Arguments");
        var config = reader.path("ReaderConfig");
        var bucket = arguments.path("Bucket").asText();
        var maximum = config.path("MaxItems").asLong(0);
        if (maximum < 0 || maximum > MAXIMUM_ITEMS) {
            throw failed("MaxItems is 0 to " + MAXIMUM_ITEMS + ", not " + maximum);
        }
        if (maximum == 0) maximum = MAXIMUM_ITEMS;
        try {
            if (reader.path("Resource").asText().endsWith(":listObjectsV2")) {
                return s3.list(bucket, arguments.path("Prefix").asText(), maximum);
            }
            var content = s3.get(
                    bucket,
                    arguments.path("Key").asText(),
                    arguments.path("VersionId").asText());
            var items = items(new String(content, StandardCharsets.UTF_8), config);
            return items.subList(0, (int) Math.min(items.size(), maximum));
        } catch (SdkException refused) {
            throw failed("S3 did not give the items of s3://" + bucket + ": " + refused.getMessage());
        }
    }

    private static List<JsonNode> items(String text, JsonNode config) {
        return switch (config.path("InputType").asText()) {
            case "CSV" -> CsvItems.read(text, config);
            case "JSONL" ->
                text.lines()
                        .filter(line -> !line.isBlank())
                        .map(ItemReader::json)
                        .toList();
            default -> {
                var array = json(text).at(config.path("ItemsPointer").asText());
                if (!array.isArray()) throw failed("The JSON to take items from is not an array");
                var items = new ArrayList<JsonNode>();
                array.forEach(items::add);
                yield items;
            }
        };
    }

    private static JsonNode json(String text) {
        try {
            return Json.MAPPER.readTree(text);
        } catch (JsonProcessingException malformed) {
            throw failed("The object to take items from is not the JSON that its InputType says");
        }
    }

    private static StateFailure failed(String cause) {
        return new StateFailure("States.ItemReaderFailed", cause);
    }
}
