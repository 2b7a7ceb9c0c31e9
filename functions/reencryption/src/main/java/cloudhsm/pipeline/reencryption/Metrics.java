package cloudhsm.pipeline.reencryption;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;

/**
 * The metrics of one invocation as one line of CloudWatch's embedded metric format; CloudWatch makes metrics of it
 * without a request.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html">Embedded
 *     metric format</a>
 */
final class Metrics {
    private final Map<String, Double> values = new TreeMap<>();

    /**
     * @param outcomes of the invocation's objects
     * @param oldest age of the oldest message
     * @param putAside messages that went to the dead-letter queue
     */
    Metrics(Collection<Outcome> outcomes, Duration oldest, int putAside) {
        values.put("OldestEventAge", oldest.toMillis() / 1000.0);
        values.put("PutAside", (double) putAside);
        for (var counted : new String[] {
            "Reencrypted", "AlreadyDone", "Gone", "Left", "Refused", "Retried", "BytesMoved", "BytesNotMoved"
        }) {
            values.put(counted, 0.0);
        }
        for (var outcome : outcomes) {
            switch (outcome) {
                case Outcome.Reencrypted(var way, var bytes) -> {
                    add("Reencrypted", 1);
                    add(way == Outcome.Way.UPDATE ? "BytesNotMoved" : "BytesMoved", bytes);
                }
                case Outcome.AlreadyDone done -> add("AlreadyDone", 1);
                case Outcome.Gone gone -> add("Gone", 1);
                case Outcome.Left left -> add("Left", 1);
                case Outcome.Refused refused -> add("Refused", 1);
                case Outcome.Retry retry -> add("Retried", 1);
            }
        }
    }

    private void add(String name, long value) {
        values.merge(name, (double) value, Double::sum);
    }

    /** One line; the metrics' dimension is the function's name. */
    String embedded(String functionName, Instant now) {
        var line = JsonWriter.create().writeStartObject();
        line.writeFieldName("_aws").writeStartObject();
        line.writeFieldName("Timestamp").writeValue(now.toEpochMilli());
        line.writeFieldName("CloudWatchMetrics").writeStartArray().writeStartObject();
        line.writeFieldName("Namespace").writeValue("CloudHsmPipeline");
        line.writeFieldName("Dimensions").writeStartArray().writeStartArray();
        line.writeValue("FunctionName").writeEndArray().writeEndArray();
        line.writeFieldName("Metrics").writeStartArray();
        values.keySet().forEach(name -> {
            line.writeStartObject().writeFieldName("Name").writeValue(name);
            line.writeFieldName("Unit").writeValue(unit(name)).writeEndObject();
        });
        line.writeEndArray().writeEndObject().writeEndArray().writeEndObject();
        line.writeFieldName("FunctionName").writeValue(functionName);
        values.forEach((name, value) -> line.writeFieldName(name).writeValue(value));
        return new String(line.writeEndObject().getBytes(), StandardCharsets.UTF_8);
    }

    private static String unit(String name) {
        return name.startsWith("Bytes") ? "Bytes" : name.equals("OldestEventAge") ? "Seconds" : "Count";
    }
}
