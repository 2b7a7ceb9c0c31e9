package cloudhsm.pipeline.localcloud.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.DynamoDbException;
import software.amazon.awssdk.services.dynamodb.model.Put;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.dynamodb.model.TransactWriteItem;
import software.amazon.awssdk.services.dynamodb.model.TransactionCanceledException;

class DynamoDbServiceTest {
    private final LocalCloud cloud = LocalCloud.start();
    private final DynamoDbClient dynamoDb = cloud.client(DynamoDbClient.builder());

    @BeforeEach
    void createTable() {
        cloud.dynamoDb().createTable((ObjectNode) Json.parse("""
            {"TableName":"waits","BillingMode":"PAY_PER_REQUEST",
             "KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],
             "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"}]}\
            """));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private static AttributeValue s(String text) {
        return AttributeValue.fromS(text);
    }

    private static AttributeValue n(long number) {
        return AttributeValue.fromN(String.valueOf(number));
    }

    private static Map<String, AttributeValue> key(long sort) {
        return Map.of("pk", s("a"), "sk", n(sort));
    }

    private void put(long sort, String word) {
        dynamoDb.putItem(put -> put.tableName("waits").item(Map.of("pk", s("a"), "sk", n(sort), "word", s(word))));
    }

    private Map<String, AttributeValue> update(String expression, Map<String, AttributeValue> values) {
        return dynamoDb.updateItem(update -> update.tableName("waits")
                        .key(key(1))
                        .updateExpression(expression)
                        .expressionAttributeValues(values.isEmpty() ? null : values)
                        .returnValues(ReturnValue.ALL_NEW))
                .attributes();
    }

    private String refusal(Runnable call) {
        return assertThrows(DynamoDbException.class, call::run)
                .awsErrorDetails()
                .errorMessage();
    }

    @Test
    void firstOfTwoConditionalPutsWinsAndTheSecondSeesItsItem() {
        put(1, "first");
        var refused = assertThrows(
                ConditionalCheckFailedException.class,
                () -> dynamoDb.putItem(put -> put.tableName("waits")
                        .item(key(1))
                        .conditionExpression("attribute_not_exists(pk)")
                        .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD)));
        assertEquals("first", refused.item().get("word").s(), "the loser must learn who holds the lock");
    }

    @Test
    void updateReadsTheItemAsItWas() {
        assertEquals(
                "1",
                update("SET tries = if_not_exists(tries, :zero) + :one", Map.of(":zero", n(0), ":one", n(1)))
                        .get("tries")
                        .n());
        var after = update(
                "SET tries = tries + :one, earlier = tries ADD tags :tags",
                Map.of(":one", n(1), ":tags", AttributeValue.fromSs(List.of("x", "y"))));
        assertEquals("2", after.get("tries").n());
        assertEquals("1", after.get("earlier").n());
        after = update("REMOVE earlier DELETE tags :tags", Map.of(":tags", AttributeValue.fromSs(List.of("x"))));
        assertFalse(after.containsKey("earlier"));
        assertEquals(List.of("y"), after.get("tags").ss());
        after = update(
                "SET steps = list_append(if_not_exists(steps, :none), :more)",
                Map.of(":none", AttributeValue.fromL(List.of()), ":more", AttributeValue.fromL(List.of(s("x")))));
        assertEquals(1, after.get("steps").l().size());
    }

    @Test
    void conditionsCombine() {
        put(1, "hello");
        assertTrue(holds("begins_with(word, :he) AND (contains(word, :l) OR sk > :nine)"));
        assertTrue(holds("NOT word IN (:he, :l) AND size(word) BETWEEN :one AND :nine"));
        assertFalse(holds("word = :he OR attribute_not_exists(word)"));
    }

    private boolean holds(String condition) {
        var all = Map.of(":he", s("he"), ":l", s("l"), ":one", n(1), ":nine", n(9));
        var used = new java.util.HashMap<String, AttributeValue>();
        all.forEach((name, value) -> {
            if (condition.contains(name)) used.put(name, value);
        });
        try {
            dynamoDb.updateItem(update -> update.tableName("waits")
                    .key(key(1))
                    .conditionExpression(condition)
                    .expressionAttributeValues(used.isEmpty() ? null : used));
            return true;
        } catch (ConditionalCheckFailedException failed) {
            return false;
        }
    }

