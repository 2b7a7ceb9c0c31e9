package cloudhsm.pipeline.localcloud.states;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.Map;

/** The variables of one scope: a machine's run, one branch of a Parallel, one iteration of a Map. */
final class Variables {
    private final Variables outer;
    private final Map<String, JsonNode> own = new LinkedHashMap<>();

    /** @param outer null for the outermost scope */
    Variables(Variables outer) {
        this.outer = outer;
    }

    void assign(JsonNode values) {
        values.properties().forEach(variable -> own.put(variable.getKey(), variable.getValue()));
    }

    /** Every variable that can be read here. */
    Map<String, JsonNode> visible() {
        var visible = outer == null ? new LinkedHashMap<String, JsonNode>() : outer.visible();
        visible.putAll(own);
        return visible;
    }
}
