package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/** The template's parameters with the values of this deployment, checked as CloudFormation checks them. */
final class Parameters {
    private static final List<String> KNOWN = List.of(
            "Type",
            "Default",
            "AllowedValues",
            "AllowedPattern",
            "MinLength",
            "MaxLength",
            "MinValue",
            "MaxValue",
            "ConstraintDescription",
            "Description",
            "NoEcho");

    private final Map<String, String> texts = new LinkedHashMap<>();
    private final Map<String, JsonNode> values = new LinkedHashMap<>();

    /** @throws TemplateException naming the parameter and what is wrong with it */
    Parameters(JsonNode definitions, Map<String, String> overrides) {
        var unknown = new TreeSet<>(overrides.keySet());
        definitions.fieldNames().forEachRemaining(unknown::remove);
        if (!unknown.isEmpty()) throw new TemplateException("Parameters: " + unknown + " do not exist in the template");
        for (var definition : definitions.properties()) {
            var name = definition.getKey();
            definition.getValue().fieldNames().forEachRemaining(field -> {
                if (!KNOWN.contains(field)) {
                    throw new TemplateException("Parameter " + name + ": " + field + " is not understood");
                }
            });
            var text = Optional.ofNullable(overrides.get(name))
                    .or(() -> Optional.ofNullable(definition.getValue().get("Default"))
                            .map(JsonNode::asText))
                    .orElseThrow(() -> new TemplateException("Parameters: [" + name + "] must have values"));
            texts.put(name, text);
            values.put(name, checked(name, definition.getValue(), text));
        }
    }

    private static JsonNode checked(String name, JsonNode definition, String text) {
        var type = definition.path("Type").asText();
        var isList = type.equals("CommaDelimitedList") || type.startsWith("List<");
        if (!isList && !List.of("String", "Number").contains(type) && !type.startsWith("AWS::")) {
            throw new TemplateException("Parameter " + name + " has the unknown type " + type);
        }
        if (!isList) {
            check(name, type, definition, text);
            return TextNode.valueOf(text);
        }
        var list = Json.array();
        if (text.isEmpty()) return list;
        for (var element : text.split(",", -1)) {
            check(name, type.equals("List<Number>") ? "Number" : type, definition, element.trim());
            list.add(element.trim());
        }
        return list;
    }

    private static void check(String name, String type, JsonNode definition, String text) {
        var allowed = new ArrayList<String>();
        definition.path("AllowedValues").forEach(value -> allowed.add(value.asText()));
        if (!allowed.isEmpty() && !allowed.contains(text))
            throw refused(name, definition, text, "allowed are " + allowed);
        var pattern = definition.path("AllowedPattern").asText();
        if (!pattern.isEmpty() && !text.matches(pattern)) {
            throw refused(name, definition, text, "it must match " + pattern);
        }
        if (text.length() < definition.path("MinLength").asInt(0)
                || text.length() > definition.path("MaxLength").asInt(4096)) {
            throw refused(name, definition, text, "it has " + text.length() + " characters");
        }
        if (type.equals("Number")) checkNumber(name, definition, text);
    }

    private static void checkNumber(String name, JsonNode definition, String text) {
        BigDecimal number;
        try {
            number = new BigDecimal(text);
        } catch (NumberFormatException noNumber) {
            throw refused(name, definition, text, "it must be a number");
        }
        var least = definition.path("MinValue").asText();
        var most = definition.path("MaxValue").asText();
        if (!least.isEmpty() && number.compareTo(new BigDecimal(least)) < 0) {
            throw refused(name, definition, text, "it must be at least " + least);
        }
        if (!most.isEmpty() && number.compareTo(new BigDecimal(most)) > 0) {
            throw refused(name, definition, text, "it must be at most " + most);
        }
    }

    private static TemplateException refused(String name, JsonNode definition, String text, String why) {
        var shown = definition.path("NoEcho").asBoolean() ? "****" : text;
        var described = definition.path("ConstraintDescription").asText();
        return new TemplateException("Parameter " + name + " cannot be '" + shown + "': " + why
                + (described.isEmpty() ? "" : ". " + described));
    }

    Optional<JsonNode> value(String name) {
        return Optional.ofNullable(values.get(name));
    }

    Map<String, String> texts() {
        return Map.copyOf(texts);
    }
}
