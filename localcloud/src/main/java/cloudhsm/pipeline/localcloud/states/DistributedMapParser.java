package cloudhsm.pipeline.localcloud.states;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** Reads what a distributed Map has beyond an inline one. */
final class DistributedMapParser {
    /** Fields of a Map state that only mode DISTRIBUTED knows. */
    static final List<String> FIELDS = List.of(
            "Label",
            "ItemReader",
            "ItemBatcher",
            "ToleratedFailurePercentage",
            "ToleratedFailureCount",
            "ResultWriter");

    /** An Express execution ends after 5 minutes (Step Functions service quotas). */
    private static final Duration EXPRESS_LIMIT = Duration.ofMinutes(5);

    private static final String LIST = "arn:aws:states:::s3:listObjectsV2";
    private static final String GET = "arn:aws:states:::s3:getObject";
    private static final String PUT = "arn:aws:states:::s3:putObject";

    private DistributedMapParser() {}

    /** @throws cloudhsm.pipeline.localcloud.http.AwsException InvalidDefinition */
    static State.DistributedMap parse(State.Common common, JsonNode node, Definition processor, String where) {
        var config = node.path("ItemProcessor").path("ProcessorConfig");
        var configured = where + "/ItemProcessor/ProcessorConfig";
        AslParser.onlyKnown(config, Set.of("Mode", "ExecutionType"), configured);
        var executionType = AslParser.requiredText(config, "ExecutionType", configured);
        if (!executionType.equals("STANDARD") && !executionType.equals("EXPRESS")) {
            throw AslParser.invalid(configured + "/ExecutionType", "is STANDARD or EXPRESS");
        }
        var express = executionType.equals("EXPRESS");
        if (express) requireExpress(processor, where + "/ItemProcessor");
        if (node.has("Items") && node.has("ItemReader")) {
            throw AslParser.invalid(where, "a Map has either Items or ItemReader");
        }
        return new State.DistributedMap(
                common,
                label(node, common.name(), where),
                node.path("Items"),
                reader(node.path("ItemReader"), where + "/ItemReader"),
                node.path("ItemSelector"),
                batcher(node.path("ItemBatcher"), where + "/ItemBatcher"),
                node.path("MaxConcurrency"),
                node.path("ToleratedFailureCount"),
                node.path("ToleratedFailurePercentage"),
                writer(node.path("ResultWriter"), where + "/ResultWriter"),
                express,
                express
                        ? new Definition(processor.startAt(), processor.states(), Optional.of(EXPRESS_LIMIT))
                        : processor);
    }

    private static String label(JsonNode node, String name, String where) {
        // Step Functions makes one up, which stays the same for the life of the definition.
        if (!node.has("Label")) {
            return UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8)).toString();
        }
        var label = AslParser.requiredText(node, "Label", where);
        if (!label.matches("[^\\s<>{}\\[\\]?*\"#%\\\\^|~`$&,;:/\\p{Cntrl}]{1,40}")) {
            throw AslParser.invalid(where + "/Label", "has 1 to 40 characters, without white space and wildcards");
        }
        return label;
    }

    private static JsonNode reader(JsonNode reader, String where) {
        if (reader.isMissingNode()) return reader;
        AslParser.onlyKnown(reader, Set.of("Resource", "Arguments", "ReaderConfig"), where);
        var resource = AslParser.requiredText(reader, "Resource", where);
        var config = reader.path("ReaderConfig");
        switch (resource) {
            case LIST -> {
                AslParser.onlyKnown(reader.path("Arguments"), Set.of("Bucket", "Prefix"), where + "/Arguments");
                AslParser.onlyKnown(config, Set.of("MaxItems"), where + "/ReaderConfig");
            }
            case GET -> {
                AslParser.onlyKnown(
                        reader.path("Arguments"), Set.of("Bucket", "Key", "VersionId"), where + "/Arguments");
                readerConfig(config, where + "/ReaderConfig");
            }
            default ->
                throw AslParser.invalid(
                        where + "/Resource", "the embedded AWS reads items by " + LIST + " or " + GET + " only");
        }
        if (!reader.has("Arguments")) throw AslParser.invalid(where + "/Arguments", "is required");
        return reader;
    }

    private static void readerConfig(JsonNode config, String where) {
        switch (AslParser.requiredText(config, "InputType", where)) {
            case "JSON" -> AslParser.onlyKnown(config, Set.of("InputType", "MaxItems", "ItemsPointer"), where);
            case "JSONL" -> AslParser.onlyKnown(config, Set.of("InputType", "MaxItems"), where);
            case "CSV" -> {
                AslParser.onlyKnown(
                        config,
                        Set.of("InputType", "MaxItems", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter"),
                        where);
                var location = AslParser.requiredText(config, "CSVHeaderLocation", where);
                if (!location.equals("FIRST_ROW") && !location.equals("GIVEN")) {
                    throw AslParser.invalid(where + "/CSVHeaderLocation", "is FIRST_ROW or GIVEN");
                }
                if (location.equals("GIVEN") != config.path("CSVHeaders").isArray()) {
                    throw AslParser.invalid(where + "/CSVHeaders", "is an array, and for CSVHeaderLocation GIVEN only");
                }
                if (!CsvItems.DELIMITERS.containsKey(config.path("CSVDelimiter").asText("COMMA"))) {
                    throw AslParser.invalid(where + "/CSVDelimiter", "is one of " + CsvItems.DELIMITERS.keySet());
                }
            }
            default -> throw AslParser.invalid(where + "/InputType", "the embedded AWS reads JSON, JSONL and CSV only");
        }
    }

    private static JsonNode batcher(JsonNode batcher, String where) {
        if (batcher.isMissingNode()) return batcher;
        AslParser.onlyKnown(batcher, Set.of("MaxItemsPerBatch", "MaxInputBytesPerBatch", "BatchInput"), where);
        if (!batcher.has("MaxItemsPerBatch") && !batcher.has("MaxInputBytesPerBatch")) {
            throw AslParser.invalid(where, "needs MaxItemsPerBatch or MaxInputBytesPerBatch");
        }
        return batcher;
    }

    private static JsonNode writer(JsonNode writer, String where) {
        if (writer.isMissingNode()) return writer;
        AslParser.onlyKnown(writer, Set.of("Resource", "Arguments"), where);
        if (!AslParser.requiredText(writer, "Resource", where).equals(PUT)) {
            throw AslParser.invalid(where + "/Resource", "results are written by " + PUT);
        }
        AslParser.onlyKnown(writer.path("Arguments"), Set.of("Bucket", "Prefix"), where + "/Arguments");
        if (!writer.has("Arguments")) throw AslParser.invalid(where + "/Arguments", "is required");
        return writer;
    }

    /** Express workflows have no task tokens, no {@code .sync} and no distributed Maps. */
    private static void requireExpress(Definition definition, String where) {
        for (var state : definition.states().values()) {
            switch (state) {
                case State.Task task
                when task.resource().pattern() != TaskResource.Pattern.REQUEST_RESPONSE ->
                    throw AslParser.invalid(
                            where, "an EXPRESS execution cannot wait for the task of state " + state.name());
                case State.DistributedMap map ->
                    throw AslParser.invalid(where, "an EXPRESS execution cannot run the distributed Map " + map.name());
                case State.Parallel parallel -> parallel.branches().forEach(branch -> requireExpress(branch, where));
                case State.Map map -> requireExpress(map.processor(), where);
                default -> {}
            }
        }
    }
}
