package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The policy in a browser's form: until when, and which fields and sizes, its signer allows.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html">POST policy</a>
 */
record PostPolicy(Instant expiration, List<JsonNode> conditions) {
    private static final Set<String> WITHOUT_CONDITION = Set.of("policy", "x-amz-signature", "file");
    private static final String SIZE = "content-length-range";

    /** @throws AwsException InvalidPolicyDocument */
    static PostPolicy parse(String base64) {
        JsonNode policy;
        try {
            policy = Json.parse(Base64.getMimeDecoder().decode(base64));
        } catch (AwsException | IllegalArgumentException noJson) {
            throw invalid("Invalid JSON.");
        }
        if (!policy.isObject()) throw invalid("Invalid JSON.");
        if (!policy.path("expiration").isTextual()) throw invalid("Policy missing expiration.");
        if (!policy.path("conditions").isArray()) throw invalid("Policy missing conditions.");
        for (var name : names(policy)) {
            if (!Set.of("expiration", "conditions").contains(name)) throw invalid("Unexpected: '" + name + "'");
        }
        var conditions = new ArrayList<JsonNode>();
        for (var condition : policy.path("conditions")) conditions.add(checked(condition));
        return new PostPolicy(instant(policy.path("expiration").asText()), conditions);
    }

    private static Instant instant(String text) {
        try {
            return OffsetDateTime.parse(text).toInstant();
        } catch (DateTimeException malformed) {
            throw invalid("Invalid 'expiration' value: '" + text + "'");
        }
    }

    private static List<String> names(JsonNode object) {
        return object.properties().stream().map(Map.Entry::getKey).toList();
    }

    /** Every condition in its long form: operator, field and value, or the range's two numbers. */
    private static JsonNode checked(JsonNode condition) {
        if (condition.isObject()) {
            if (condition.size() != 1) {
                throw invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.");
            }
            var name = names(condition).getFirst();
            if (!condition.path(name).isTextual()) throw invalid("Invalid Simple-Condition: value must be a string.");
            return Json.array().add("eq").add("$" + name).add(condition.path(name));
        }
        var operator = condition.path(0).asText().toLowerCase(Locale.ROOT);
        if (condition.size() != 3 || !Set.of("eq", "starts-with", SIZE).contains(operator)) {
            throw invalid("Invalid condition: " + condition);
        }
        var sizes = operator.equals(SIZE);
        for (int i = 1; i < 3; i++) {
            var value = condition.path(i);
            if (sizes ? !value.asText().matches("\\d{1,18}") : !value.isTextual()) {
                throw invalid("Invalid " + operator + " condition: " + condition);
            }
        }
        if (!sizes && !condition.path(1).asText().startsWith("$")) {
            throw invalid("Invalid " + operator + " condition: the field must begin with $: " + condition);
        }
        return condition;
    }

    /**
     * @param fields of the form by lower-case name, as they take effect: with the key's {@code ${filename}} replaced
     * @param now on the signer's clock
     * @throws AwsException AccessDenied, EntityTooSmall, EntityTooLarge
     */
    void requireFulfilled(Map<String, String> fields, String bucket, long size, Instant now) {
        if (!now.isBefore(expiration)) throw denied("Policy expired.");
        var values = new TreeMap<>(fields);
        values.put("bucket", bucket);
        var named = new HashSet<String>();
        for (var condition : conditions) {
            if (isOfSize(condition)) continue;
            var field = condition.path(1).asText().substring(1).toLowerCase(Locale.ROOT);
            named.add(field);
            if (!holds(condition, field, values.getOrDefault(field, ""))) {
                throw denied("Policy Condition failed: " + condition);
            }
        }
        var unnamed = values.keySet().stream()
                .filter(name -> !named.contains(name) && !WITHOUT_CONDITION.contains(name))
                .filter(name -> !name.startsWith("x-ignore-"))
                .toList();
        if (!unnamed.isEmpty()) throw denied("Extra input fields: " + String.join(", ", unnamed));
        conditions.stream().filter(PostPolicy::isOfSize).forEach(condition -> requireSize(condition, size));
    }

    private static boolean isOfSize(JsonNode condition) {
        return condition.path(0).asText().equalsIgnoreCase(SIZE);
    }

    private static boolean holds(JsonNode condition, String field, String value) {
        var wanted = condition.path(2).asText().replace("\\$", "$");
        if (condition.path(0).asText().equalsIgnoreCase("eq")) return value.equals(wanted);
        // "For content types in comma-separated lists, every one must start with the value."
        return field.equals("content-type")
                ? Arrays.stream(value.split(",")).allMatch(each -> each.strip().startsWith(wanted))
                : value.startsWith(wanted);
    }

    private static void requireSize(JsonNode condition, long size) {
        var least = condition.path(1).asLong();
        var most = condition.path(2).asLong();
        if (size < least) {
            throw new AwsException(
                    "EntityTooSmall",
                    400,
                    "Your proposed upload is smaller than the minimum allowed size",
                    Map.of("ProposedSize", size, "MinSizeAllowed", least));
        }
        if (size > most) {
            throw new AwsException(
                    "EntityTooLarge",
                    400,
                    "Your proposed upload exceeds the maximum allowed size",
                    Map.of("ProposedSize", size, "MaxSizeAllowed", most));
        }
    }

    private static AwsException denied(String why) {
        return S3Errors.accessDenied("Invalid according to Policy: " + why);
    }

    private static AwsException invalid(String why) {
        return AwsException.badRequest("InvalidPolicyDocument", "Invalid Policy: " + why);
    }
}
