package cloudhsm.pipeline.localcloud.events;

import cloudhsm.pipeline.localcloud.http.AwsException;
import cloudhsm.pipeline.localcloud.http.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * An event pattern: what a rule asks of an event. Checked whole when it is made, so that a rule with a wrong pattern
 * is refused instead of never matching.
 *
 * @see <a href="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html">Comparison
 *     operators</a>
 */
final class EventPattern {
    /** AWS's limit on a pattern's characters. */
    static final int MOST_CHARACTERS = 2048;

    private final JsonNode pattern;

    private EventPattern(JsonNode pattern) {
        this.pattern = pattern;
    }

    /** @throws AwsException InvalidEventPatternException, saying what is wrong where */
    static EventPattern parse(String text) {
        if (text.length() > MOST_CHARACTERS) {
            throw invalid("it has " + text.length() + " characters; at most " + MOST_CHARACTERS + " are allowed");
        }
        JsonNode pattern;
        try {
            pattern = Json.parse(text);
        } catch (AwsException noJson) {
            throw invalid("it is not valid JSON");
        }
        check(pattern, "the pattern");
        return new EventPattern(pattern);
    }

    private static AwsException invalid(String reason) {
        return AwsException.badRequest("InvalidEventPatternException", "Event pattern is not valid. Reason: " + reason);
    }

    private static void check(JsonNode pattern, String where) {
        if (!pattern.isObject()) throw invalid(where + " must be an object");
        if (pattern.isEmpty()) throw invalid("Empty objects are not allowed, at " + where);
        for (var field : pattern.properties()) {
            var name = field.getKey();
            var value = field.getValue();
            if (name.equals("$or")) {
                if (!value.isArray() || value.size() < 2) throw invalid("$or needs an array of two or more objects");
                value.forEach(alternative -> check(alternative, "$or"));
            } else if (value.isObject()) {
                check(value, "\"" + name + "\"");
            } else if (value.isArray()) {
                if (value.isEmpty()) throw invalid("Empty arrays are not allowed, at \"" + name + "\"");
                value.forEach(matcher -> checkMatcher(matcher, name));
            } else {
                throw invalid("\"" + name + "\" must be an object or an array");
            }
        }
    }

    private static void checkMatcher(JsonNode matcher, String name) {
        if (matcher.isArray()) throw invalid("Match value must be String, number, true, false, or null, at " + name);
        if (!matcher.isObject()) return;
        if (matcher.size() != 1) throw invalid("Only one key allowed in match expression, at \"" + name + "\"");
        var kind = matcher.fieldNames().next();
        var value = matcher.get(kind);
        var good = switch (kind) {
            case "prefix", "suffix" -> value.isTextual() || isIgnoringCase(value);
            case "equals-ignore-case", "wildcard" -> value.isTextual();
            case "exists" -> value.isBoolean();
            case "numeric" -> isNumericRange(value);
            case "anything-but" -> isAnythingBut(value);
            default -> throw invalid("Unrecognized match type " + kind);
        };
        if (!good) throw invalid("the value of " + kind + " at \"" + name + "\" has the wrong type");
    }

    private static boolean isIgnoringCase(JsonNode value) {
        return value.size() == 1 && value.path("equals-ignore-case").isTextual();
    }

    private static boolean isNumericRange(JsonNode value) {
        if (!value.isArray() || value.isEmpty() || value.size() % 2 != 0) return false;
        for (var i = 0; i < value.size(); i += 2) {
            if (!List.of("=", "<", "<=", ">", ">=").contains(value.get(i).asText())) return false;
            if (!value.get(i + 1).isNumber()) return false;
        }
        return true;
    }

    private static boolean isAnythingBut(JsonNode value) {
        if (!value.isObject()) return !value.isArray() || !value.isEmpty();
        return value.size() == 1
                && List.of("prefix", "suffix", "equals-ignore-case", "wildcard")
                        .contains(value.fieldNames().next());
    }

    /** Whether the event, envelope and all, matches. */
    boolean matches(JsonNode event) {
        return matches(pattern, event);
    }

    private static boolean matches(JsonNode pattern, JsonNode event) {
        for (var field : pattern.properties()) {
            if (!fieldMatches(field, event)) return false;
        }
        return true;
    }

