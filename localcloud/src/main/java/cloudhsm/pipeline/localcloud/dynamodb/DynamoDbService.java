package cloudhsm.pipeline.localcloud.dynamodb;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.dynamodb.ExpressionTokens.Substitutions;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Amazon DynamoDB: tables without secondary indexes. Every read is consistent. */
public final class DynamoDbService extends JsonService {
    /** A small table is ACTIVE within seconds. */
    private static final Duration CREATING = Duration.ofSeconds(8);

    private static final Duration DELETING = Duration.ofSeconds(5);

    /** "Within a few days of their expiration" [DDB:TTL]; here daily, so that expired items are seen. */
    private static final Duration BETWEEN_SWEEPS = Duration.ofDays(1);

    private final Account account;
    private final Map<String, Table> tables = new TreeMap<>();

    public DynamoDbService(Account account) {
        super("dynamodb", "1.0");
        this.account = account;
        on("CreateTable", (input, request) -> {
            authorize(request, "CreateTable", required(input, "TableName"));
            var table = create(input, "CREATING");
            account.time()
                    .schedule(CREATING, "DynamoDB: " + table.name + " becomes ACTIVE", () -> table.status = "ACTIVE");
            return Json.object().set("TableDescription", table.described());
        });
        on("DescribeTable", (input, request) -> {
            authorize(request, "DescribeTable", required(input, "TableName"));
            return Json.object().set("Table", find(input).described());
        });
        on("DeleteTable", this::deleteTable);
        on("ListTables", (input, request) -> {
            account.iam().authorize(request.caller(), "dynamodb:ListTables", "*");
            return Json.object().set("TableNames", Json.MAPPER.valueToTree(tables.keySet()));
        });
        on("UpdateTimeToLive", this::updateTimeToLive);
        on("DescribeTimeToLive", this::describeTimeToLive);
        on("PutItem", (input, request) -> write("Put", input, request));
        on("UpdateItem", (input, request) -> write("Update", input, request));
        on("DeleteItem", (input, request) -> write("Delete", input, request));
        on("GetItem", (input, request) -> {
            var item = getItem(input, request, "GetItem");
            return item.<JsonNode>map(found -> Json.object().set("Item", found)).orElseGet(Json::object);
        });
        on("Query", this::query);
        on("Scan", this::scan);
        on("BatchGetItem", this::batchGetItem);
        on("BatchWriteItem", this::batchWriteItem);
        on("TransactWriteItems", this::transactWriteItems);
    }

    /** Creates a table at once, as a stack does. Returns its ARN. */
    public String createTable(ObjectNode createTableInput) {
        return account.time().locked(() -> arn(create(createTableInput, "ACTIVE").name));
    }

    /** Turns on time to live at once, as a stack does. */
    public void enableTimeToLive(String tableName, String attribute) {
        account.time().locked(() -> setTimeToLive(tables.get(tableName), Optional.of(attribute)));
    }

    private Table create(ObjectNode input, String status) {
        var id = account.uuid().toString();
        var table = new Table(
                input, arn(input.path("TableName").asText()), account.time().now(), id, status);
        if (tables.putIfAbsent(table.name, table) != null) {
            throw AwsException.badRequest("ResourceInUseException", "Table already exists: " + table.name);
        }
        return table;
    }

    private String arn(String tableName) {
        return account.arn("dynamodb", "table/" + tableName);
    }

    private void authorize(AwsRequest request, String action, String table) {
        account.iam().authorize(request.caller(), "dynamodb:" + action, arn(nameOf(table)));
    }

    /** The value of the partition key is the context of dynamodb:LeadingKeys. */
    private void authorize(AwsRequest request, String action, Table table, JsonNode partitionValue) {
        account.iam()
                .authorize(
                        request.caller(),
                        "dynamodb:" + action,
                        arn(table.name),
                        Map.of(
                                "dynamodb:LeadingKeys",
                                AttributeValues.content(partitionValue).asText()));
    }

