package cloudhsm.pipeline.localcloud.states;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Optional;

/**
 * An expression and what came of it.
 *
 * @param expression JSONata, without its brackets
 * @param states {@code $states}
 * @param variables by name, those of outer scopes too
 * @param now what {@code $now()} said
 * @param result empty where the evaluation failed, or gave nothing
 */
public record Evaluation(
        String expression, JsonNode states, Map<String, JsonNode> variables, String now, Optional<JsonNode> result) {
    public Evaluation {
        variables = Map.copyOf(variables);
    }
}
