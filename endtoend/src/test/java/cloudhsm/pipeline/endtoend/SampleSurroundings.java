package cloudhsm.pipeline.endtoend;

import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.s3.S3Client;

/** What the samples of events/ speak of, in the table and in the evidence bucket of a deployment. */
final class SampleSurroundings {
    private final LocalDeployment deployment;
    private final String execution;

    /** @param execution ARN of the execution that waits, and that holds the deployment's lock */
    SampleSurroundings(LocalDeployment deployment, String execution) {
        this.deployment = deployment;
        this.execution = execution;
    }

    /** What the events are about is waited for. */
    void storeWaits(List<JsonNode> details, String token) {
        for (var detail : details) {
            var type = detail.path("resourceType").asText(detail.has("key-id") ? "KEY" : "COMMAND");
            var wait = texts(Map.of(
                    "pk",
                    "WAIT",
                    "sk",
                    "for-" + type + resourceId(detail),
                    "function",
                    deployment.stack().functions().get("CreateClusterFunction"),
                    "execution",
                    execution,
                    "stage",
                    "resumed",
                    "resourceType",
                    type,
                    "resourceId",
                    resourceId(detail),
                    "since",
                    "2026-11-02T09:00:00Z"));
            wait.put("deadline", AttributeValue.fromS("2126-11-02T09:00:00Z"));
            wait.put("whileIn", AttributeValue.fromSs(List.of("STILL_WORKING")));
            wait.put("leasedUntil", AttributeValue.fromN("0"));
            dynamoDb().putItem(put -> put.tableName(table()).item(wait));
            var own = texts(
                    Map.of("pk", "WAIT#CreateCluster", "sk", wait.get("sk").s(), "token", token, "input", "{}"));
            dynamoDb().putItem(put -> put.tableName(table()).item(own));
        }
    }

    private static String resourceId(JsonNode detail) {
        if (detail.has("key-id")) return detail.path("key-id").asText();
        return detail.path("resourceId")
                .asText(detail.path("command-id").asText() + "/"
                        + detail.path("instance-id").asText());
    }

    /** The stages find and write the record of the deployment "default". */
    void recordDeployment() {
        var record = texts(
                Map.of("pk", "DEPLOYMENT", "sk", "default", "phase", "PROVISIONING", "since", "2026-11-02T09:00:00Z"));
        dynamoDb().putItem(put -> put.tableName(table()).item(record));
    }

    /** The stages keep the lock of the deployment "default", as those of a running execution do. */
    void lockDeployment() {
        var lock = texts(Map.of("pk", "LOCK", "sk", "default", "execution", execution));
        lock.put("turn", AttributeValue.fromN("1"));
        dynamoDb().putItem(put -> put.tableName(table()).item(lock));
    }

    /** A page of objects, and the results of a Map Run that has run none. */
    void storePages() {
        put("pages/000000000.jsonl", "{\"key\": \"2026/Q3 results (final).csv\"}");
        put("results/c3da11ca-6515-4d36-acb7-e16eda287cc1/manifest.json", """
            {"DestinationBucket": "evidence", "MapRunArn": "arn",
             "ResultFiles": {"FAILED": [], "PENDING": [], "SUCCEEDED": []}}\
            """);
    }

    private void put(String key, String text) {
        deployment
                .cloud()
                .client(S3Client.builder().forcePathStyle(true))
                .putObject(
                        put -> put.bucket(deployment.stack().outputs().get("EvidenceBucketName"))
                                .key("reencrypt-existing/current/" + key),
                        RequestBody.fromString(text));
    }

    boolean isWaitedFor(String stage) {
        return dynamoDb()
                .queryPaginator(query -> query.tableName(table())
                        .keyConditionExpression("pk = :pk")
                        .expressionAttributeValues(Map.of(":pk", AttributeValue.fromS("WAIT"))))
                .items()
                .stream()
                .anyMatch(item -> item.get("stage").s().equals(stage));
    }

    private static Map<String, AttributeValue> texts(Map<String, String> texts) {
        var attributes = new TreeMap<String, AttributeValue>();
        texts.forEach((name, text) -> attributes.put(name, AttributeValue.fromS(text)));
        return attributes;
    }

    private DynamoDbClient dynamoDb() {
        return deployment.cloud().client(DynamoDbClient.builder());
    }

    private String table() {
        return deployment.stack().resource("Table");
    }
}
