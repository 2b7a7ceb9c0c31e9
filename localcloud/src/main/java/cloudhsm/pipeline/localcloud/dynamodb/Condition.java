package cloudhsm.pipeline.localcloud.dynamodb;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;

/**
 * A condition, filter or key condition, ready to be asked of an item.
 *
 * @see <a
 *     href="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html">Condition
 *     and filter expressions</a>
 */
interface Condition {
    /** @param item empty where there is none */
    boolean holds(ObjectNode item);

    /** What a condition compares: a part of the item, a value, or the size of a part. */
    sealed interface Operand {
        Optional<JsonNode> in(ObjectNode item);
    }

    record Path(DocumentPath path) implements Operand {
        @Override
        public Optional<JsonNode> in(ObjectNode item) {
            return path.in(item);
        }
    }

    record Value(JsonNode value) implements Operand {
        @Override
        public Optional<JsonNode> in(ObjectNode item) {
            return Optional.of(value);
        }
    }

    record Size(DocumentPath path) implements Operand {
        @Override
        public Optional<JsonNode> in(ObjectNode item) {
            var size = path.in(item).map(AttributeValues::size).orElse(java.util.OptionalInt.empty());
            return size.isPresent()
                    ? Optional.of(Json.object().put("N", String.valueOf(size.getAsInt())))
                    : Optional.empty();
        }
    }

    record And(Condition left, Condition right) implements Condition {
        @Override
        public boolean holds(ObjectNode item) {
            return left.holds(item) && right.holds(item);
        }
    }

    record Or(Condition left, Condition right) implements Condition {
        @Override
        public boolean holds(ObjectNode item) {
            return left.holds(item) || right.holds(item);
        }
    }

    record Not(Condition condition) implements Condition {
        @Override
        public boolean holds(ObjectNode item) {
            return !condition.holds(item);
        }
    }

    record Comparison(Operand left, String comparator, Operand right) implements Condition {
        @Override
        public boolean holds(ObjectNode item) {
            var a = left.in(item);
            var b = right.in(item);
            if (comparator.equals("<>")) return a.isEmpty() || b.isEmpty() || !AttributeValues.same(a.get(), b.get());
            if (a.isEmpty() || b.isEmpty()) return false;
            if (comparator.equals("=")) return AttributeValues.same(a.get(), b.get());
            var order = AttributeValues.order(a.get(), b.get());
            if (order.isEmpty()) return false;
            return switch (comparator) {
                case "<" -> order.getAsInt() < 0;
                case "<=" -> order.getAsInt() <= 0;
                case ">" -> order.getAsInt() > 0;
                default -> order.getAsInt() >= 0;
            };
        }
    }

    record Between(Operand operand, Operand lower, Operand upper) implements Condition {
        @Override
        public boolean holds(ObjectNode item) {
            return new Comparison(operand, ">=", lower).holds(item) && new Comparison(operand, "<=", upper).holds(item);
        }
    }

    record In(Operand operand, List<Operand> choices) implements Condition {
        @Override
        public boolean holds(ObjectNode item) {
            return choices.stream().anyMatch(choice -> new Comparison(operand, "=", choice).holds(item));
        }
    }

    record Exists(DocumentPath path) implements Condition {
        @Override
        public boolean holds(ObjectNode item) {
            return path.in(item).isPresent();
        }
    }

    /** attribute_type, begins_with or contains. */
    record Function(String name, Operand subject, Operand argument) implements Condition {
        @Override
        public boolean holds(ObjectNode item) {
            var a = subject.in(item);
            var b = argument.in(item);
            if (a.isEmpty() || b.isEmpty()) return false;
            return switch (name) {
                case "attribute_type" ->
                    AttributeValues.type(a.get())
                            .equals(AttributeValues.content(b.get()).asText());
                case "begins_with" -> AttributeValues.beginsWith(a.get(), b.get());
                default -> AttributeValues.contains(a.get(), b.get());
            };
        }
    }

    /** @throws cloudhsm.pipeline.localcloud.protocol.AwsException ValidationException where the syntax is wrong */
    static Condition parse(ExpressionTokens tokens) {
        var condition = or(tokens);
        if (!tokens.ended()) throw tokens.unexpected();
        return condition;
    }

    private static Condition or(ExpressionTokens tokens) {
        var condition = and(tokens);
        while (tokens.accept("OR")) condition = new Or(condition, and(tokens));
        return condition;
    }

    private static Condition and(ExpressionTokens tokens) {
        var condition = not(tokens);
        while (tokens.accept("AND")) condition = new And(condition, not(tokens));
        return condition;
    }

    private static Condition not(ExpressionTokens tokens) {
        if (tokens.accept("NOT")) return new Not(not(tokens));
        if (tokens.accept("(")) {
            var condition = or(tokens);
            tokens.expect(")");
            return condition;
        }
        if (tokens.acceptFunction("attribute_exists")) return exists(tokens);
        if (tokens.acceptFunction("attribute_not_exists")) return new Not(exists(tokens));
        for (var function : List.of("attribute_type", "begins_with", "contains")) {
            if (!tokens.acceptFunction(function)) continue;
            var subject = operand(tokens);
            tokens.expect(",");
            var argument = operand(tokens);
            tokens.expect(")");
            return new Function(function, subject, argument);
        }
        return comparison(tokens);
    }

    private static Condition exists(ExpressionTokens tokens) {
        var path = tokens.path();
        tokens.expect(")");
        return new Exists(path);
    }

    private static Condition comparison(ExpressionTokens tokens) {
        var left = operand(tokens);
        if (tokens.accept("BETWEEN")) {
            var lower = operand(tokens);
            tokens.expect("AND");
            return new Between(left, lower, operand(tokens));
        }
        if (tokens.accept("IN")) {
            var choices = new java.util.ArrayList<Operand>();
            tokens.expect("(");
            do choices.add(operand(tokens));
            while (tokens.accept(","));
            tokens.expect(")");
            return new In(left, List.copyOf(choices));
        }
        if (!List.of("=", "<>", "<", "<=", ">", ">=").contains(tokens.peek())) throw tokens.unexpected();
        return new Comparison(left, tokens.next(), operand(tokens));
    }

    private static Operand operand(ExpressionTokens tokens) {
        if (tokens.atValue()) return new Value(tokens.value());
        if (tokens.acceptFunction("size")) {
            var path = tokens.path();
            tokens.expect(")");
            return new Size(path);
        }
        return new Path(tokens.path());
    }
}