    private static boolean fieldMatches(Map.Entry<String, JsonNode> field, JsonNode event) {
        var wanted = field.getValue();
        if (field.getKey().equals("$or")) return any(wanted, alternative -> matches(alternative, event));
        var values = leaves(event.path(field.getKey()));
        if (wanted.isObject()) {
            // Asked of a missing object, only "exists: false" can hold.
            var objects = values.stream().filter(JsonNode::isObject).toList();
            return objects.isEmpty()
                    ? matches(wanted, MissingNode.getInstance())
                    : objects.stream().anyMatch(object -> matches(wanted, object));
        }
        var scalars = values.stream().filter(JsonNode::isValueNode).toList();
        if (scalars.isEmpty()) {
            return any(
                    wanted,
                    matcher -> matcher.isObject()
                            && matcher.has("exists")
                            && !matcher.get("exists").asBoolean());
        }
        return any(wanted, matcher -> scalars.stream().anyMatch(value -> accepts(matcher, value)));
    }

    private static boolean any(JsonNode nodes, Predicate<JsonNode> condition) {
        for (var node : nodes) if (condition.test(node)) return true;
        return false;
    }

    /** An array in an event stands for each of its elements. */
    private static List<JsonNode> leaves(JsonNode node) {
        if (node.isMissingNode()) return List.of();
        if (!node.isArray()) return List.of(node);
        var leaves = new ArrayList<JsonNode>();
        node.forEach(element -> leaves.addAll(leaves(element)));
        return leaves;
    }

    private static boolean accepts(JsonNode matcher, JsonNode value) {
        if (!matcher.isObject()) return same(matcher, value);
        var kind = matcher.fieldNames().next();
        var wanted = matcher.get(kind);
        return switch (kind) {
            case "exists" -> wanted.asBoolean();
            case "numeric" -> value.isNumber() && inRange(wanted, value.asDouble());
            case "anything-but" -> !excluded(wanted, value);
            default -> textMatches(kind, wanted, value);
        };
    }

    private static boolean same(JsonNode wanted, JsonNode value) {
        if (wanted.isNumber() && value.isNumber()) return wanted.decimalValue().compareTo(value.decimalValue()) == 0;
        return wanted.equals(value);
    }

    private static boolean excluded(JsonNode wanted, JsonNode value) {
        if (wanted.isArray()) return any(wanted, one -> same(one, value));
        if (!wanted.isObject()) return same(wanted, value);
        var kind = wanted.fieldNames().next();
        var texts = wanted.get(kind);
        return texts.isArray() ? any(texts, one -> textMatches(kind, one, value)) : textMatches(kind, texts, value);
    }

    private static boolean textMatches(String kind, JsonNode wanted, JsonNode value) {
        if (!value.isTextual()) return false;
        if (wanted.isObject()) {
            return textMatches(kind, lower(wanted.get("equals-ignore-case")), lower(value));
        }
        var text = value.asText();
        return switch (kind) {
            case "prefix" -> text.startsWith(wanted.asText());
            case "suffix" -> text.endsWith(wanted.asText());
            case "equals-ignore-case" -> text.equalsIgnoreCase(wanted.asText());
            case "wildcard" -> wildcard(wanted.asText()).matcher(text).matches();
            default -> throw new IllegalStateException(kind + " was accepted without being understood");
        };
    }

    private static JsonNode lower(JsonNode text) {
        return TextNode.valueOf(text.asText().toLowerCase(Locale.ROOT));
    }

    private static Pattern wildcard(String text) {
        var regex = new StringBuilder();
        for (var part : text.split("\\*", -1)) regex.append(".*").append(Pattern.quote(part));
        return Pattern.compile(regex.substring(2), Pattern.DOTALL);
    }

    private static boolean inRange(JsonNode range, double value) {
        for (var i = 0; i < range.size(); i += 2) {
            var bound = range.get(i + 1).asDouble();
            var holds = switch (range.get(i).asText()) {
                case "=" -> value == bound;
                case "<" -> value < bound;
                case "<=" -> value <= bound;
                case ">" -> value > bound;
                default -> value >= bound;
            };
            if (!holds) return false;
        }
        return true;
    }
}
