package cloudhsm.pipeline.localcloud.sqs;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.TreeMap;

/**
 * The rules of message attributes, and the digests that clients compare.
 *
 * @see <a
 *     href="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html">Message
 *     metadata</a>
 */
final class MessageAttributes {
    /** AWS's limit per message. */
    private static final int MOST = 10;

    private MessageAttributes() {}

    /** @throws AwsException InvalidParameterValue where one breaks AWS's rules */
    static ObjectNode checked(JsonNode attributes) {
        if (!(attributes instanceof ObjectNode object)) return Json.object();
        if (object.size() > MOST) {
            throw invalid("Number of message attributes [" + object.size() + "] exceeds the allowed maximum [10].");
        }
        for (var attribute : object.properties()) {
            var name = attribute.getKey();
            if (!name.matches("[A-Za-z0-9_.-]{1,256}") || name.matches("(?i)(aws|amazon)\\..*")) {
                throw invalid("Message attribute name '" + name + "' is invalid.");
            }
            var type = attribute.getValue().path("DataType").asText();
            if (!type.matches("(String|Number|Binary)(\\..+)?")) {
                throw invalid("The message attribute '" + name
                        + "' has an invalid message attribute type, the set of supported type prefixes is Binary,"
                        + " Number, and String.");
            }
            var member = type.startsWith("Binary") ? "BinaryValue" : "StringValue";
            if (attribute.getValue().path(member).asText().isEmpty()) {
                throw invalid("The message attribute '" + name + "' must contain a non-empty message attribute value"
                        + " for message attribute type '" + type + "'.");
            }
        }
        return object;
    }

    private static AwsException invalid(String message) {
        return AwsException.badRequest("InvalidParameterValue", message);
    }

    /** Names, types and values count towards the message's size. */
    static int size(ObjectNode attributes) {
        return attributes.properties().stream()
                .mapToInt(attribute -> utf8(attribute.getKey()).length
                        + utf8(attribute.getValue().path("DataType").asText()).length
                        + value(attribute.getValue()).length)
                .sum();
    }

    /** Those the consumer asked for: a name, {@code prefix.*}, {@code .*} or {@code All}. */
    static ObjectNode selected(ObjectNode attributes, JsonNode names) {
        var selected = Json.object();
        attributes.properties().forEach(attribute -> {
            for (var wanted : names) {
                var name = wanted.asText();
                var prefix = name.endsWith(".*") ? name.substring(0, name.length() - 2) : null;
                if (name.equals("All")
                        || name.equals(attribute.getKey())
                        || (prefix != null && attribute.getKey().startsWith(prefix))) {
                    selected.set(attribute.getKey(), attribute.getValue());
                }
            }
        });
        return selected;
    }

    static String md5(String body) {
        return hexMd5(utf8(body));
    }

    /** Sorted by name; each part preceded by its length; 1 marks text, 2 binary. */
    static String md5(ObjectNode attributes) {
        var sorted = new TreeMap<String, JsonNode>();
        attributes.properties().forEach(attribute -> sorted.put(attribute.getKey(), attribute.getValue()));
        var bytes = new ByteArrayOutputStream();
        sorted.forEach((name, attribute) -> {
            var type = attribute.path("DataType").asText();
            append(bytes, utf8(name));
            append(bytes, utf8(type));
            bytes.write(type.startsWith("Binary") ? 2 : 1);
            append(bytes, value(attribute));
        });
        return hexMd5(bytes.toByteArray());
    }

    private static void append(ByteArrayOutputStream bytes, byte[] part) {
        bytes.writeBytes(ByteBuffer.allocate(4).putInt(part.length).array());
        bytes.writeBytes(part);
    }

    private static byte[] value(JsonNode attribute) {
        return attribute.path("DataType").asText().startsWith("Binary")
                ? Base64.getDecoder().decode(attribute.path("BinaryValue").asText())
                : utf8(attribute.path("StringValue").asText());
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String hexMd5(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(bytes));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
