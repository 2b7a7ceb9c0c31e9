package cloudhsm.pipeline.localcloud.states;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.lambda.TestFunctions;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;
import software.amazon.awssdk.services.sfn.model.MapRunStatus;

class DistributedMapTest {
    private static final String MACHINE = "arn:aws:states:eu-central-1:111122223333:stateMachine:objects";
    private static final String START = allow("states:StartExecution", MACHINE) + ","
            + allow("states:DescribeExecution", "arn:aws:states:eu-central-1:111122223333:execution:objects:*") + ","
            + allow("states:StopExecution", "arn:aws:states:eu-central-1:111122223333:execution:objects:*");
    private static final String LIST = allow("s3:ListBucket", "arn:aws:s3:::data");
    private static final String READ = allow("s3:GetObject", "arn:aws:s3:::data/*");
    private static final String WRITE = allow("s3:PutObject", "arn:aws:s3:::data/results/*");

    /** Fails for the items that say so. */
    private static final String FAILING = """
        "StartAt": "C", "States": {
         "C": {"Type": "Choice", "Default": "W",
          "Choices": [{"Condition": "{% $states.input.bad = true %}", "Next": "F"}]},
         "W": {"Type": "Wait", "Seconds": 60, "End": true},
         "F": {"Type": "Fail", "Error": "Bad", "Cause": "this item is bad"}}\
        """;

    private static final String ECHO = """
        "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}\
        """;

    private static final String WRITER = """
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject",
         "Arguments": {"Bucket": "data", "Prefix": "results"}}\
        """;

    private final LocalCloud cloud = LocalCloud.start();
    private final SfnClient sfn = cloud.client(SfnClient.builder());
    private final S3Client s3 = cloud.client(S3Client.builder().forcePathStyle(true));

    @AfterEach
    void close() {
        sfn.close();
        s3.close();
        cloud.close();
    }

    private static String allow(String action, String resource) {
        return "{\"Effect\": \"Allow\", \"Action\": \"" + action + "\", \"Resource\": \"" + resource + "\"}";
    }

