package cloudhsm.pipeline.localcloud.states;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Collects what is wrong with a definition, and makes the checks that all its parts need. Messages are AWS's where
 * somebody has published them.
 */
final class Diagnostics {
    private final List<Diagnostic> found = new ArrayList<>();

    /** In the order of finding. */
    List<Diagnostic> found() {
        return List.copyOf(found);
    }

    void add(String code, String message, String location) {
        found.add(new Diagnostic(code, message, Optional.of(location)));
    }

    void addWithoutLocation(String code, String message) {
        found.add(new Diagnostic(code, message, Optional.empty()));
    }

    void schema(String message, String location) {
        add("SCHEMA_VALIDATION_FAILED", message, location);
    }

    void unsupported(String field, String location) {
        schema("Field '" + field + "' is not supported", location);
    }

    /** Only these fields are in the object. */
    void onlySupported(JsonNode node, Set<String> supported, String location) {
        for (var field : (Iterable<String>) node::fieldNames) {
            if (!supported.contains(field)) unsupported(field, location);
        }
    }

    /** The object has these fields. Returns whether it has. */
    boolean required(JsonNode node, String location, String... fields) {
        var missing = Stream.of(fields)
                .filter(field -> node.path(field).isMissingNode())
                .toList();
        if (!missing.isEmpty()) schema("These fields are required: " + missing, location.isEmpty() ? "/" : location);
        return missing.isEmpty();
    }

    /** The field is there and a text. Returns the text, or nothing. */
    Optional<String> requiredText(JsonNode node, String field, String location) {
        if (!required(node, location, field)) return Optional.empty();
        if (!node.get(field).isTextual()) {
            schema("Expected value of type [STRING]", location + "/" + field);
            return Optional.empty();
        }
        return Optional.of(node.get(field).asText());
    }

    /** The elements of the field; reports a field that is no array. */
    List<JsonNode> array(JsonNode node, String field, String location) {
        var value = node.path(field);
        if (!value.isMissingNode() && !value.isArray()) {
            schema("Expected value of type [ARRAY]", location + "/" + field);
            return List.of();
        }
        var elements = new ArrayList<JsonNode>();
        value.forEach(elements::add);
        return elements;
    }

    /** The elements of a field that must be there and have some. */
    List<JsonNode> requiredArray(JsonNode node, String field, String location) {
        if (!required(node, location, field)) return List.of();
        var elements = array(node, field, location);
        if (node.get(field).isArray() && elements.isEmpty()) schema("The array is empty", location + "/" + field);
        return elements;
    }

    /** The field, if it is there, is one of these texts. Returns whether it is. */
    boolean oneOf(JsonNode node, String field, List<String> values, String location) {
        if (!node.has(field)) return true;
        var value = node.get(field);
        if (value.isTextual() && values.contains(value.asText())) return true;
        schema(
                value.isTextual()
                        ? "Value should be one of the following: " + values
                        : "Expected value of type [STRING]",
                location + "/" + field);
        return false;
    }

    /** The field, if it is there, is a whole number between these, or an expression that yields one later. */
    void integerOrExpression(JsonNode node, String field, long least, long most, String location) {
        if (Expressions.isExpression(node.path(field).asText())) return;
        integer(node, field, least, most, location);
    }

    /** The field, if it is there, is a whole number between these. */
    void integer(JsonNode node, String field, long least, long most, String location) {
        if (!node.has(field)) return;
        var value = node.get(field);
        if (!value.isNumber() || !value.canConvertToExactIntegral()) {
            schema("Expected value of type [INTEGER]", location + "/" + field);
        } else if (value.asLong() < least) {
            schema("Minimum value is " + least, location + "/" + field);
        } else if (value.asLong() > most || !value.canConvertToLong()) {
            schema("Maximum value is " + most, location + "/" + field);
        }
    }
}
