package cloudhsm.pipeline.localcloud.states;

import com.dashjoin.jsonata.JException;
import com.dashjoin.jsonata.Parser;
import com.dashjoin.jsonata.Parser.Symbol;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a JSONata expression reads. Only the first step of a path is read at the top level: the steps behind it, predicates,
 * orders and groups are read from what the step before them gave; a function's body stands where it is defined.
 */
final class JsonataReferences {
    /** Parts of the parse tree that are evaluated where the part around them is. */
    private static final Map<String, Field> IN_PLACE = fields(
            "lhs",
            "rhs",
            "lhsObject",
            "expression",
            "expressions",
            "procedure",
            "arguments",
            "body",
            "condition",
            "then",
            "_else");

    /** Parts that are evaluated for what another part gave. */
    private static final Map<String, Field> RELATIVE =
            fields("predicate", "stages", "expr", "group", "terms", "pattern", "update", "delete");

    private static final Map<String, Field> OWN = fields("type", "value", "steps");

    private final Set<String> topLevel = new LinkedHashSet<>();
    private final Set<List<String>> states = new LinkedHashSet<>();
    private boolean root;

    private JsonataReferences() {}

    /** @throws JException in the words of the parser, which AWS repeats, where it is no expression */
    static JsonataReferences of(String expression) {
        var references = new JsonataReferences();
        references.visit(new Parser().parse(expression), true);
        return references;
    }

    /** Names, {@code $} and wildcards that are read from the context at the top level, where there is none. */
    Set<String> topLevel() {
        return topLevel;
    }

    /** Whether it reads {@code $$}. */
    boolean root() {
        return root;
    }

    /** What follows {@code $states}: {@code [context, Task, Token]} for {@code $states.context.Task.Token}. */
    Set<List<String>> states() {
        return states;
    }

    private void visit(Object part, boolean top) {
        switch (part) {
            case Symbol symbol -> visitSymbol(symbol, top);
            case List<?> parts -> parts.forEach(each -> visit(each, top));
            case Object[] pair -> {
                for (var each : pair) visit(each, top);
            }
            case null, default -> {}
        }
    }

    private void visitSymbol(Symbol symbol, boolean top) {
        var value = String.valueOf(read(OWN.get("value"), symbol));
        switch (String.valueOf(read(OWN.get("type"), symbol))) {
            case "name" -> topLevel(value, top);
            case "wildcard" -> topLevel("*", top);
            case "descendant" -> topLevel("**", top);
            case "variable" -> {
                if (value.isEmpty()) topLevel("$", top);
                if (value.equals("$")) root = true;
            }
            default -> {}
        }
        if (read(OWN.get("steps"), symbol) instanceof List<?> steps) {
            for (int i = 0; i < steps.size(); i++) visit(steps.get(i), top && i == 0);
            addStates(steps);
        }
        IN_PLACE.values().forEach(field -> visit(read(field, symbol), top));
        RELATIVE.values().forEach(field -> visit(read(field, symbol), false));
    }

    private void topLevel(String name, boolean top) {
        if (top) topLevel.add(name);
    }

    private void addStates(List<?> steps) {
        if (!is(steps.getFirst(), "variable") || !"states".equals(read(OWN.get("value"), steps.getFirst()))) return;
        var names = new ArrayList<String>();
        for (var step : steps.subList(1, steps.size())) {
            if (!is(step, "name")) break;
            names.add(String.valueOf(read(OWN.get("value"), step)));
        }
        if (!names.isEmpty()) states.add(List.copyOf(names));
    }

    private static boolean is(Object symbol, String type) {
        return type.equals(read(OWN.get("type"), symbol));
    }

    /** The library keeps its parse tree to itself; another version without these fields fails here, in every test. */
    private static Map<String, Field> fields(String... names) {
        var fields = new LinkedHashMap<String, Field>();
        try {
            for (var name : names) {
                var field = Symbol.class.getDeclaredField(name);
                field.setAccessible(true);
                fields.put(name, field);
            }
        } catch (NoSuchFieldException renamed) {
            throw new IllegalStateException(renamed);
        }
        return fields;
    }

    private static Object read(Field field, Object symbol) {
        try {
            return field.get(symbol);
        } catch (IllegalAccessException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
