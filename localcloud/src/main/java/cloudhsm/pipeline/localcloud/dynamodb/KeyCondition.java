package cloudhsm.pipeline.localcloud.dynamodb;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * What a Query asks of the keys: the partition key's value, and possibly one condition on the sort key.
 *
 * @param partitionValue what the partition key must equal
 */
record KeyCondition(JsonNode partitionValue, Condition condition) {
    /** @throws cloudhsm.pipeline.localcloud.protocol.AwsException ValidationException if it asks more or less than that */
    static KeyCondition parse(ExpressionTokens tokens, Table table) {
        var condition = Condition.parse(tokens);
        JsonNode partitionValue = null;
        var onSortKey = 0;
        for (var part : conjuncts(condition)) {
            var attribute = attribute(part);
            if (attribute.equals(table.partitionKey())) {
                if (partitionValue != null
                        || !(part instanceof Condition.Comparison equality)
                        || !equality.comparator().equals("=")) {
                    throw AttributeValues.invalid("Query key condition not supported");
                }
                partitionValue = ((Condition.Value) equality.right()).value();
            } else if (table.sortKey().map(attribute::equals).orElse(false)) {
                onSortKey++;
            } else {
                throw missed(table.partitionKey());
            }
        }
        if (partitionValue == null) throw missed(table.partitionKey());
        if (onSortKey > 1) {
            throw tokens.invalid("KeyConditionExpressions must only contain one condition per key");
        }
        return new KeyCondition(partitionValue, condition);
    }

    private static RuntimeException missed(String key) {
        return AttributeValues.invalid("Query condition missed key schema element: " + key);
    }

    private static List<Condition> conjuncts(Condition condition) {
        if (!(condition instanceof Condition.And and)) return List.of(condition);
        var conjuncts = new ArrayList<>(conjuncts(and.left()));
        conjuncts.addAll(conjuncts(and.right()));
        return conjuncts;
    }

    private static String attribute(Condition part) {
        if (part instanceof Condition.Comparison comparison
                && !comparison.comparator().equals("<>")
                && comparison.left() instanceof Condition.Path path
                && comparison.right() instanceof Condition.Value) {
            return path.path().attribute();
        }
        if (part instanceof Condition.Between between && between.operand() instanceof Condition.Path path) {
            return path.path().attribute();
        }
        if (part instanceof Condition.Function function
                && function.name().equals("begins_with")
                && function.subject() instanceof Condition.Path path) {
            return path.path().attribute();
        }
        throw AttributeValues.invalid("Invalid operator used in KeyConditionExpression");
    }
}
