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
    /** @throws cloudhsm.pipeline.localcloud.http.AwsException ValidationException if it asks more or less than that */
    static KeyCondition parse(ExpressionTokens tokens, Table table) {
        var condition = Condition.parse(tokens);
        JsonNode partitionValue = null;
        var onSortKey = 0;
        for (var part : conjuncts(condition)) {
            var attribute = attribute(part);
            if (attribute.equals(table.partitionKey())) {
                if (partitionValue != null || !(part instanceof Condition.Comparison equality)
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
        return switch (part) {
            case Condition.Comparison(Condition.Path path, String comparator, Condition.Value any)
            when !comparator.equals("<>") -> path.path().attribute();
            case Condition.Between(Condition.Path path, Condition.Value lower, Condition.Value upper) ->
                path.path().attribute();
            case Condition.Function(String name, Condition.Path path, Condition.Value any)
            when name.equals("begins_with") -> path.path().attribute();
            default -> throw AttributeValues.invalid("Invalid operator used in KeyConditionExpression");
        };
    }
}