    private void bucket(String... keysAndContents) {
        s3.createBucket(create -> create.bucket("data")
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        for (int i = 0; i < keysAndContents.length; i += 2) {
            var key = keysAndContents[i];
            s3.putObject(put -> put.bucket("data").key(key), RequestBody.fromString(keysAndContents[i + 1]));
        }
    }

    private JsonNode object(String key) {
        return Json.parse(
                s3.getObjectAsBytes(get -> get.bucket("data").key(key)).asByteArray());
    }

    /** Starts a machine of one distributed Map, after a Pass that assigns the variable n. */
    private Execution start(String fields, String processor, String input, String... statements) {
        return startAs("STANDARD", fields, processor, input, statements);
    }

    private Execution startAs(String type, String fields, String processor, String input, String... statements) {
        var role = TestFunctions.role(
                cloud,
                "machine",
                "states.amazonaws.com",
                statements.length == 0 ? null : "{\"Statement\": [" + String.join(",", statements) + "]}");
        var machine = cloud.states()
                .createStateMachine(
                        "objects", """
                            {"QueryLanguage": "JSONata", "StartAt": "A", "States": {
                             "A": {"Type": "Pass", "Assign": {"n": 2}, "Next": "M"},
                             "M": {"Type": "Map", "Label": "each", "End": true, %s
                              "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "%s"}, %s}}}}\
                            """.formatted(fields.isEmpty() ? "" : fields + ",", type, processor), role);
        return cloud.states().execution(cloud.states().startExecution(machine, "run", Json.parse(input)));
    }

    private Execution run(String fields, String processor, String input, String... statements) {
        var execution = start(fields, processor, input, statements);
        cloud.time().runUntil(() -> execution.status() != Execution.Status.RUNNING, Duration.ofDays(2));
        return execution;
    }

    private static JsonNode succeeded(Execution execution) {
        assertEquals(Execution.Status.SUCCEEDED, execution.status(), execution.error() + " " + execution.cause());
        return execution.output().orElseThrow();
    }

    private static String failed(Execution execution) {
        assertEquals(Execution.Status.FAILED, execution.status());
        return execution.error().orElseThrow();
    }

    private static List<String> types(Execution execution) {
        return execution.historyEvents().stream()
                .map(event -> event.path("type").asText())
                .toList();
    }

    private String mapRunArn(Execution execution) {
        return sfn.listMapRuns(list -> list.executionArn(execution.arn()))
                .mapRuns()
                .getFirst()
                .mapRunArn();
    }

    private static String listing(String more) {
        return """
            "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2",
             "Arguments": {"Bucket": "{% $states.input.bucket %}", "Prefix": "in/"}}\
            """ + more;
    }

    private static String object(String key, String config) {
        return """
            "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {%s},
             "Arguments": {"Bucket": "data", "Key": "%s"}}\
            """.formatted(config, key);
    }

    @Test
    void listingGivesEveryObjectUnderThePrefix() {
        bucket("in/a", "1", "in/b", "22", "out/c", "333");
        var output = succeeded(run(listing(""), ECHO, "{\"bucket\": \"data\"}", START, LIST));
        assertEquals(2, output.size());
        assertEquals("in/b", output.get(1).path("Key").asText());
        assertEquals(2, output.get(1).path("Size").asInt());
        assertEquals("STANDARD", output.get(1).path("StorageClass").asText());
        assertTrue(output.get(1).path("LastModified").isIntegralNumber(), "epoch seconds, unlike the API");
        assertTrue(output.get(1).path("Etag").asText().startsWith("\""), output.toString());
        assertFalse(output.get(1).has("VersionId"), "a listing names no versions");
    }

    @Test
    void listingNeedsTheRolesRightOnTheBucket() {
        bucket("in/a", "1");
        var execution = run(listing(""), ECHO, "{\"bucket\": \"data\"}", START);
        assertEquals("States.ItemReaderFailed", failed(execution));
        assertTrue(execution.cause().orElseThrow().contains("s3:ListBucket"), execution.cause()::toString);
    }

    @Test
    void csvRowsAreItemsByTheirHeader() {
        bucket("items.csv", "id;text\n1;\"a;\"\"b\"\"\"\n2;\n");
        var output = succeeded(run(object("items.csv", """
            "InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "SEMICOLON"\
            """), ECHO, "{}", START, READ));
        assertEquals("[{\"id\":\"1\",\"text\":\"a;\\\"b\\\"\"},{\"id\":\"2\",\"text\":\"\"}]", Json.text(output));
    }

    @Test
    void jsonItemsAreFoundByTheirPointerUpToMaxItems() {
        bucket("items.json", "{\"all\": [1, 2, 3]}");
        var config = "\"InputType\": \"JSON\", \"ItemsPointer\": \"/all\", \"MaxItems\": 2";
        assertEquals("[1,2]", Json.text(succeeded(run(object("items.json", config), ECHO, "{}", START, READ))));
    }

    @Test
    void jsonLinesAreItems() {
        bucket("items.jsonl", "{\"a\":1}\n{\"a\":2}\n");
        var output = succeeded(run(object("items.jsonl", "\"InputType\": \"JSONL\""), ECHO, "{}", START, READ));
        assertEquals("[{\"a\":1},{\"a\":2}]", Json.text(output));
    }

    @Test
    void batchesCarryTheirItemsAndTheBatchInput() {
        var output = succeeded(run("""
            "Items": "{% $states.input.keys %}", "ItemSelector": {"k": "{% $states.context.Map.Item.Value %}"},
            "ItemBatcher": {"MaxItemsPerBatch": "{% $n %}", "BatchInput": {"run": "{% $states.context.Execution.Name %}"}}\
            """, ECHO, "{\"keys\": [\"a\", \"b\", \"c\"]}", START));
        assertEquals(
                "[{\"BatchInput\":{\"run\":\"run\"},\"Items\":[{\"k\":\"a\"},{\"k\":\"b\"}]},"
                        + "{\"BatchInput\":{\"run\":\"run\"},\"Items\":[{\"k\":\"c\"}]}]",
                Json.text(output));
    }

    @Test
    void batchesStayWithinTheirBytes() {
        // {"Items":["aaaa","bbbb"]} has 25 bytes, with a third item 32.
        var output = succeeded(run("""
            "ItemBatcher": {"MaxInputBytesPerBatch": 31}\
            """, ECHO, "[\"aaaa\", \"bbbb\", \"cccc\"]", START));
        assertEquals("[{\"Items\":[\"aaaa\",\"bbbb\"]},{\"Items\":[\"cccc\"]}]", Json.text(output));
    }

    @Test
    void itemLargerThanItsBatchMayBeFailsTheRun() {
        var execution = run("\"ItemBatcher\": {\"MaxInputBytesPerBatch\": 16}", ECHO, "[\"aaaaaaaaaaaaaaaa\"]", START);
        assertEquals("States.DataLimitExceeded", failed(execution));
    }

    @Test
    void childrenAreExecutionsOfTheirOwn() {
        var execution = run("", ECHO, "[{\"a\": 1}]", START);
        succeeded(execution);
        var run = mapRunArn(execution);
        assertTrue(run.startsWith(MACHINE.replace(":stateMachine:", ":mapRun:") + "/each:"), run);
        var child = sfn.listExecutions(list -> list.mapRunArn(run)).executions().getFirst();
        assertTrue(child.executionArn().contains(":execution:objects/each:"), child.executionArn());
        var described = sfn.describeExecution(describe -> describe.executionArn(child.executionArn()));
        assertEquals("{\"a\":1}", described.input());
        assertEquals(run, described.mapRunArn());
        assertEquals(
                1,
                sfn.listExecutions(list -> list.stateMachineArn(MACHINE))
                        .executions()
                        .size(),
                "the machine's own list shows the parent only");
        assertEquals(
                List.of("MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded", "MapStateSucceeded"),
                types(execution).subList(3, 8));
    }

    @Test
    void parentsVariablesAreNotVisibleInChildren() {
        var execution = run("\"ToleratedFailurePercentage\": 100", """
            "StartAt": "P", "States": {"P": {"Type": "Pass", "Output": "{% $n %}", "End": true}}\
            """, "[1]", START);
        assertEquals(
                "States.QueryEvaluationError",
                succeeded(execution).get(0).path("Error").asText());
    }

    @Test
    void concurrencyIsBounded() {
        var execution = start("\"MaxConcurrency\": 2", FAILING, "[{}, {}, {}]", START);
        cloud.advance(Duration.ofSeconds(30));
        var counts = sfn.describeMapRun(describe -> describe.mapRunArn(mapRunArn(execution)))
                .itemCounts();
        assertEquals(List.of(2L, 1L), List.of(counts.running(), counts.pending()));
        cloud.advance(Duration.ofMinutes(2));
        succeeded(execution);
    }

    @Test
    void oneFailureFailsTheRunWhereNoneIsTolerated() {
        var execution = run("", FAILING, "[{}, {\"bad\": true}]", START);
        assertEquals("States.ExceedToleratedFailureThreshold", failed(execution));
        assertTrue(types(execution).contains("MapRunFailed"));
        var run = sfn.describeMapRun(describe -> describe.mapRunArn(mapRunArn(execution)));
        assertEquals(MapRunStatus.FAILED, run.status());
        assertEquals(1, run.itemCounts().failed());
        assertEquals(1, run.itemCounts().aborted(), "what still ran is stopped");
    }

    @Test
    void failuresWithinThePercentageAreTolerated() {
        var execution = run("\"ToleratedFailurePercentage\": 50", FAILING, "[{}, {\"bad\": true}]", START);
        var failure = succeeded(execution).get(1);
        assertEquals("Bad", failure.path("Error").asText());
        assertEquals("FAILED", failure.path("Status").asText());
    }

    @Test
    void everyItemOfAFailedBatchCounts() {
        var fields = "\"ToleratedFailureCount\": 1, \"ItemBatcher\": {\"MaxItemsPerBatch\": 2}";
        var execution = run(fields, """
            "StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Bad"}}\
            """, "[1, 2]", START);
        assertEquals("States.ExceedToleratedFailureThreshold", failed(execution));
    }

    @Test
    void resultFilesNameWhatSucceededFailedAndNeverRan() {
        bucket();
        var execution = run(
                WRITER + ", \"MaxConcurrency\": 1",
                FAILING,
                "[{\"id\": 1}, {\"bad\": true}, {\"id\": 3}]",
                START,
                WRITE);
        assertEquals("States.ExceedToleratedFailureThreshold", failed(execution));
        var run = mapRunArn(execution);
        var folder = "results/" + run.substring(run.lastIndexOf(':') + 1) + "/";
        var manifest = object(folder + "manifest.json");
        assertEquals(run, manifest.path("MapRunArn").asText());
        for (var kind : List.of("SUCCEEDED", "FAILED", "PENDING")) {
            assertEquals(
                    folder + kind + "_0.json",
                    manifest.path("ResultFiles").path(kind).path(0).path("Key").asText());
        }
        assertEquals(
                "{\"id\":1}",
                object(folder + "SUCCEEDED_0.json").get(0).path("Output").asText());
        assertEquals(
                "Bad", object(folder + "FAILED_0.json").get(0).path("Error").asText());
        assertEquals(
                "{\"id\":3}",
                object(folder + "PENDING_0.json").get(0).path("Input").asText());
    }

    @Test
    void writtenResultsAreTheStatesResult() {
        bucket();
        var output = succeeded(run(WRITER, ECHO, "[1]", START, WRITE));
        assertEquals("data", output.path("ResultWriterDetails").path("Bucket").asText());
        var key = output.path("ResultWriterDetails").path("Key").asText();
        assertTrue(object(key).path("ResultFiles").path("FAILED").isEmpty(), "nothing failed, so there is no file");
    }

    @Test
    void writingNeedsTheRolesRightOnTheObjects() {
        bucket();
        var execution = run(WRITER, ECHO, "[1]", START);
        assertEquals("States.ResultWriterFailed", failed(execution));
    }

    @Test
    void resultsBeyond256KibibytesNeedAWriter() {
        var processor = """
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Output": "{% $pad('', 100000, 'x') %}"}}\
            """;
        assertEquals("States.DataLimitExceeded", failed(run("", processor, "[1, 2, 3]", START)));
    }

    @Test
    void roleNeedsToFollowTheExecutionsOfItsOwnMachine() {
        var execution = run("", ECHO, "[1]", allow("states:StartExecution", MACHINE));
        assertEquals("States.Permissions", failed(execution));
        assertTrue(execution.cause().orElseThrow().contains("states:DescribeExecution"), execution.cause()::toString);
    }

    @Test
    void roleNeedsStartExecutionOnItsOwnMachine() {
        var execution = run("", ECHO, "[1]", allow("states:StartExecution", MACHINE + "-other"));
        assertEquals("States.Permissions", failed(execution));
        assertTrue(execution.cause().orElseThrow().contains("states:StartExecution"), execution.cause()::toString);
        assertTrue(types(execution).contains("MapRunFailed"), "the run starts, and its first child may not");
    }

    @Test
    void stoppingTheParentStopsTheChildren() {
        var execution = start("", FAILING, "[{}]", START);
        cloud.advance(Duration.ofSeconds(10));
        sfn.stopExecution(stop -> stop.executionArn(execution.arn()));
        var run = mapRunArn(execution);
        assertEquals(
                MapRunStatus.ABORTED,
                sfn.describeMapRun(describe -> describe.mapRunArn(run)).status());
        assertEquals(
                ExecutionStatus.ABORTED,
                sfn.listExecutions(list -> list.mapRunArn(run))
                        .executions()
                        .getFirst()
                        .status());
    }

    @Test
    void expressChildrenEndAfterFiveMinutes() {
        var execution = startAs("EXPRESS", "", """
            "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 301, "End": true}}\
            """, "[1]", START);
        cloud.advance(Duration.ofMinutes(6));
        assertEquals("States.ExceedToleratedFailureThreshold", failed(execution));
    }

    private void refused(String type, String fields, String processor, String why) {
        var refusal = assertThrows(AwsException.class, () -> startAs(type, fields, processor, "[]"));
        assertEquals("InvalidDefinition", refusal.code());
        assertTrue(refusal.getMessage().contains(why), refusal.getMessage());
    }

    @Test
    void executionTypeIsRequired() {
        refused("", "", ECHO, "ExecutionType");
    }

    @Test
    void manifestsAreRefused() {
        refused("STANDARD", object("m", "\"InputType\": \"MANIFEST\""), ECHO, "JSON, JSONL and CSV only");
    }

    @Test
    void labelsAreUniqueInTheirMachine() {
        refused("STANDARD", "", """
            "StartAt": "I", "States": {"I": {"Type": "Map", "Label": "each", "End": true,
             "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
              "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}\
            """, "used twice");
    }

    @Test
    void batcherNeedsABound() {
        refused("STANDARD", "\"ItemBatcher\": {\"BatchInput\": {}}", ECHO, "MaxItemsPerBatch");
    }

    @Test
    void expressChildrenCannotWaitForTokens() {
        refused("EXPRESS", "", """
            "StartAt": "T", "States": {"T": {"Type": "Task", "End": true,
             "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
             "Arguments": {"FunctionName": "f", "Payload": {"t": "{% $states.context.Task.Token %}"}}}}\
            """, "EXPRESS");
    }
}
