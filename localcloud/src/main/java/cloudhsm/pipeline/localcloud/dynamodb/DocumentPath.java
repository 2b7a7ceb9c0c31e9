package cloudhsm.pipeline.localcloud.dynamodb;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;

/**
 * Where in an item: an attribute, or a part of a map or list within it.
 *
 * @param steps a String names a map's entry, an Integer a list's element
 */
record DocumentPath(List<Object> steps) {
    DocumentPath {
        steps = List.copyOf(steps);
    }

    /** The top-level attribute. */
    String attribute() {
        return (String) steps.getFirst();
    }

    boolean overlaps(DocumentPath other) {
        var common = Math.min(steps.size(), other.steps.size());
        return steps.subList(0, common).equals(other.steps.subList(0, common));
    }

    Optional<JsonNode> in(ObjectNode item) {
        var value = item.path(attribute());
        for (var step : steps.subList(1, steps.size())) {
            value = step instanceof Integer index
                    ? value.path("L").path(index)
                    : value.path("M").path((String) step);
        }
        return value.isMissingNode() ? Optional.empty() : Optional.of(value);
    }

    void set(ObjectNode item, JsonNode value) {
        if (steps.size() == 1) {
            item.set(attribute(), value);
            return;
        }
        var parent = parent(item);
        if (steps.getLast() instanceof Integer index && parent.get("L") instanceof ArrayNode list) {
            if (index < list.size()) list.set(index, value);
            else list.add(value);
        } else if (steps.getLast() instanceof String name && parent.get("M") instanceof ObjectNode map) {
            map.set(name, value);
        } else {
            throw wrong();
        }
    }

    void remove(ObjectNode item) {
        if (steps.size() == 1) {
            item.remove(attribute());
            return;
        }
        var parent = parent(item);
        if (steps.getLast() instanceof Integer index && parent.get("L") instanceof ArrayNode list) list.remove(index);
        else if (steps.getLast() instanceof String name && parent.get("M") instanceof ObjectNode map) map.remove(name);
        else throw wrong();
    }

    private JsonNode parent(ObjectNode item) {
        return new DocumentPath(steps.subList(0, steps.size() - 1)).in(item).orElseThrow(DocumentPath::wrong);
    }

    private static RuntimeException wrong() {
        return AttributeValues.invalid("The document path provided in the update expression is invalid for update");
    }

    /** Only these parts of the item, as ProjectionExpression asks. */
    static ObjectNode project(ObjectNode item, List<DocumentPath> paths) {
        var projected = Json.object();
        for (var path : paths) path.in(item).ifPresent(value -> path.place(projected, value));
        return projected;
    }

    private void place(ObjectNode projected, JsonNode value) {
        if (steps.size() == 1) {
            projected.set(attribute(), value);
            return;
        }
        var parent = projected.withObjectProperty(attribute());
        for (var i = 1; i < steps.size(); i++) {
            if (!(steps.get(i) instanceof String name)) {
                throw AttributeValues.invalid("The embedded AWS projects attributes and parts of maps, not of lists");
            }
            var map = parent.withObjectProperty("M");
            if (i == steps.size() - 1) map.set(name, value);
            else parent = map.withObjectProperty(name);
        }
    }
}
