package cloudhsm.pipeline.provisioning.deployment;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;

/** The deployments, in the pipeline's one table under the partition key DEPLOYMENT. */
public final class Deployments {
    /**
     * The tag with the value of {@link #intend}. It finds a new resource whose creation was not answered, while that
     * intent is open; later it means nothing.
     */
    public static final String INTENT_TAG = "cloudhsm-pipeline:intent";

    private static final AttributeValue PARTITION = AttributeValue.fromS("DEPLOYMENT");

    private final DynamoDbClient dynamoDb;
    private final String table;

    /** In the table that the function's environment names: TABLE_NAME. */
    public static Deployments ofFunction() {
        return new Deployments(Aws.dynamoDb(), Aws.environment("TABLE_NAME"));
    }

    /** @param table with the keys pk and sk */
    public Deployments(DynamoDbClient dynamoDb, String table) {
        this.dynamoDb = dynamoDb;
        this.table = table;
    }

    /**
     * An execution starts to make the deployment, or to complete it, by this plan: it is PROVISIONING, or stays RUNNING.
     *
     * @param before the record when the execution looked; empty where there was none
     * @param wanted what it has made of that and its input
     * @param adopted the cluster that it takes over; empty where the record stays as it is
     * @return whether it is so; if not, nothing is stored, because another execution has changed what is wanted meanwhile
     */
    public boolean provisioning(
            String name,
            Optional<Deployment> before,
            JsonNode wanted,
            Object plan,
            Optional<AdoptedCluster> adopted,
            Instant now) {
        var values = new HashMap<>(Map.of(
                ":before",
                text(json(before.map(Deployment::wanted).orElseGet(Json.MAPPER::createObjectNode))),
                ":wanted",
                text(json(wanted)),
                ":plan",
                text(json(plan))));
        var expression = "SET wantedDocument = :wanted, planDocument = :plan";
        if (before.filter(deployment -> deployment.phase() == Phase.RUNNING).isEmpty()) {
            expression += ", phase = :phase, since = :since";
            values.put(":phase", text(Phase.PROVISIONING.name()));
            values.put(":since", text(now.toString()));
        }
        if (adopted.isPresent()) {
            expression += ", adoptedClusterDocument = :adopted";
            values.put(":adopted", text(json(adopted.get())));
        }
        var update = expression;
        // What is wanted, and the phase: a pause may have ended since the execution looked.
        var unchanged =
                before.map(Deployment::wanted).filter(known -> !known.isEmpty()).isPresent()
                        ? "wantedDocument = :before"
                        : "(wantedDocument = :before OR attribute_not_exists(wantedDocument))";
        before.ifPresent(
                deployment -> values.put(":was", text(deployment.phase().name())));
        try {
            dynamoDb.updateItem(request -> request.tableName(table)
                    .key(key(name))
                    .updateExpression(update)
                    .conditionExpression(unchanged + (before.isPresent() ? " AND phase = :was" : ""))
                    .expressionAttributeValues(values));
            return true;
        } catch (ConditionalCheckFailedException changed) {
            return false;
        }
    }

    /** The deployment is complete: it is RUNNING. */
    public void running(String name, Object resources, Instant now) {
        dynamoDb.updateItem(request -> request.tableName(table)
                .key(key(name))
                .updateExpression(
                        "SET phase = :phase, since = :since, resourcesDocument = :resources REMOVE unprovenBuckets")
                .expressionAttributeValues(Map.of(
                        ":phase", text(Phase.RUNNING.name()),
                        ":since", text(now.toString()),
                        ":resources", text(json(resources)))));
    }

    /** @return whether there is such a deployment; if not, nothing is stored */
    public boolean enter(String name, Phase phase, Instant now) {
        try {
            dynamoDb.updateItem(request -> request.tableName(table)
                    .key(key(name))
                    .updateExpression("SET phase = :phase, since = :since")
                    .conditionExpression("attribute_exists(pk)")
                    .expressionAttributeValues(Map.of(":phase", text(phase.name()), ":since", text(now.toString()))));
            return true;
        } catch (ConditionalCheckFailedException unknown) {
            return false;
        }
    }

