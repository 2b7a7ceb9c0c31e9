package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads the members of a request within the bounds of the service model. Values never appear in the messages, for one
 * of them is kmsuser's password.
 */
final class Members {
    private Members() {}

    /** Empty where the member is absent. Lengths are inclusive. */
    static Optional<String> text(JsonNode input, String member, int shortest, int longest) {
        var node = input.path(member);
        if (node.isMissingNode() || node.isNull()) return Optional.empty();
        if (!node.isTextual()) throw wrongType(member, "string");
        requireSize(member, "length", node.asText().length(), shortest, longest);
        return Optional.of(node.asText());
    }

    static String required(JsonNode input, String member, int shortest, int longest) {
        return text(input, member, shortest, longest).orElseThrow(() -> missing(member));
    }

    static String keyId(JsonNode input) {
        return required(input, "KeyId", 1, 2048);
    }

    static Optional<Integer> number(JsonNode input, String member, int least, int most) {
        var node = input.path(member);
        if (node.isMissingNode() || node.isNull()) return Optional.empty();
        if (!node.isInt()) throw wrongType(member, "integer");
        requireSize(member, "value", node.asInt(), least, most);
        return Optional.of(node.asInt());
    }

    /** False where the member is absent. */
    static boolean flag(JsonNode input, String member) {
        var node = input.path(member);
        if (!node.isMissingNode() && !node.isNull() && !node.isBoolean()) throw wrongType(member, "boolean");
        return node.asBoolean(false);
    }

    static byte[] requiredBlob(JsonNode input, String member, int longest) {
        var text = input.path(member);
        if (!text.isTextual()) throw missing(member);
        try {
            var bytes = Base64.getDecoder().decode(text.asText());
            requireSize(member, "length", bytes.length, 1, longest);
            return bytes;
        } catch (IllegalArgumentException notBase64) {
            throw wrongType(member, "blob");
        }
    }

    /** Empty where the member is absent. */
    static Map<String, String> map(JsonNode input, String member) {
        var node = input.path(member);
        if (node.isMissingNode() || node.isNull()) return Map.of();
        if (!node.isObject()) throw wrongType(member, "map");
        var map = new LinkedHashMap<String, String>();
        node.properties()
                .forEach(entry -> map.put(entry.getKey(), entry.getValue().asText()));
        return map;
    }

    /** TagKey → TagValue. */
    static Map<String, String> tags(JsonNode input) {
        var tags = new LinkedHashMap<String, String>();
        for (var tag : input.path("Tags")) {
            var key = required(tag, "TagKey", 1, 128);
            if (key.startsWith("aws:"))
                throw tagRefused("aws: prefixed tag key names are not allowed for external use.");
            if (tags.put(key, tag.path("TagValue").asText("")) != null) {
                throw tagRefused("Duplicate tag keys are not allowed in one request: " + key);
            }
            requireSize("TagValue", "length", tags.get(key).length(), 0, 256);
        }
        return tags;
    }

    static List<String> texts(JsonNode input, String member) {
        var texts = new ArrayList<String>();
        input.path(member).forEach(node -> texts.add(node.asText()));
        return texts;
    }

    /** @param accepted the only value that the embedded KMS, or AWS for this kind of key, knows */
    static void onlyAccepts(JsonNode input, String member, String accepted) {
        var value = text(input, member, 0, 256);
        if (value.isPresent() && !value.get().equals(accepted)) {
            throw AwsException.badRequest(
                    "UnsupportedOperationException",
                    member + " " + value.get() + " is not supported here; the embedded KMS knows only " + accepted);
        }
    }

    static AwsException invalid(String message) {
        return AwsException.badRequest("ValidationException", message);
    }

    static AwsException missing(String member) {
        return invalid("1 validation error detected: Value at '" + decapitalized(member)
                + "' failed to satisfy constraint: Member must not be null");
    }

    private static AwsException tagRefused(String why) {
        return AwsException.badRequest("TagException", why);
    }

    private static AwsException wrongType(String member, String type) {
        return AwsException.badRequest("SerializationException", member + " is not a " + type);
    }

    private static void requireSize(String member, String what, int size, int least, int most) {
        if (size >= least && size <= most) return;
        throw invalid("1 validation error detected: Value at '" + decapitalized(member)
                + "' failed to satisfy constraint: Member must have " + what
                + (size < least ? " greater than or equal to " + least : " less than or equal to " + most));
    }

    private static String decapitalized(String member) {
        return Character.toLowerCase(member.charAt(0)) + member.substring(1);
    }
}
