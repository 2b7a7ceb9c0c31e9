package cloudhsm.pipeline.provisioning.input;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** Reads one JSON object member by member; what is not as it should be becomes a problem, and counts as absent. */
public final class Fields {
    private static final Pattern DEPLOYMENT = Pattern.compile("[a-z0-9-]{1,32}");

    private final JsonNode object;
    private final String path;
    private final Problems problems;
    private final TreeSet<String> known = new TreeSet<>();

    private Fields(JsonNode object, String path, Problems problems) {
        this.object = object;
        this.path = path;
        this.problems = problems;
    }

    /** The whole execution input. */
    public static Fields of(JsonNode input, Problems problems) {
        if (input.isObject()) return new Fields(input, "", problems);
        problems.add(Problems.WHOLE_INPUT, "the execution input must be a JSON object, not " + type(input));
        return new Fields(JsonNodeFactory.instance.objectNode(), "", problems);
    }

    /** Where the member is, for a message. */
    public String path(String name) {
        return path + name;
    }

    /** The member as an object of its own; without members if it is absent. */
    public Fields object(String name) {
        var member = member(name, "an object", JsonNode::isObject);
        return new Fields(member.orElseGet(JsonNodeFactory.instance::objectNode), path + name + ".", problems);
    }

    /** The members of an array, each as an object of its own; none if it is absent. */
    public List<Fields> objects(String name) {
        var objects = new ArrayList<Fields>();
        var array = member(name, "an array of objects", JsonNode::isArray);
        for (var element : array.orElseGet(JsonNodeFactory.instance::arrayNode)) {
            var place = path + name + "[" + objects.size() + "]";
            if (!element.isObject()) problems.add(place, "must be an object, not " + type(element));
            objects.add(new Fields(
                    element.isObject() ? element : JsonNodeFactory.instance.objectNode(), place + ".", problems));
        }
        return objects;
    }

    public Optional<String> text(String name) {
        return member(name, "text", JsonNode::isTextual).map(JsonNode::textValue);
    }

    /** The member {@code deployment}; absent as well if no deployment can be called so. */
    public Optional<String> deployment() {
        var name = text("deployment");
        if (name.isEmpty() || DEPLOYMENT.matcher(name.get()).matches()) return name;
        problems.add(
                path("deployment"),
                "\"" + shortened(name.get())
                        + "\" must have 1 to 32 characters, all lower-case letters, digits or hyphens");
        return Optional.empty();
    }

    public Optional<Boolean> flag(String name) {
        return member(name, "true or false", JsonNode::isBoolean).map(JsonNode::booleanValue);
    }

    public Optional<Integer> integer(String name) {
        return member(name, "a whole number", node -> node.isIntegralNumber() && node.canConvertToInt())
                .map(JsonNode::intValue);
    }

    public Optional<BigDecimal> decimal(String name) {
        return member(name, "a number", JsonNode::isNumber).map(JsonNode::decimalValue);
    }

    /** The member as it is; an object. */
    public Optional<JsonNode> json(String name) {
        return member(name, "an object", JsonNode::isObject);
    }

    /** An array of texts; empty if absent. */
    public List<String> texts(String name) {
        var texts = new ArrayList<String>();
        var array = member(name, "an array of texts", JsonNode::isArray);
        if (array.isEmpty()) return texts;
        for (var element : array.get()) {
            if (element.isTextual()) {
                texts.add(element.textValue());
            } else {
                problems.add(path + name, "must be an array of texts, but it has " + type(element) + " in it");
            }
        }
        return texts;
    }

    /** Reports every member that was not asked for. */
    public void refuseOthers() {
        object.fieldNames().forEachRemaining(name -> {
            if (!known.contains(name)) {
                problems.add(path + name, "is not a known field; here are " + String.join(", ", known));
            }
        });
    }

    private interface Test {
        boolean accepts(JsonNode node);
    }

    private Optional<JsonNode> member(String name, String wanted, Test test) {
        known.add(name);
        var member = object.get(name);
        if (member == null) return Optional.empty();
        if (test.accepts(member)) return Optional.of(member);
        problems.add(path + name, "must be " + wanted + ", not " + type(member));
        return Optional.empty();
    }

    private static String type(JsonNode node) {
        return switch (node.getNodeType()) {
            case ARRAY -> "an array";
            case OBJECT -> "an object";
            case STRING -> "the text \"" + shortened(node.textValue()) + "\"";
            case NULL -> "null";
            case NUMBER, BOOLEAN -> "" + node;
            case BINARY, MISSING, POJO -> node.getNodeType().toString().toLowerCase(Locale.ROOT);
        };
    }

    private static String shortened(String text) {
        return text.length() <= 40 ? text : text.substring(0, 40) + "…";
    }
}