    /**
     * Something of that kind is about to be made. To be called before every creation that AWS cannot make idempotent;
     * the new resource is given the value, as tag {@link #INTENT_TAG} or as client token. Whoever finds the intent open
     * looks for a resource with its value before making one.
     *
     * @return the value: a new one, or that of the intent that is open
     * @throws IllegalStateException where the deployment has no record; Preflight makes it
     */
    public String intend(String name, Made kind) {
        return ofRecord(
                        name,
                        "SET " + kind.intent() + " = if_not_exists(" + kind.intent() + ", :value)",
                        Map.of(":value", text(UUID.randomUUID().toString())))
                .get(kind.intent())
                .s();
    }

    /**
     * Remembers what was made, and closes the intent of its kind. It may be remembered already.
     *
     * @throws IllegalStateException where the deployment has no record
     */
    public void made(String name, Made kind, String id) {
        ofRecord(
                name,
                "ADD " + kind.ids() + " :id REMOVE " + kind.intent(),
                Map.of(":id", AttributeValue.fromSs(List.of(id))));
    }

    /**
     * Remembers a cluster that was made from a backup, and closes the intent; any other that the record names is a former one
     * from now on.
     *
     * @param before the record
     * @throws IllegalStateException where the deployment has no record
     */
    public void madeFromBackup(Deployment before, String clusterId) {
        var former = before.made(Made.CLUSTER).stream()
                .filter(id -> !id.equals(clusterId))
                .toList();
        if (former.isEmpty()) {
            made(before.name(), Made.CLUSTER, clusterId);
            return;
        }
        ofRecord(
                before.name(),
                "SET " + Made.CLUSTER.ids() + " = :id ADD " + Made.FORMER_CLUSTER.ids() + " :former REMOVE "
                        + Made.CLUSTER.intent(),
                Map.of(
                        ":id", AttributeValue.fromSs(List.of(clusterId)),
                        ":former", AttributeValue.fromSs(former)));
    }

    /**
     * Remembers a bucket that was there before and that an input asked to take over, and how it was found: to be called
     * before anything on it is changed. On its own, as twenty buckets' policies fill more than an item can hold.
     *
     * @throws IllegalStateException where the deployment has no record
     */
    public void adopted(String name, String bucket, JsonNode found) {
        dynamoDb.updateItem(request -> request.tableName(table)
                .key(adoption(name, bucket))
                .updateExpression("SET foundDocument = :found")
                .expressionAttributeValues(Map.of(":found", text(json(found)))));
        ofRecord(name, "ADD adoptedBuckets :bucket", Map.of(":bucket", AttributeValue.fromSs(List.of(bucket))));
    }

    /**
     * The bucket's settings may change from now on: its proof does not count until the next provisioning that succeeds.
     *
     * @throws IllegalStateException where the deployment has no record
     */
    public void unproven(String name, String bucket) {
        ofRecord(name, "ADD unprovenBuckets :bucket", Map.of(":bucket", AttributeValue.fromSs(List.of(bucket))));
    }

    /**
     * None of the bucket's settings had to be changed, so its proof goes on counting.
     *
     * @throws IllegalStateException where the deployment has no record
     */
    public void unchanged(String name, String bucket) {
        ofRecord(name, "DELETE unprovenBuckets :bucket", Map.of(":bucket", AttributeValue.fromSs(List.of(bucket))));
    }

    /** How an adopted bucket was found. */
    public JsonNode found(String name, String bucket) {
        var item = dynamoDb.getItem(request ->
                        request.tableName(table).key(adoption(name, bucket)).consistentRead(true))
                .item();
        return parsed(item, "foundDocument");
    }

    /**
     * Remembers what was found out about the first HSM before its cluster was initialized: afterwards AWS no longer
     * offers what it takes.
     *
     * @throws IllegalStateException where the deployment has no record
     */
    public void verified(String name, Object output) {
        ofRecord(name, "SET verifiedDocument = :output", Map.of(":output", text(json(output))));
    }

    /**
     * Remembers how objects leave the keys that a teardown is going to delete.
     *
     * @throws IllegalStateException where the deployment has no record
     */
    public void releasing(String name, Release release) {
        ofRecord(name, "SET releaseDocument = :release", Map.of(":release", text(json(release))));
    }

    /** Forgets what was made and is there no more; it need not be remembered. */
    public void gone(String name, Made kind, String id) {
        ofRecord(name, "DELETE " + kind.ids() + " :id", Map.of(":id", AttributeValue.fromSs(List.of(id))));
    }