    /** Where there is a name, an ARN may stand too. */
    private static String nameOf(String tableNameOrArn) {
        return tableNameOrArn.substring(tableNameOrArn.lastIndexOf('/') + 1);
    }

    private Table find(JsonNode input) {
        var name = nameOf(required(input, "TableName"));
        var table = tables.get(name);
        if (table == null) {
            throw AwsException.badRequest(
                    "ResourceNotFoundException", "Requested resource not found: Table: " + name + " not found");
        }
        return table;
    }

    private Table active(JsonNode input) {
        var table = find(input);
        if (table.status.equals("ACTIVE")) return table;
        throw AwsException.badRequest("ResourceNotFoundException", "Requested resource not found");
    }

    private JsonNode deleteTable(ObjectNode input, AwsRequest request) {
        authorize(request, "DeleteTable", required(input, "TableName"));
        var table = find(input);
        if (!table.status.equals("ACTIVE")) {
            throw AwsException.badRequest(
                    "ResourceInUseException",
                    "Attempt to change a resource which is still in use: Table is being " + table.status + ": "
                            + table.name);
        }
        table.status = "DELETING";
        account.time()
                .schedule(DELETING, "DynamoDB: " + table.name + " is deleted", () -> tables.remove(table.name, table));
        return Json.object().set("TableDescription", table.described());
    }

    private JsonNode updateTimeToLive(ObjectNode input, AwsRequest request) {
        authorize(request, "UpdateTimeToLive", required(input, "TableName"));
        var table = active(input);
        var specification = input.path("TimeToLiveSpecification");
        var enabled = specification.path("Enabled").asBoolean();
        var attribute = required(specification, "AttributeName");
        if (enabled == table.timeToLiveAttribute.isPresent()) {
            throw AttributeValues.invalid("TimeToLive is already " + (enabled ? "enabled" : "disabled"));
        }
        setTimeToLive(table, enabled ? Optional.of(attribute) : Optional.empty());
        return Json.object().set("TimeToLiveSpecification", specification);
    }

    private void setTimeToLive(Table table, Optional<String> attribute) {
        table.timeToLiveAttribute = attribute;
        if (attribute.isPresent()) scheduleSweep(table);
    }

    private void scheduleSweep(Table table) {
        account.time().schedule(BETWEEN_SWEEPS, "DynamoDB: expired items of " + table.name + " are deleted", () -> {
            if (tables.get(table.name) != table || table.timeToLiveAttribute.isEmpty()) return;
            table.sweep(account.time().now());
            scheduleSweep(table);
        });
    }

    private JsonNode describeTimeToLive(ObjectNode input, AwsRequest request) {
        authorize(request, "DescribeTimeToLive", required(input, "TableName"));
        var attribute = find(input).timeToLiveAttribute;
        var description = Json.object().put("TimeToLiveStatus", attribute.isPresent() ? "ENABLED" : "DISABLED");
        attribute.ifPresent(name -> description.put("AttributeName", name));
        return Json.object().set("TimeToLiveDescription", description);
    }

    private Optional<ObjectNode> getItem(JsonNode input, AwsRequest request, String action) {
        var table = active(input);
        var key = table.checkedKey(input.path("Key"));
        authorize(request, action, table, key.get(table.partitionKey()));
        var substitutions = new Substitutions(input);
        var projection = projection(input, substitutions);
        substitutions.requireAllUsed();
        return table.get(key)
                .map(item -> projection
                        .map(paths -> DocumentPath.project(item, paths))
                        .orElse(item));
    }

    private static Optional<List<DocumentPath>> projection(JsonNode input, Substitutions substitutions) {
        refuseLegacy(input);
        return text(input, "ProjectionExpression").map(expression -> {
            var tokens = new ExpressionTokens("ProjectionExpression", expression, substitutions);
            var paths = new ArrayList<DocumentPath>();
            do paths.add(tokens.path());
            while (tokens.accept(","));
            if (!tokens.ended()) throw tokens.unexpected();
            return paths;
        });
    }

