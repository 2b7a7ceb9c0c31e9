package cloudhsm.pipeline.localcloud.dynamodb;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashSet;
import java.util.OptionalInt;

/** The rules of attribute values: {@code {"S": "text"}}, {@code {"N": "1"}} and so on. */
final class AttributeValues {
    /** An item is at most 400 KB, names included [DDB:ServiceQuotas]. */
    static final int MOST_BYTES = 400 * 1024;

    private AttributeValues() {}

    static AwsException invalid(String message) {
        return AwsException.badRequest("ValidationException", message);
    }

    static String type(JsonNode value) {
        return value.fieldNames().next();
    }

    /** The value without its type. */
    static JsonNode content(JsonNode value) {
        return value.get(type(value));
    }

    /** @throws AwsException ValidationException if this is no attribute value */
    static void check(JsonNode value) {
        if (!value.isObject() || value.size() != 1) {
            throw invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
        }
        var content = content(value);
        switch (type(value)) {
            case "S", "B" -> {}
            case "N" -> number(content);
            case "BOOL" -> {
                if (!content.isBoolean()) throw invalid("BOOL must be true or false");
            }
            case "NULL" -> {
                if (!content.asBoolean()) {
                    throw invalid("One or more parameter values were invalid: Null attribute value types must have the"
                            + " value of true");
                }
            }
            case "L", "M" -> content.forEach(AttributeValues::check);
            case "SS", "NS", "BS" -> checkSet(value);
            default -> throw invalid("Supplied AttributeValue has an unknown datatype " + type(value));
        }
    }

    private static void checkSet(JsonNode value) {
        var content = content(value);
        if (content.isEmpty()) {
            throw invalid("One or more parameter values were invalid: An "
                    + (type(value).equals("SS") ? "string" : type(value).equals("NS") ? "number" : "binary")
                    + " set may not be empty");
        }
        if (type(value).equals("NS")) content.forEach(AttributeValues::number);
        var seen = new HashSet<String>();
        for (var member : content) {
            if (!seen.add(member.asText())) {
                throw invalid("One or more parameter values were invalid: Input collection " + content
                        + " contains duplicates.");
            }
        }
    }

    static BigDecimal number(JsonNode content) {
        try {
            var number = new BigDecimal(content.asText());
            if (number.stripTrailingZeros().precision() > 38) {
                throw invalid("Attempting to store more than 38 significant digits in a Number");
            }
            return number;
        } catch (NumberFormatException noNumber) {
            throw invalid("The parameter cannot be converted to a numeric value: " + content.asText());
        }
    }

    static boolean same(JsonNode left, JsonNode right) {
        if (!type(left).equals(type(right))) return false;
        return switch (type(left)) {
            case "N" -> number(content(left)).compareTo(number(content(right))) == 0;
            case "SS", "NS", "BS" -> members(left).equals(members(right));
            default -> content(left).equals(content(right));
        };
    }

    private static java.util.Set<String> members(JsonNode set) {
        var members = new HashSet<String>();
        content(set).forEach(member -> members.add(member.asText()));
        return members;
    }

    /** Negative, zero or positive; only strings, numbers and binaries of one type have an order. */
    static OptionalInt order(JsonNode left, JsonNode right) {
        if (!type(left).equals(type(right))) return OptionalInt.empty();
        return switch (type(left)) {
            case "N" -> OptionalInt.of(number(content(left)).compareTo(number(content(right))));
            case "S" -> OptionalInt.of(java.util.Arrays.compareUnsigned(utf8(left), utf8(right)));
            case "B" -> OptionalInt.of(java.util.Arrays.compareUnsigned(binary(left), binary(right)));
            default -> OptionalInt.empty();
        };
    }

    private static byte[] utf8(JsonNode text) {
        return content(text).asText().getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] binary(JsonNode value) {
        return Base64.getDecoder().decode(content(value).asText());
    }

    static boolean beginsWith(JsonNode value, JsonNode prefix) {
        if (!type(value).equals(type(prefix))) return false;
        return type(value).equals("S")
                && content(value).asText().startsWith(content(prefix).asText());
    }

    /** A text within a text, or a member of a set or list. */
    static boolean contains(JsonNode value, JsonNode operand) {
        return switch (type(value)) {
            case "S" ->
                type(operand).equals("S")
                        && content(value).asText().contains(content(operand).asText());
            case "L" -> {
                for (var element : content(value)) if (same(element, operand)) yield true;
                yield false;
            }
            case "SS", "NS", "BS" ->
                type(value).equals(type(operand) + "S")
                        && members(value).contains(content(operand).asText());
            default -> false;
        };
    }

    /** What the function size() gives; empty for types that have none. */
    static OptionalInt size(JsonNode value) {
        return switch (type(value)) {
            case "S" -> OptionalInt.of(content(value).asText().length());
            case "B" -> OptionalInt.of(binary(value).length);
            case "L", "M", "SS", "NS", "BS" -> OptionalInt.of(content(value).size());
            default -> OptionalInt.empty();
        };
    }

    /** Bytes of an item as the size limit counts them, near enough: names and values in UTF-8. */
    static int bytes(ObjectNode item) {
        var bytes = 0;
        for (var attribute : item.properties()) {
            bytes += attribute.getKey().getBytes(StandardCharsets.UTF_8).length + valueBytes(attribute.getValue());
        }
        return bytes;
    }

    private static int valueBytes(JsonNode value) {
        var content = content(value);
        return switch (type(value)) {
            case "S" -> utf8(value).length;
            case "B" -> binary(value).length;
            case "N" -> content.asText().length() / 2 + 1;
            case "M" -> 3 + bytes((ObjectNode) content);
            case "L" -> {
                var bytes = 3;
                for (var element : content) bytes += 1 + valueBytes(element);
                yield bytes;
            }
            case "BOOL", "NULL" -> 1;
            default -> {
                var bytes = 3;
                for (var member : content) bytes += member.asText().length();
                yield bytes;
            }
        };
    }
}