    private Map<String, AttributeValue> ofRecord(String name, String expression, Map<String, AttributeValue> values) {
        try {
            return dynamoDb.updateItem(request -> request.tableName(table)
                            .key(key(name))
                            .updateExpression(expression)
                            .conditionExpression("attribute_exists(pk)")
                            .expressionAttributeValues(values)
                            .returnValues(ReturnValue.ALL_NEW))
                    .attributes();
        } catch (ConditionalCheckFailedException unknown) {
            throw new IllegalStateException("There is no record of the deployment \"" + name + "\"", unknown);
        }
    }

    public Optional<Deployment> find(String name) {
        var item = dynamoDb.getItem(
                        request -> request.tableName(table).key(key(name)).consistentRead(true))
                .item();
        return item == null || item.isEmpty() ? Optional.empty() : Optional.of(read(item));
    }

    /** Every deployment, by name. */
    public List<Deployment> all() {
        return dynamoDb
                .queryPaginator(request -> request.tableName(table)
                        .consistentRead(true)
                        .keyConditionExpression("pk = :pk")
                        .expressionAttributeValues(Map.of(":pk", PARTITION)))
                .items()
                .stream()
                .map(Deployments::read)
                .toList();
    }

    /**
     * The deployment that has the bucket, or is about to have it.
     *
     * @param name of a deployment that does not count
     */
    public Optional<Deployment> otherWithBucket(String bucket, String name) {
        return all().stream()
                .filter(other -> !other.name().equals(name))
                .filter(other ->
                        other.hasBucket(bucket) || other.plannedBuckets().contains(bucket))
                .findFirst();
    }

    /** Forgets the deployment; it need not be there. */
    public void remove(String name) {
        find(name)
                .map(Deployment::adoptedBuckets)
                .orElse(List.of())
                .forEach(bucket ->
                        dynamoDb.deleteItem(request -> request.tableName(table).key(adoption(name, bucket))));
        dynamoDb.deleteItem(request -> request.tableName(table).key(key(name)));
    }

    private static Map<String, AttributeValue> adoption(String name, String bucket) {
        return Map.of("pk", text("ADOPTED"), "sk", text(name + "/" + bucket));
    }

    private static Map<String, AttributeValue> key(String name) {
        return Map.of("pk", PARTITION, "sk", text(name));
    }

    private static Deployment read(Map<String, AttributeValue> item) {
        return new Deployment(
                item.get("sk").s(),
                Phase.valueOf(item.get("phase").s()),
                Instant.parse(item.get("since").s()),
                parsed(item, "wantedDocument"),
                parsed(item, "planDocument"),
                parsed(item, "resourcesDocument"),
                parsed(item, "verifiedDocument"),
                members(item, Made::ids, Deployments::sorted),
                item.containsKey("adoptedBuckets") ? sorted(item.get("adoptedBuckets")) : List.of(),
                document(item, "adoptedClusterDocument", AdoptedCluster.class),
                item.containsKey("unprovenBuckets") ? sorted(item.get("unprovenBuckets")) : List.of(),
                document(item, "releaseDocument", Release.class),
                members(item, Made::intent, AttributeValue::s));
    }

    private static List<String> sorted(AttributeValue texts) {
        return texts.ss().stream().sorted().toList();
    }

    private static <T> Map<Made, T> members(
            Map<String, AttributeValue> item, Function<Made, String> attribute, Function<AttributeValue, T> read) {
        return Arrays.stream(Made.values())
                .filter(kind -> item.containsKey(attribute.apply(kind)))
                .collect(Collectors.toMap(kind -> kind, kind -> read.apply(item.get(attribute.apply(kind)))));
    }

    private static <T> Optional<T> document(Map<String, AttributeValue> item, String member, Class<T> type) {
        return Optional.of(parsed(item, member))
                .filter(document -> !document.isEmpty())
                .map(document -> Json.MAPPER.convertValue(document, type));
    }

    private static JsonNode parsed(Map<String, AttributeValue> item, String member) {
        try {
            return item.containsKey(member)
                    ? Json.MAPPER.readTree(item.get(member).s())
                    : Json.MAPPER.createObjectNode();
        } catch (JsonProcessingException damaged) {
            throw new IllegalStateException(member + " of " + item.get("sk").s() + " is not JSON", damaged);
        }
    }

    private static String json(Object value) {
        try {
            return Json.MAPPER.writeValueAsString(value);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static AttributeValue text(String value) {
        return AttributeValue.fromS(value);
    }
}
