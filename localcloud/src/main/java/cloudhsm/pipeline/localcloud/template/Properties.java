package cloudhsm.pipeline.localcloud.template;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The resolved properties of a resource. Remembers which were read, so that none is left out in silence. */
final class Properties {
    private final String where;
    private final JsonNode properties;
    private final Set<String> read = new HashSet<>();

    /** @param where for messages, for example {@code Resource Queue (AWS::SQS::Queue)} */
    Properties(String where, JsonNode properties) {
        this.where = where;
        this.properties = properties;
    }

    TemplateException invalid(String why) {
        return new TemplateException(where + ": " + why);
    }

    /** Missing where the property is absent. */
    JsonNode node(String name) {
        read.add(name);
        var value = properties.path(name);
        return value.isNull() ? MissingNode.getInstance() : value;
    }

    boolean has(String name) {
        return !node(name).isMissingNode();
    }

    Optional<String> text(String name) {
        var value = node(name);
        if (value.isMissingNode()) return Optional.empty();
        if (value.isContainerNode()) throw invalid("Property " + name + " must be a text");
        return Optional.of(value.asText());
    }

    String required(String name) {
        return text(name).orElseThrow(() -> invalid("Property " + name + " is required"));
    }

    JsonNode requiredNode(String name) {
        if (!has(name)) throw invalid("Property " + name + " is required");
        return node(name);
    }

    int number(String name, int otherwise) {
        var value = text(name);
        if (value.isEmpty()) return otherwise;
        if (!value.get().matches("-?\\d{1,9}")) throw invalid("Property " + name + " must be a whole number");
        return Integer.parseInt(value.get());
    }

    Properties nested(String name) {
        return new Properties(where + " " + name, node(name));
    }

    Map<String, String> texts(String name) {
        var texts = new LinkedHashMap<String, String>();
        node(name)
                .properties()
                .forEach(entry -> texts.put(entry.getKey(), entry.getValue().asText()));
        return texts;
    }

    /** Properties that AWS has and that change nothing here. */
    Properties withoutEffect(String... names) {
        read.addAll(Set.of(names));
        return this;
    }

    /** The properties as an input of the type's API, without those named; all of them count as read. */
    ObjectNode input(String... without) {
        var input = properties.isObject()
                ? ((ObjectNode) properties).deepCopy()
                : cloudhsm.pipeline.localcloud.protocol.Json.object();
        input.fieldNames().forEachRemaining(read::add);
        input.remove(Set.of(without));
        return input;
    }

    /** @throws TemplateException naming a property that nothing has read */
    void requireAllRead() {
        for (var name : (Iterable<String>) properties::fieldNames) {
            if (!read.contains(name)) throw invalid("the embedded AWS does not support the property " + name);
        }
    }
}
