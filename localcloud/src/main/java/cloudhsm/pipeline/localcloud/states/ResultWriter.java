package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.exception.SdkException;

/**
 * The results of a Map Run as files in S3: a manifest, and one file for each of what succeeded, failed and never ran.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html">ResultWriter</a>
 */
final class ResultWriter {
    private final String mapRunArn;
    private final String bucket;
    private final String folder;
    private final Map<String, ArrayNode> files = new LinkedHashMap<>();

    /**
     * Takes what the run has come to.
     *
     * @param writer the state's ResultWriter, its expressions evaluated
     */
    ResultWriter(MapRun run, JsonNode writer) {
        mapRunArn = run.arn();
        bucket = writer.path("Arguments").path("Bucket").asText();
        var prefix = writer.path("Arguments").path("Prefix").asText();
        folder = (prefix.isEmpty() ? "" : prefix + "/") + run.id() + "/";
        for (var kind : List.of("FAILED", "PENDING", "SUCCEEDED")) files.put(kind, Json.array());
        for (var child : run.children()) {
            var status = child.status();
            var kind = status.equals("succeeded") ? "SUCCEEDED" : child.failed() ? "FAILED" : "PENDING";
            files.get(kind).add(entry(child));
        }
    }

    /** One child execution as the files, and an output with failures, show it. */
    static ObjectNode entry(MapRun.Child child) {
        var entry = Json.object();
        child.execution().ifPresent(execution -> {
            entry.put("ExecutionArn", execution.arn());
            execution.cause().ifPresent(cause -> entry.put("Cause", cause));
            execution.error().ifPresent(error -> entry.put("Error", error));
        });
        entry.put("Input", Json.text(child.input()));
        entry.putObject("InputDetails").put("Included", true);
        child.execution().ifPresent(execution -> {
            entry.put("Name", execution.name());
            execution.output().ifPresent(output -> {
                entry.put("Output", Json.text(output));
                entry.putObject("OutputDetails").put("Included", true);
            });
            entry.put("RedriveCount", execution.redriveCount());
            entry.put("StartDate", execution.started().toString());
            entry.put("StateMachineArn", execution.stateMachineArn());
            entry.put("Status", execution.status().name());
            execution.stopped().ifPresent(stopped -> entry.put("StopDate", stopped.toString()));
        });
        if (child.execution().isEmpty()) entry.put("Status", "PENDING");
        return entry;
    }

    /**
     * Writes the files; runs without the lock of the simulated time. Returns the state's result.
     *
     * @throws StateFailure States.ResultWriterFailed
     */
    ObjectNode write(S3Objects s3) {
        var manifest = Json.object().put("DestinationBucket", bucket).put("MapRunArn", mapRunArn);
        var resultFiles = manifest.putObject("ResultFiles");
        try {
            for (var file : files.entrySet()) {
                var listed = resultFiles.putArray(file.getKey());
                if (file.getValue().isEmpty()) continue;
                var key = folder + file.getKey() + "_0.json";
                var content = Json.bytes(file.getValue());
                s3.put(bucket, key, content);
                listed.addObject().put("Key", key).put("Size", content.length);
            }
            s3.put(bucket, folder + "manifest.json", Json.bytes(manifest));
        } catch (SdkException refused) {
            throw new StateFailure(
                    "States.ResultWriterFailed",
                    "The results of " + mapRunArn + " could not be written to s3://" + bucket + "/" + folder + ": "
                            + refused.getMessage());
        }
        var result = Json.object().put("MapRunArn", mapRunArn);
        result.putObject("ResultWriterDetails").put("Bucket", bucket).put("Key", folder + "manifest.json");
        return result;
    }
}
