package cloudhsm.pipeline.reencryption;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;

/**
 * What became of the objects of one page: counted by outcome and reason; the first failures, and the first objects that
 * were left, with their names.
 */
final class PageResult {
    /** Failures, and objects that were left, that are named; all are counted. */
    private static final int MOST_NAMED = 20;

    private final int objects;
    private final Map<String, Integer> outcomes = new TreeMap<>();
    private final List<Map<String, String>> failures = new ArrayList<>();
    private final List<Map<String, String>> left = new ArrayList<>();
    private int refused;
    private int retry;
    private long bytes;

    PageResult(List<Reencryption.Result> page) {
        objects = page.size();
        for (var result : page) count(result.object(), result.outcome());
    }

    private void count(ObjectReference object, Outcome outcome) {
        var name = name(outcome);
        outcomes.merge(name, 1, Integer::sum);
        if (outcome instanceof Outcome.Reencrypted done) bytes += done.bytes();
        if (outcome instanceof Outcome.Refused) refused++;
        if (outcome instanceof Outcome.Retry) retry++;
        if (outcome instanceof Outcome.Refused || outcome instanceof Outcome.Retry) tell(failures, object, name);
        if (outcome instanceof Outcome.Left) tell(left, object, name);
    }

    private static void tell(List<Map<String, String>> told, ObjectReference object, String outcome) {
        if (told.size() == MOST_NAMED) return;
        told.add(Map.of("key", object.key(), "versionId", object.versionId().orElse(""), "outcome", outcome));
    }

    /** The outcome with its reason, to count by. */
    private static String name(Outcome outcome) {
        return outcome.reason().isEmpty() ? outcome.name() : outcome.name() + ":" + outcome.reason();
    }

    /** Objects that only a person can do something about. */
    int refused() {
        return refused;
    }

    /** Objects that may be served later. */
    int retry() {
        return retry;
    }

    Map<String, Object> output() {
        return Map.of(
                "objects", objects,
                "bytes", bytes,
                "outcomes", outcomes,
                "refused", refused,
                "retry", retry,
                "failures", failures,
                "left", left);
    }

    /** The same as text. */
    String json() {
        var line = JsonWriter.create().writeStartObject();
        line.writeFieldName("objects").writeValue(objects);
        line.writeFieldName("bytes").writeValue(bytes);
        line.writeFieldName("refused").writeValue(refused);
        line.writeFieldName("retry").writeValue(retry);
        line.writeFieldName("outcomes").writeStartObject();
        outcomes.forEach((name, count) -> line.writeFieldName(name).writeValue(count));
        line.writeEndObject().writeFieldName("failures").writeStartArray();
        for (var failure : failures) {
            line.writeStartObject();
            failure.forEach((name, value) -> line.writeFieldName(name).writeValue(value));
            line.writeEndObject();
        }
        return new String(line.writeEndArray().writeEndObject().getBytes(), StandardCharsets.UTF_8);
    }
}
