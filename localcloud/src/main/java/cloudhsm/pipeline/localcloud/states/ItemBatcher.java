package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes the inputs of a distributed Map's child executions out of its items.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html">ItemBatcher</a>
 */
final class ItemBatcher {
    private ItemBatcher() {}

    /**
     * @param batcher the state's ItemBatcher, its expressions evaluated; missing for one item each
     * @throws StateFailure States.DataLimitExceeded where an input would be too large
     */
    static List<MapRun.Child> children(List<JsonNode> items, JsonNode batcher) {
        var children = new ArrayList<MapRun.Child>();
        if (batcher.isMissingNode()) {
            for (var item : items) children.add(child(item, 1, StateFields.MAXIMUM_DATA));
            return children;
        }
        var mostItems = bound(batcher, "MaxItemsPerBatch", ItemReader.MAXIMUM_ITEMS);
        var mostBytes = bound(batcher, "MaxInputBytesPerBatch", StateFields.MAXIMUM_DATA);
        // The batch's size grows by each item and its comma.
        var frame = Json.bytes(batch(batcher, List.of())).length;
        var pending = new ArrayList<JsonNode>();
        long bytes = frame;
        for (var item : items) {
            var size = Json.bytes(item).length + 1L;
            var full =
                    pending.size() == mostItems || batcher.has("MaxInputBytesPerBatch") && bytes + size - 1 > mostBytes;
            if (full && !pending.isEmpty()) {
                children.add(child(batch(batcher, pending), pending.size(), mostBytes));
                pending.clear();
                bytes = frame;
            }
            pending.add(item);
            bytes += size;
        }
        if (!pending.isEmpty()) children.add(child(batch(batcher, pending), pending.size(), mostBytes));
        return children;
    }

    private static long bound(JsonNode batcher, String field, long most) {
        if (!batcher.has(field)) return most;
        var value = batcher.get(field);
        if (!value.canConvertToLong() || value.asLong() < 1 || value.asLong() > most) {
            throw new StateFailure("States.QueryEvaluationError", field + " must be 1 to " + most + ", not " + value);
        }
        return value.asLong();
    }

    private static ObjectNode batch(JsonNode batcher, List<JsonNode> items) {
        var batch = Json.object();
        if (batcher.has("BatchInput")) batch.set("BatchInput", batcher.get("BatchInput"));
        batch.putArray("Items").addAll(items);
        return batch;
    }

    private static MapRun.Child child(JsonNode input, int items, long mostBytes) {
        var bytes = Json.bytes(input).length;
        if (bytes > mostBytes) {
            throw new StateFailure(
                    "States.DataLimitExceeded",
                    "The input of a child execution has " + bytes + " bytes; at most " + mostBytes + " are allowed");
        }
        return new MapRun.Child(input, items);
    }
}
