package cloudhsm.pipeline.localcloud.states;

import com.dashjoin.jsonata.JException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Set;

/**
 * What is wrong with the expressions of a field: they parse, read nothing from a context at the top level, where Step
 * Functions has none, and of {@code $states} only what exists where they stand.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html">Transforming data with
 *     JSONata</a>
 */
final class ExpressionCheck {
    private static final Set<String> ALWAYS = Set.of("input", "context");

    private final Diagnostics diagnostics;

    ExpressionCheck(Diagnostics diagnostics) {
        this.diagnostics = diagnostics;
    }

    /**
     * @param template any JSON, or missing
     * @param readable what is there besides input and context: result, errorOutput, context.Task, context.Map
     */
    void check(JsonNode template, String location, Set<String> readable) {
        if (template.isTextual()) checkText(template.asText(), location, readable);
        template.properties().forEach(member -> check(member.getValue(), location + "/" + member.getKey(), readable));
        if (!template.isArray()) return;
        for (int i = 0; i < template.size(); i++) check(template.get(i), location + "[" + i + "]", readable);
    }

    private void checkText(String text, String location, Set<String> readable) {
        if (!Expressions.isExpression(text)) {
            var stripped = text.strip();
            if (stripped.startsWith("{%") || stripped.endsWith("%}")) {
                invalid("A JSONata expression begins with {% and ends with %}, without white space around", location);
            }
            return;
        }
        try {
            check(JsonataReferences.of(Expressions.inner(text)), location, readable);
        } catch (JException malformed) {
            invalid(malformed.getMessage(), location);
        }
    }

    private void check(JsonataReferences references, String location, Set<String> readable) {
        for (var name : references.topLevel()) {
            unsupported("Reference to '" + name + "' at the top level is not supported.", location);
        }
        if (references.root()) unsupported("Reference to '$$' is not supported.", location);
        references.states().stream()
                .map(ExpressionCheck::field)
                .distinct()
                .filter(field -> !ALWAYS.contains(field) && !readable.contains(field))
                .forEach(field -> unsupported("Field '$states." + field + "' does not exist.", location));
    }

    /** The field of {@code $states} that a path goes through; of the context object only what is not always there. */
    private static String field(List<String> path) {
        var ofContext = path.getFirst().equals("context") && path.size() > 1;
        return ofContext && Set.of("Task", "Map").contains(path.get(1)) ? "context." + path.get(1) : path.getFirst();
    }

    private void invalid(String message, String location) {
        diagnostics.add("INVALID_JSONATA_EXPRESSION", message, location);
    }

    private void unsupported(String message, String location) {
        diagnostics.add("UNSUPPORTED_JSONATA_EXPRESSION", message, location);
    }
}
