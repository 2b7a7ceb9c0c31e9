package cloudhsm.pipeline.reencryption;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonNodeParser;

/**
 * Reads the message that S3 sends to a queue. Parsed by the SDK's own parser: with no other JSON library the function
 * starts faster.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html">Event
 *     message structure</a>
 */
final class S3Message {
    private static final JsonNodeParser PARSER = JsonNodeParser.create();

    private S3Message() {}

    /** The message is none of S3's; its text says why, without the message's contents. */
    static final class UnreadableException extends Exception {
        private static final long serialVersionUID = 1L;

        UnreadableException(String why) {
            super(why);
        }
    }

    /**
     * One event.
     *
     * @param sequencer hexadecimal, of any length; "" where the event has none
     */
    record Upload(ObjectReference object, String sequencer) {
        /** Whether this event of the same key is the later one. */
        boolean isNewerThan(Upload other) {
            var length = Math.max(sequencer.length(), other.sequencer.length());
            return padded(length).compareToIgnoreCase(other.padded(length)) > 0;
        }

        private String padded(int length) {
            return "0".repeat(length - sequencer.length()) + sequencer;
        }
    }

    /** The objects that were created; none for S3's test message and for events of other kinds. */
    static List<Upload> uploads(String body) throws UnreadableException {
        var message = parse(body);
        if (text(message, "Event").equals(Optional.of("s3:TestEvent"))) return List.of();
        var uploads = new ArrayList<Upload>();
        var records = message.field("Records")
                .filter(JsonNode::isArray)
                .orElseThrow(() -> new UnreadableException(whatItIs(message)));
        for (var event : records.asArray()) {
            // AWS promises compatibility within a major version.
            if (!text(event, "eventVersion").orElse("").startsWith("2.")) {
                throw new UnreadableException("Its eventVersion is not 2.x");
            }
            if (text(event, "eventName").orElse("").startsWith("ObjectCreated:")) uploads.add(upload(event));
        }
        return uploads;
    }

    /** S3's message may come wrapped, by a service between S3 and the queue. */
    private static String whatItIs(JsonNode message) {
        if (message.field("TopicArn").isPresent()) return "It is an SNS notification, not S3's own message";
        if (message.field("detail-type").isPresent()) return "It is an EventBridge event, not S3's own message";
        return "It has no Records";
    }

    private static JsonNode parse(String body) throws UnreadableException {
        try {
            var message = PARSER.parse(body);
            if (message.isObject()) return message;
        } catch (RuntimeException noJson) {
            // The parser's own message would quote the contents.
        }
        throw new UnreadableException("It is not a JSON object");
    }

    private static Upload upload(JsonNode event) throws UnreadableException {
        var s3 = event.field("s3").orElseThrow(() -> new UnreadableException("A record has no s3"));
        var object = s3.field("object").orElseThrow(() -> new UnreadableException("A record has no s3.object"));
        var bucket = s3.field("bucket")
                .flatMap(named -> text(named, "name"))
                .orElseThrow(() -> new UnreadableException("A record has no s3.bucket.name"));
        var key = text(object, "key").orElseThrow(() -> new UnreadableException("A record has no s3.object.key"));
        try {
            return new Upload(
                    new ObjectReference(
                            bucket,
                            URLDecoder.decode(key, StandardCharsets.UTF_8), // form-encoded: a space comes as "+"
                            text(object, "versionId"),
                            text(object, "eTag").orElse("")),
                    text(object, "sequencer").orElse(""));
        } catch (IllegalArgumentException notEncoded) {
            throw new UnreadableException("A record's s3.object.key is not form-encoded");
        }
    }

    private static Optional<String> text(JsonNode node, String field) {
        return node.field(field).filter(JsonNode::isString).map(JsonNode::asString);
    }
}