    @Test
    void reservedWordNeedsAPlaceholder() {
        assertEquals(
                "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: state",
                refusal(() -> update("SET state = :x", Map.of(":x", s("x")))));
        dynamoDb.updateItem(update -> update.tableName("waits")
                .key(key(1))
                .updateExpression("SET #state = :x")
                .expressionAttributeNames(Map.of("#state", "state"))
                .expressionAttributeValues(Map.of(":x", s("x"))));
    }

    @Test
    void valuesMustBeDefinedAndUsed() {
        assertEquals(
                "Value provided in ExpressionAttributeValues unused in expressions: keys: {:y}",
                refusal(() -> update("SET a = :x", Map.of(":x", s("x"), ":y", s("y")))));
        assertTrue(refusal(() -> update("SET a = :x", Map.of(":y", s("y")))).contains("not defined"));
    }

    @Test
    void keyCannotBeUpdatedNorForgotten() {
        assertTrue(refusal(() -> update("SET sk = :x", Map.of(":x", n(2)))).contains("part of the key"));
        assertEquals(
                "The provided key element does not match the schema",
                refusal(() -> dynamoDb.getItem(get -> get.tableName("waits").key(Map.of("pk", s("a"))))));
    }

    @Test
    void queryPagesThroughAPartitionInTheOrderOfTheSortKey() {
        for (long sort : new long[] {10, 2, 7, 1}) put(sort, "w" + sort);
        dynamoDb.putItem(put -> put.tableName("waits").item(Map.of("pk", s("b"), "sk", n(5))));
        var pages = dynamoDb.queryPaginator(query -> query.tableName("waits")
                .keyConditionExpression("pk = :a AND sk > :one")
                .filterExpression("word <> :seven")
                .expressionAttributeValues(Map.of(":a", s("a"), ":one", n(1), ":seven", s("w7")))
                .scanIndexForward(false)
                .limit(2));
        assertEquals(
                List.of("10", "2"),
                pages.items().stream().map(item -> item.get("sk").n()).toList());
        assertEquals(
                5,
                dynamoDb.scanPaginator(scan -> scan.tableName("waits").limit(2)).items().stream()
                        .count());
    }

    @Test
    void queryWithoutThePartitionKeyIsRefused() {
        assertEquals(
                "Query condition missed key schema element: pk",
                refusal(() -> dynamoDb.query(query -> query.tableName("waits")
                        .keyConditionExpression("sk = :one")
                        .expressionAttributeValues(Map.of(":one", n(1))))));
    }

    @Test
    void transactionWritesAllOrNothing() {
        put(1, "taken");
        var items = List.of(transactPut(2), transactPut(1));
        var refused = assertThrows(
                TransactionCanceledException.class,
                () -> dynamoDb.transactWriteItems(write -> write.transactItems(items)));
        assertEquals("None", refused.cancellationReasons().get(0).code());
        assertEquals(
                "ConditionalCheckFailed", refused.cancellationReasons().get(1).code());
        assertFalse(dynamoDb.getItem(get -> get.tableName("waits").key(key(2))).hasItem());
    }

    private static TransactWriteItem transactPut(long sort) {
        return TransactWriteItem.builder()
                .put(Put.builder()
                        .tableName("waits")
                        .item(key(sort))
                        .conditionExpression("attribute_not_exists(pk)")
                        .build())
                .build();
    }

    @Test
    void expiredItemIsStillThereUntilTheSweep() {
        cloud.dynamoDb().enableTimeToLive("waits", "expires");
        var expires = LocalCloud.START.plusSeconds(60).getEpochSecond();
        update("SET expires = :at", Map.of(":at", n(expires)));
        cloud.advance(Duration.ofHours(1));
        assertTrue(
                dynamoDb.getItem(get -> get.tableName("waits").key(key(1))).hasItem(),
                "DynamoDB promises no deletion in time: readers must check the time themselves");
        cloud.advance(Duration.ofDays(1));
        assertFalse(dynamoDb.getItem(get -> get.tableName("waits").key(key(1))).hasItem());
    }
}