    private static Optional<Condition> condition(JsonNode input, String member, Substitutions substitutions) {
        return text(input, member)
                .map(expression -> Condition.parse(new ExpressionTokens(member, expression, substitutions)));
    }

    /** The parameters from before expressions; nothing new should use them. */
    private static void refuseLegacy(JsonNode input) {
        for (var member : List.of(
                "Expected",
                "AttributeUpdates",
                "KeyConditions",
                "QueryFilter",
                "ScanFilter",
                "AttributesToGet",
                "ConditionalOperator",
                "IndexName")) {
            if (input.hasNonNull(member)) throw AttributeValues.invalid("The embedded AWS does not support " + member);
        }
    }

    /** A write that has been checked and is ready to be made. */
    private record Write(
            Table table,
            Optional<ObjectNode> before,
            Optional<ObjectNode> after,
            ObjectNode key,
            List<String> touched) {
        void make() {
            after.ifPresentOrElse(table::put, () -> table.remove(key));
        }
    }

    private JsonNode write(String kind, ObjectNode input, AwsRequest request) {
        var write = checked(kind, input, request);
        var output = Json.object();
        var wanted = text(input, "ReturnValues").orElse("NONE");
        var allowed = kind.equals("Update")
                ? List.of("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
                : List.of("NONE", "ALL_OLD");
        if (!allowed.contains(wanted)) throw AttributeValues.invalid("Return values set to invalid value");
        write.make();
        var image = wanted.endsWith("OLD") ? write.before : write.after;
        if (wanted.equals("NONE") || image.isEmpty()) return output;
        var attributes = image.get().deepCopy();
        if (wanted.startsWith("UPDATED")) attributes.retain(write.touched);
        return attributes.isEmpty() ? output : output.set("Attributes", attributes);
    }

    /** @throws AwsException ConditionalCheckFailedException, or what is wrong with the input */
    private Write checked(String kind, JsonNode input, AwsRequest request) {
        refuseLegacy(input);
        var table = active(input);
        var item = kind.equals("Put") ? table.checkedItem(input.path("Item")) : null;
        var key = item == null ? table.checkedKey(input.path("Key")) : table.keyOf(item);
        authorize(request, kind + "Item", table, key.get(table.partitionKey()));
        var substitutions = new Substitutions(input);
        var condition = condition(input, "ConditionExpression", substitutions);
        var update = kind.equals("Update")
                ? text(input, "UpdateExpression")
                        .map(text -> new Update(new ExpressionTokens("UpdateExpression", text, substitutions)))
                : Optional.<Update>empty();
        substitutions.requireAllUsed();
        var before = table.get(key);
        if (condition.isPresent() && !condition.get().holds(before.orElseGet(Json::object))) {
            throw conditionFailed(input, before);
        }
        if (kind.equals("Delete")) return new Write(table, before, Optional.empty(), key, List.of());
        if (item != null) return new Write(table, before, Optional.of(item), key, List.of());
        update.ifPresent(changes -> changes.attributes().forEach(attribute -> {
            if (table.isKey(attribute)) {
                throw AttributeValues.invalid("One or more parameter values were invalid: Cannot update attribute "
                        + attribute + ". This attribute is part of the key");
            }
        }));
        var old = before.orElse(key);
        var updated =
                table.checkedItem(update.map(changes -> changes.applied(old)).orElse(old));
        var touched = update.map(Update::attributes).orElse(List.of());
        return new Write(table, before, Optional.of(updated), key, touched);
    }

    private static AwsException conditionFailed(JsonNode input, Optional<ObjectNode> item) {
        var members = text(input, "ReturnValuesOnConditionCheckFailure")
                .filter("ALL_OLD"::equals)
                .flatMap(wanted -> item)
                .map(old -> Map.<String, Object>of("Item", old))
                .orElse(Map.of());
        return new AwsException("ConditionalCheckFailedException", 400, "The conditional request failed", members);
    }

    private JsonNode query(ObjectNode input, AwsRequest request) {
        var table = active(input);
        var substitutions = new Substitutions(input);
        var expression = text(input, "KeyConditionExpression")
                .orElseThrow(() -> AttributeValues.invalid(
                        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the"
                                + " request."));
        var keys = KeyCondition.parse(new ExpressionTokens("KeyConditionExpression", expression, substitutions), table);
        authorize(request, "Query", table, keys.partitionValue());
        return new Page(table, input, substitutions, keys.condition()).read();
    }

    private JsonNode scan(ObjectNode input, AwsRequest request) {
        authorize(request, "Scan", required(input, "TableName"));
        if (input.has("Segment")) throw AttributeValues.invalid("The embedded AWS does not scan in parallel");
        return new Page(active(input), input, new Substitutions(input), item -> true).read();
    }

    private JsonNode batchGetItem(ObjectNode input, AwsRequest request) {
        var responses = Json.object();
        var count = 0;
        for (var byTable : input.path("RequestItems").properties()) {
            var items = responses.putArray(byTable.getKey());
            for (var key : byTable.getValue().path("Keys")) {
                if (++count > 100) throw AttributeValues.invalid("Too many items requested for the BatchGetItem call");
                var get = ((ObjectNode) byTable.getValue().deepCopy()).put("TableName", byTable.getKey());
                get.set("Key", key);
                getItem(get, request, "BatchGetItem").ifPresent(items::add);
            }
        }
        var output = Json.object();
        output.set("Responses", responses);
        output.set("UnprocessedKeys", Json.object());
        return output;
    }

    private JsonNode batchWriteItem(ObjectNode input, AwsRequest request) {
        var writes = new ArrayList<Write>();
        for (var byTable : input.path("RequestItems").properties()) {
            for (var entry : byTable.getValue()) {
                var put = entry.has("PutRequest");
                if (entry.size() != 1) {
                    throw AttributeValues.invalid("A write request has one of PutRequest and DeleteRequest");
                }
                var write = ((ObjectNode)
                                entry.path(put ? "PutRequest" : "DeleteRequest").deepCopy())
                        .put("TableName", byTable.getKey());
                account.iam().authorize(request.caller(), "dynamodb:BatchWriteItem", arn(byTable.getKey()));
                writes.add(checked(put ? "Put" : "Delete", write, request));
            }
        }
        if (writes.isEmpty() || writes.size() > 25) {
            throw AttributeValues.invalid("1 validation error detected: Value at 'requestItems' failed to satisfy"
                    + " constraint: Map value must satisfy constraint: [Member must have length less than or equal to"
                    + " 25, Member must have length greater than or equal to 1]");
        }
        requireDistinct(writes, "Provided list of item keys contains duplicates");
        writes.forEach(Write::make);
        return Json.object().set("UnprocessedItems", Json.object());
    }

    private static void requireDistinct(List<Write> writes, String otherwise) {
        var distinct = writes.stream()
                .map(write -> write.table.name + write.key)
                .distinct()
                .count();
        if (distinct < writes.size()) throw AttributeValues.invalid(otherwise);
    }

    private JsonNode transactWriteItems(ObjectNode input, AwsRequest request) {
        var writes = new ArrayList<Write>();
        var reasons = Json.array();
        var failed = false;
        var entries = input.path("TransactItems");
        if (entries.isEmpty() || entries.size() > 100) {
            throw AttributeValues.invalid("A transaction has 1 to 100 items, not " + entries.size());
        }
        for (var entry : entries) {
            if (entry.size() != 1) {
                throw AttributeValues.invalid("TransactItems can only contain one of Check, Put, Update or Delete");
            }
            var kind = entry.fieldNames().next();
            try {
                // A ConditionCheck is a write that leaves the item as it is.
                if (kind.equals("ConditionCheck")) checkCondition(entry.get(kind), request);
                else writes.add(checked(kind, entry.get(kind), request));
                reasons.add(Json.object().put("Code", "None"));
            } catch (AwsException refused) {
                if (!refused.code().equals("ConditionalCheckFailedException")) throw refused;
                failed = true;
                var reason = Json.object().put("Code", "ConditionalCheckFailed").put("Message", refused.getMessage());
                refused.members().forEach((name, value) -> reason.set(name, Json.MAPPER.valueToTree(value)));
                reasons.add(reason);
            }
        }
        requireDistinct(writes, "Transaction request cannot include multiple operations on one item");
        if (failed) {
            var codes = new ArrayList<String>();
            reasons.forEach(reason -> codes.add(reason.get("Code").asText()));
            throw new AwsException(
                    "TransactionCanceledException",
                    400,
                    "Transaction cancelled, please refer cancellation reasons for specific reasons ["
                            + String.join(", ", codes) + "]",
                    Map.of("CancellationReasons", reasons));
        }
        writes.forEach(Write::make);
        return Json.object();
    }

    private void checkCondition(JsonNode input, AwsRequest request) {
        var table = active(input);
        var key = table.checkedKey(input.path("Key"));
        authorize(request, "ConditionCheckItem", table, key.get(table.partitionKey()));
        var substitutions = new Substitutions(input);
        required(input, "ConditionExpression");
        var condition = condition(input, "ConditionExpression", substitutions).orElseThrow();
        substitutions.requireAllUsed();
        var item = table.get(key);
        if (!condition.holds(item.orElseGet(Json::object))) throw conditionFailed(input, item);
    }

    /** One page of a Query or Scan. */
    private record Page(Table table, ObjectNode input, Substitutions substitutions, Condition keys) {
        /** A page ends after 1 MB of items read, before they are filtered [API:dynamodb:Query]. */
        private static final int MOST_BYTES = 1024 * 1024;

        JsonNode read() {
            var filter = DynamoDbService.condition(input, "FilterExpression", substitutions);
            var projection = projection(input, substitutions);
            substitutions.requireAllUsed();
            var limit = input.path("Limit").asInt(Integer.MAX_VALUE);
            if (limit < 1) throw AttributeValues.invalid("Limit must be greater than or equal to 1");
            var items = table.items();
            var backward = input.has("ScanIndexForward")
                    && !input.get("ScanIndexForward").asBoolean();
            if (backward) items = items.reversed();
            var start = input.hasNonNull("ExclusiveStartKey")
                    ? Optional.of(table.checkedKey(input.get("ExclusiveStartKey")))
                    : Optional.<ObjectNode>empty();
            var output = Json.object();
            var found = Json.array();
            var scanned = 0;
            var bytes = 0;
            ObjectNode last = null;
            for (var item : items) {
                if (!keys.holds(item)) continue;
                if (start.isPresent() && !follows(item, start.get(), backward)) continue;
                if (scanned == limit || bytes >= MOST_BYTES) {
                    output.set("LastEvaluatedKey", table.keyOf(last));
                    break;
                }
                scanned++;
                bytes += AttributeValues.bytes(item);
                last = item;
                if (filter.isPresent() && !filter.get().holds(item)) continue;
                found.add(projection
                        .map(paths -> DocumentPath.project(item, paths))
                        .orElse(item));
            }
            // AWS gives a key whenever the limit was reached, even if nothing follows.
            if (scanned == limit) output.set("LastEvaluatedKey", table.keyOf(last));
            output.put("Count", found.size()).put("ScannedCount", scanned);
            if (!text(input, "Select").orElse("").equals("COUNT")) output.set("Items", found);
            return output;
        }

        private boolean follows(ObjectNode item, ObjectNode start, boolean backward) {
            return backward ? table.before(item, start) : table.before(start, item);
        }
    }
}
