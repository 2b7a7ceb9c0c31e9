package cloudhsm.pipeline.localcloud.protocol;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;

/** JSON as the AWS JSON protocols use it. */
public final class Json {
    /** A DynamoDB attribute's name may have 65,535 bytes. */
    private static final int LONGEST_NAME = 65_536;

    public static final ObjectMapper MAPPER = new ObjectMapper(JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNameLength(2 * LONGEST_NAME)
                    .build())
            .build());

    private Json() {}

    public static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    public static ArrayNode array() {
        return MAPPER.createArrayNode();
    }

    /** @throws AwsException SerializationException if the bytes are no JSON */
    public static JsonNode parse(byte[] bytes) {
        try {
            var node = MAPPER.readTree(bytes);
            return node == null || node.isMissingNode() ? object() : node;
        } catch (IOException malformed) {
            throw AwsException.badRequest("SerializationException", "The request body is not valid JSON");
        }
    }

    public static JsonNode parse(String text) {
        return parse(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    public static byte[] bytes(JsonNode node) {
        try {
            return MAPPER.writeValueAsBytes(node);
        } catch (JsonProcessingException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }

    public static String text(JsonNode node) {
        return new String(bytes(node), java.nio.charset.StandardCharsets.UTF_8);
    }

    /** A timestamp as the JSON protocols write it: epoch seconds with milliseconds. */
    public static double epochSeconds(Instant instant) {
        return instant.toEpochMilli() / 1000.0;
    }
}
