package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The input of the query protocols, taken together from the parameters that carry it. */
final class QueryInput {
    private static final Set<String> NOT_OF_THE_INPUT = Set.of("Action", "Version");

    private final ServiceModel model;
    private final boolean ec2;
    private final Map<String, String> parameters;
    private final Set<String> unread;

    /** @param parameters by their whole name, for example {@code Filter.1.Value.2} */
    QueryInput(ServiceModel model, Map<String, String> parameters) {
        this.model = model;
        this.ec2 = model.protocol().equals("ec2");
        this.parameters = parameters;
        this.unread = new TreeSet<>(parameters.keySet());
        unread.removeAll(NOT_OF_THE_INPUT);
    }

    /** What no member of the shape stands for is there under its parameter's name, so that it is found unknown. */
    ObjectNode read(Shape shape) {
        var input = structure(shape, "");
        unread.forEach(parameter -> input.put(parameter, parameters.get(parameter)));
        return input;
    }

    private ObjectNode structure(Shape shape, String prefix) {
        var structure = Json.object();
        for (var member : shape.members().values()) {
            var value = value(model.shape(member), prefix + name(member), member.flattened());
            if (value != null) structure.set(member.name(), value);
        }
        return structure;
    }

    private String name(Shape.Member member) {
        return ec2 ? member.queryName() : member.wireName();
    }

    /** Null where no parameter belongs to it. */
    private JsonNode value(Shape shape, String name, boolean flattened) {
        return switch (shape.type()) {
            case "structure" -> {
                var structure = structure(shape, name + ".");
                yield structure.isEmpty() && absent(name + ".") ? null : structure;
            }
            case "list" -> list(shape, name, ec2 || flattened || shape.flattened());
            case "map" -> map(shape, name, flattened || shape.flattened());
            default -> {
                unread.remove(name);
                yield parameters.containsKey(name) ? Text.value(shape, parameters.get(name)) : null;
            }
        };
    }

    private JsonNode list(Shape shape, String name, boolean flattened) {
        var element = shape.element().orElseThrow();
        // An empty list is sent as the bare name.
        var given = unread.remove(name) ? Json.array() : null;
        var prefix = flattened ? name : name + "." + element.wireName();
        for (int i = 1; !absent(prefix + "." + i); i++) {
            if (given == null) given = Json.array();
            var value = value(model.shape(element), prefix + "." + i, false);
            given.add(value == null ? Json.object() : value);
        }
        return given;
    }

    private JsonNode map(Shape shape, String name, boolean flattened) {
        var map = Json.object();
        var prefix = flattened ? name : name + ".entry";
        for (int i = 1; !absent(prefix + "." + i + "."); i++) {
            var keyName = prefix + "." + i + "." + shape.key().orElseThrow().wireName();
            unread.remove(keyName);
            var element = shape.element().orElseThrow();
            var value = value(model.shape(element), prefix + "." + i + "." + element.wireName(), false);
            map.set(parameters.getOrDefault(keyName, ""), value == null ? Json.object() : value);
        }
        return map.isEmpty() ? null : map;
    }

    private boolean absent(String prefix) {
        return parameters.keySet().stream()
                .noneMatch(parameter ->
                        parameter.equals(prefix) || parameter.startsWith(prefix.endsWith(".") ? prefix : prefix + "."));
    }
}
