package cloudhsm.pipeline.reencryption;

import java.nio.charset.StandardCharsets;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;

/** One line of JSON for the log; never what an object or a message contains. */
final class LogLine {
    private LogLine() {}

    static String of(ObjectReference upload, Outcome outcome) {
        var line = JsonWriter.create().writeStartObject();
        outcome(line, outcome.name(), outcome.reason());
        field(line, "bucket", upload.bucket());
        field(line, "key", upload.key());
        upload.versionId().ifPresent(versionId -> field(line, "versionId", versionId));
        return text(line);
    }

    static String unreadable(String messageId, String why) {
        var line = JsonWriter.create().writeStartObject();
        outcome(line, "UNREADABLE", why);
        field(line, "messageId", messageId);
        return text(line);
    }

    static String notPrimed(Throwable why) {
        var line = JsonWriter.create().writeStartObject();
        outcome(line, "NOT_PRIMED", why.toString());
        return text(line);
    }

    private static void outcome(JsonWriter line, String outcome, String reason) {
        field(line, "outcome", outcome);
        if (!reason.isEmpty()) field(line, "reason", reason);
    }

    private static void field(JsonWriter line, String name, String value) {
        line.writeFieldName(name).writeValue(value);
    }

    private static String text(JsonWriter line) {
        return new String(line.writeEndObject().getBytes(), StandardCharsets.UTF_8);
    }
}
