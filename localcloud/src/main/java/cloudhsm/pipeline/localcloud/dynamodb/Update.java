package cloudhsm.pipeline.localcloud.dynamodb;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;

/**
 * An update expression: SET, REMOVE, ADD and DELETE, each at most once. Operands are read from the item as it was.
 *
 * @see <a
 *     href="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html">Update
 *     expressions</a>
 */
final class Update {
    /** A value made of the item as it was. */
    @FunctionalInterface
    private interface Operand {
        JsonNode in(ObjectNode item);
    }

    private record Action(String clause, DocumentPath path, Operand operand) {}

    private final List<Action> actions = new ArrayList<>();
    private final ExpressionTokens tokens;

    /** @throws AwsException ValidationException where the syntax is wrong or two paths overlap */
    Update(ExpressionTokens tokens) {
        this.tokens = tokens;
        var clauses = new HashSet<String>();
        while (!tokens.ended()) {
            var clause = tokens.next().toUpperCase(Locale.ROOT);
            if (!List.of("SET", "REMOVE", "ADD", "DELETE").contains(clause)) {
                throw tokens.invalid("Syntax error; token: \"" + clause + "\"");
            }
            if (!clauses.add(clause)) {
                throw tokens.invalid("The \"" + clause + "\" section can only be used once in an update expression;");
            }
            do add(clause);
            while (tokens.accept(","));
        }
    }

    private void add(String clause) {
        var path = tokens.path();
        for (var action : actions) {
            if (action.path.overlaps(path)) {
                throw tokens.invalid("Two document paths overlap with each other; must remove or rewrite one of these"
                        + " paths; path one: " + action.path.steps() + ", path two: " + path.steps());
            }
        }
        switch (clause) {
            case "SET" -> {
                tokens.expect("=");
                actions.add(new Action(clause, path, sum()));
            }
            case "REMOVE" -> actions.add(new Action(clause, path, null));
            default -> {
                if (!tokens.atValue()) throw tokens.unexpected();
                var value = tokens.value();
                actions.add(new Action(clause, path, item -> value));
            }
        }
    }

    private Operand sum() {
        var left = operand();
        if (tokens.accept("+")) {
            var right = operand();
            return item -> added(left.in(item), right.in(item), 1);
        }
        if (tokens.accept("-")) {
            var right = operand();
            return item -> added(left.in(item), right.in(item), -1);
        }
        return left;
    }

    private Operand operand() {
        if (tokens.atValue()) {
            var value = tokens.value();
            return item -> value;
        }
        if (tokens.acceptFunction("if_not_exists")) {
            var path = tokens.path();
            tokens.expect(",");
            var otherwise = operand();
            tokens.expect(")");
            return item -> path.in(item).orElseGet(() -> otherwise.in(item));
        }
        if (tokens.acceptFunction("list_append")) {
            var first = operand();
            tokens.expect(",");
            var second = operand();
            tokens.expect(")");
            return item -> appended(first.in(item), second.in(item));
        }
        var path = tokens.path();
        return item -> path.in(item)
                .orElseThrow(() -> AttributeValues.invalid(
                        "The provided expression refers to an attribute that does not exist in the item"));
    }

    private static AwsException wrongType() {
        return AttributeValues.invalid("An operand in the update expression has an incorrect data type");
    }

    private static JsonNode added(JsonNode left, JsonNode right, int sign) {
        if (!left.has("N") || !right.has("N")) throw wrongType();
        var number = AttributeValues.number(right.get("N"));
        var sum = AttributeValues.number(left.get("N")).add(sign > 0 ? number : number.negate());
        return Json.object().put("N", sum.toPlainString());
    }

    private static JsonNode appended(JsonNode first, JsonNode second) {
        if (!first.has("L") || !second.has("L")) throw wrongType();
        var list = Json.array();
        first.get("L").forEach(list::add);
        second.get("L").forEach(list::add);
        return Json.object().set("L", list);
    }

    /** The top-level attributes that this update writes. */
    List<String> attributes() {
        return actions.stream()
                .map(action -> action.path.attribute())
                .distinct()
                .toList();
    }

    /** The item after the update; the given one is left as it is. */
    ObjectNode applied(ObjectNode item) {
        var updated = item.deepCopy();
        for (var action : actions) {
            switch (action.clause) {
                case "SET" -> action.path.set(updated, action.operand.in(item).deepCopy());
                case "ADD" -> add(action, item, updated);
                case "DELETE" -> delete(action, item, updated);
                default -> {}
            }
        }
        // From the end of each list, so that an element's removal does not move the next one to be removed.
        actions.stream()
                .filter(action -> action.clause.equals("REMOVE"))
                .sorted(Comparator.comparing((Action action) -> lastIndex(action.path))
                        .reversed())
                .forEach(action -> action.path.remove(updated));
        return updated;
    }

    private static Integer lastIndex(DocumentPath path) {
        return path.steps().getLast() instanceof Integer index ? index : -1;
    }

    private static void add(Action action, ObjectNode item, ObjectNode updated) {
        var value = action.operand.in(item);
        var old = action.path.in(item);
        if (value.has("N")) {
            var sum = added(old.orElseGet(() -> Json.object().put("N", "0")), value, 1);
            action.path.set(updated, sum);
            return;
        }
        var type = setType(value);
        if (old.isPresent() && !old.get().has(type)) throw wrongType();
        var members = Json.array();
        var seen = new HashSet<String>();
        old.ifPresent(set -> set.get(type).forEach(member -> {
            if (seen.add(member.asText())) members.add(member);
        }));
        value.get(type).forEach(member -> {
            if (seen.add(member.asText())) members.add(member);
        });
        action.path.set(updated, Json.object().set(type, members));
    }

    private static void delete(Action action, ObjectNode item, ObjectNode updated) {
        var value = action.operand.in(item);
        var type = setType(value);
        var old = action.path.in(item);
        if (old.isEmpty()) return;
        if (!old.get().has(type)) throw wrongType();
        var gone = new HashSet<String>();
        value.get(type).forEach(member -> gone.add(member.asText()));
        var members = Json.array();
        old.get().get(type).forEach(member -> {
            if (!gone.contains(member.asText())) members.add(member);
        });
        if (members.isEmpty()) action.path.remove(updated);
        else action.path.set(updated, Json.object().set(type, members));
    }

    private static String setType(JsonNode value) {
        var type = AttributeValues.type(value);
        if (type.length() != 2) throw wrongType();
        return type;
    }
}
