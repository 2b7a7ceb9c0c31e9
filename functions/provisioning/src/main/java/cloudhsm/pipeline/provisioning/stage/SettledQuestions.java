package cloudhsm.pipeline.provisioning.stage;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemRequest;

/**
 * The answers that an execution has met, in the pipeline's table: one item for each execution under the partition key
 * SETTLED, with an attribute for each answer, named by question and answer, whose value is when it was met first. They are
 * for people: where they cannot be written or read, the log says so and the execution goes on.
 */
public final class SettledQuestions {
    /** After the last answer, or the last long wait; then DynamoDB removes the item. */
    private static final Duration KEPT = Duration.ofDays(2);

    /** Characters of an answer; AWS's words are shorter. */
    private static final int LONGEST = 500;

    private static final Set<String> OTHER_ATTRIBUTES = Set.of("pk", "sk", "expires");

    private final DynamoDbClient dynamoDb;
    private final String table;

    /** In the table that the function's environment names: TABLE_NAME. */
    public static SettledQuestions ofFunction() {
        return new SettledQuestions(Aws.dynamoDb(), Aws.environment("TABLE_NAME"));
    }

    /** @param table with the keys pk and sk */
    public SettledQuestions(DynamoDbClient dynamoDb, String table) {
        this.dynamoDb = dynamoDb;
        this.table = table;
    }

    /**
     * Adds those that the execution has not met before.
     *
     * @param execution its ARN
     */
    public void add(String execution, List<Settled> settled) {
        if (settled.isEmpty()) return;
        var names = new HashMap<String, String>();
        var values = new HashMap<>(Map.of(":expires", expires(settled.getLast().at())));
        for (var answer : settled) {
            var number = names.size();
            if (names.containsValue(attribute(answer))) continue;
            names.put("#a" + number, attribute(answer));
            values.put(":a" + number, AttributeValue.fromS(answer.at().toString()));
        }
        var update = IntStream.range(0, names.size())
                .mapToObj(i -> "#a" + i + " = if_not_exists(#a" + i + ", :a" + i + ")")
                .collect(Collectors.joining(", ", "SET expires = :expires, ", ""));
        update(request -> request.tableName(table)
                .key(key(execution))
                .updateExpression(update)
                .expressionAttributeNames(names)
                .expressionAttributeValues(values));
    }

    /** The execution may wait until then: what it has settled is kept for longer. */
    void keep(String execution, Instant until) {
        update(request -> request.tableName(table)
                .key(key(execution))
                .updateExpression("SET expires = :expires")
                .conditionExpression("attribute_exists(pk)")
                .expressionAttributeValues(Map.of(":expires", expires(until))));
    }

    private void update(Consumer<UpdateItemRequest.Builder> request) {
        try {
            dynamoDb.updateItem(request);
        } catch (ConditionalCheckFailedException nothingSettled) {
            // Nothing is to be kept.
        } catch (SdkException failure) {
            System.out.println("{\"settled\":\"not written\",\"because\":\""
                    + failure.getClass().getSimpleName() + "\"}");
        }
    }

    private static AttributeValue expires(Instant last) {
        return AttributeValue.fromN(Long.toString(last.plus(KEPT).getEpochSecond()));
    }

    /** Those that the execution has met so far, the first one first. */
    public List<Settled> of(String execution) {
        try {
            return dynamoDb
                    .getItem(request ->
                            request.tableName(table).key(key(execution)).consistentRead(true))
                    .item()
                    .entrySet()
                    .stream()
                    .filter(attribute -> !OTHER_ATTRIBUTES.contains(attribute.getKey()))
                    .map(attribute ->
                            read(attribute.getKey(), attribute.getValue().s()))
                    .sorted(Comparator.comparing(Settled::at)
                            .thenComparing(Settled::question)
                            .thenComparing(Settled::answer))
                    .toList();
        } catch (SdkException failure) {
            System.out.println("{\"settled\":\"not read\",\"because\":\""
                    + failure.getClass().getSimpleName() + "\"}");
            return List.of();
        }
    }

    /** The question's name has no space. */
    private static String attribute(Settled answer) {
        var text = answer.answer();
        return answer.question() + " " + (text.length() <= LONGEST ? text : text.substring(0, LONGEST));
    }

    private static Settled read(String attribute, String at) {
        var space = attribute.indexOf(' ');
        return new Settled(attribute.substring(0, space), attribute.substring(space + 1), Instant.parse(at));
    }

    private static Map<String, AttributeValue> key(String execution) {
        return Map.of("pk", AttributeValue.fromS("SETTLED"), "sk", AttributeValue.fromS(execution));
    }
}
