package cloudhsm.pipeline.localcloud.states;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What is wrong with what a distributed Map has beyond an inline one. */
final class DistributedMapCheck {
    /** Fields of a Map state that only mode DISTRIBUTED knows. */
    static final List<String> FIELDS = List.of(
            "Label",
            "ItemReader",
            "ItemBatcher",
            "ToleratedFailurePercentage",
            "ToleratedFailureCount",
            "ResultWriter");

    private static final String LIST = "arn:aws:states:::s3:listObjectsV2";
    private static final String GET = "arn:aws:states:::s3:getObject";
    private static final String PUT = "arn:aws:states:::s3:putObject";

    private final Diagnostics diagnostics;
    private final Set<String> labels = new HashSet<>();

    DistributedMapCheck(Diagnostics diagnostics) {
        this.diagnostics = diagnostics;
    }

    void check(JsonNode map, String location) {
        var config = map.path("ItemProcessor").path("ProcessorConfig");
        var configured = location + "/ItemProcessor/ProcessorConfig";
        diagnostics.onlySupported(config, Set.of("Mode", "ExecutionType"), configured);
        diagnostics.required(config, configured, "ExecutionType");
        diagnostics.oneOf(config, "ExecutionType", List.of("STANDARD", "EXPRESS"), configured);
        if (config.path("ExecutionType").asText().equals("EXPRESS")) {
            requireExpress(map.path("ItemProcessor"), location + "/ItemProcessor");
        }
        if (map.has("Items") && map.has("ItemReader")) {
            diagnostics.schema("A Map has either Items or ItemReader", location);
        }
        if (map.has("Label")) label(map.get("Label"), location + "/Label");
        diagnostics.integerOrExpression(map, "ToleratedFailurePercentage", 0, 100, location);
        diagnostics.integerOrExpression(map, "ToleratedFailureCount", 0, ItemReader.MAXIMUM_ITEMS, location);
        if (map.has("ItemReader")) reader(map.get("ItemReader"), location + "/ItemReader");
        if (map.has("ItemBatcher")) batcher(map.get("ItemBatcher"), location + "/ItemBatcher");
        if (map.has("ResultWriter")) writer(map.get("ResultWriter"), location + "/ResultWriter");
    }

    private void label(JsonNode label, String location) {
        if (!label.asText().matches("[^\\s<>{}\\[\\]?*\"#%\\\\^|~`$&,;:/\\p{Cntrl}]{1,40}")) {
            diagnostics.schema("A label has 1 to 40 characters, without white space and wildcards", location);
        }
        if (!labels.add(label.asText())) {
            diagnostics.add(
                    "DUPLICATE_LABEL_NAME", "The label " + label.asText() + " is used twice in this machine", location);
        }
    }

    private void reader(JsonNode reader, String location) {
        diagnostics.onlySupported(reader, Set.of("Resource", "Arguments", "ReaderConfig"), location);
        diagnostics.required(reader, location, "Resource", "Arguments");
        var config = reader.path("ReaderConfig");
        switch (reader.path("Resource").asText()) {
            case LIST -> {
                arguments(reader, Set.of("Bucket", "Prefix"), location);
                diagnostics.onlySupported(config, Set.of("MaxItems"), location + "/ReaderConfig");
            }
            case GET -> {
                arguments(reader, Set.of("Bucket", "Key", "VersionId"), location);
                readerConfig(config, location + "/ReaderConfig");
            }
            default ->
                diagnostics.schema(
                        "The embedded AWS reads items by " + LIST + " or " + GET + " only", location + "/Resource");
        }
    }

    private void arguments(JsonNode node, Set<String> known, String location) {
        diagnostics.onlySupported(node.path("Arguments"), known, location + "/Arguments");
    }

    private void readerConfig(JsonNode config, String location) {
        switch (config.path("InputType").asText()) {
            case "JSON" -> diagnostics.onlySupported(config, Set.of("InputType", "MaxItems", "ItemsPointer"), location);
            case "JSONL" -> diagnostics.onlySupported(config, Set.of("InputType", "MaxItems"), location);
            case "CSV" -> {
                diagnostics.onlySupported(
                        config,
                        Set.of("InputType", "MaxItems", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter"),
                        location);
                diagnostics.required(config, location, "CSVHeaderLocation");
                diagnostics.oneOf(config, "CSVHeaderLocation", List.of("FIRST_ROW", "GIVEN"), location);
                var given = config.path("CSVHeaderLocation").asText().equals("GIVEN");
                if (given != config.path("CSVHeaders").isArray()) {
                    diagnostics.schema("An array, and for CSVHeaderLocation GIVEN only", location + "/CSVHeaders");
                }
                diagnostics.oneOf(config, "CSVDelimiter", List.copyOf(CsvItems.DELIMITERS.keySet()), location);
            }
            default -> diagnostics.schema("The embedded AWS reads JSON, JSONL and CSV only", location + "/InputType");
        }
    }

    private void batcher(JsonNode batcher, String location) {
        diagnostics.onlySupported(batcher, Set.of("MaxItemsPerBatch", "MaxInputBytesPerBatch", "BatchInput"), location);
        if (!batcher.has("MaxItemsPerBatch") && !batcher.has("MaxInputBytesPerBatch")) {
            diagnostics.schema("Needs MaxItemsPerBatch or MaxInputBytesPerBatch", location);
        }
    }

    private void writer(JsonNode writer, String location) {
        diagnostics.onlySupported(writer, Set.of("Resource", "Arguments"), location);
        diagnostics.required(writer, location, "Resource", "Arguments");
        if (!writer.path("Resource").asText().equals(PUT)) {
            diagnostics.schema("Results are written by " + PUT, location + "/Resource");
        }
        arguments(writer, Set.of("Bucket", "Prefix"), location);
    }

    /** Express workflows have no task tokens, no {@code .sync} and no distributed Maps. */
    private void requireExpress(JsonNode definition, String location) {
        for (var named : definition.path("States").properties()) {
            var state = named.getValue();
            var within = location + "/States/" + named.getKey();
            var pattern = TaskResource.parse(state.path("Resource").asText())
                    .map(TaskResource::pattern)
                    .orElse(TaskResource.Pattern.REQUEST_RESPONSE);
            if (pattern != TaskResource.Pattern.REQUEST_RESPONSE) {
                diagnostics.schema("An EXPRESS execution cannot wait for a task", within + "/Resource");
            }
            var processor = state.path("ItemProcessor");
            if (processor.path("ProcessorConfig").path("Mode").asText().equals("DISTRIBUTED")) {
                diagnostics.schema("An EXPRESS execution cannot run a distributed Map", within);
            }
            requireExpress(processor, within + "/ItemProcessor");
            for (int i = 0; i < state.path("Branches").size(); i++) {
                requireExpress(state.get("Branches").get(i), within + "/Branches[" + i + "]");
            }
        }
    }
}
