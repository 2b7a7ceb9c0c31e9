package cloudhsm.pipeline.runlocal.matrix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.InstanceType;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/** A password, a private key and a task token, planted in each place where the search has to find them. */
class SecretSearchTest {
    private static final String PASSWORD = "planted0for0the0test";
    private static final String KEY = "-----BEGIN " + "PRIVATE KEY-----\n"
            + ("PlantedForTheTest".repeat(4) + "\n").repeat(3)
            + "-----END " + "PRIVATE KEY-----\n";

    /** As JSON texts show line ends. */
    private static final String KEY_IN_JSON = KEY.replace("\n", "\\n");

    private final LocalCloud cloud = LocalCloud.start();
    private String token;

    @BeforeEach
    void storeTheSecretsAndLetATaskWait() {
        try (var secrets = cloud.client(SecretsManagerClient.builder())) {
            secrets.createSecret(secret -> secret.name("password").secretString(PASSWORD));
            secrets.createSecret(
                    secret -> secret.name("ca-key").secretString("{\"privateKey\": \"" + KEY_IN_JSON + "\"}"));
            secrets.deleteSecret(secret -> secret.secretId("password").forceDeleteWithoutRecovery(true));
        }
        token = waitingTask("waits");
        assertEquals(List.of(), SecretSearch.leaks(cloud));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private JsonNode call(String service, String operation, ObjectNode input) {
        return cloud.endpoint().call(cloud.iam().administrator(), service, operation, input);
    }

    private Role role(String name, String service, String action) {
        var role = cloud.iam().createRole(name, PolicyDocument.parse(Json.parse("""
            {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "%s"}}}\
            """.formatted(service))));
        role.policies().put("policy", PolicyDocument.parse(Json.parse("""
            {"Statement": {"Effect": "Allow", "Action": "%s", "Resource": "*"}}\
            """.formatted(action))));
        return role;
    }

    /** Of one task, which sends its token to a queue and waits. */
    private String machine(String name) {
        var queue = call("sqs", "CreateQueue", Json.object().put("QueueName", name))
                .path("QueueUrl")
                .asText();
        return cloud.states().createStateMachine(name, """
            {"QueryLanguage": "JSONata", "StartAt": "Ask", "States": {
             "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": true,
              "Arguments": {"QueueUrl": "%s", "MessageBody": "{%% $states.context.Task.Token %%}"}}}}\
            """.formatted(queue), role(name, "states.amazonaws.com", "*"));
    }

    /** The token that the machine's one execution waits for. */
    private String waitingTask(String name) {
        cloud.states().startExecution(machine(name), "run", Json.object());
        cloud.advance(Duration.ofSeconds(5));
        return cloud.states().taskTokens().iterator().next();
    }

    /** A place by the name that the search gives it, and how a text comes to lie there. */
    private record Place(String name, Consumer<String> plant) {}

    /** All of them; Run Command last, because Systems Manager tells the parameters of commands in its events too. */
    private List<Place> places() {
        return List.of(
                new Place("a function's log", text -> cloud.logs().write("/aws/lambda/stage", "stream", text)),
                new Place(
                        "a state machine's log",
                        text -> cloud.logs().write("/aws/vendedlogs/states/stack", "stream", text)),
                new Place("an event", this::publishEvent),
                new Place("a notification", this::publishNotification),
                new Place("the table", text -> putItem("CLUSTER#planted", text)),
                new Place("the evidence", this::putEvidence),
                new Place("the history of an execution", this::passThrough),
                new Place("Run Command", this::runCommand));
    }

    private void publishEvent(String text) {
        cloud.events().publish("planted", "Planted", List.of(), Json.object().put("text", text));
    }

    private void publishNotification(String text) {
        cloud.sns().publish(cloud.sns().createTopic("planted", Map.of()), "Planted", text);
    }

    private void putItem(String pk, String text) {
        var table = Json.object().put("TableName", "table").put("BillingMode", "PAY_PER_REQUEST");
        table.putArray("AttributeDefinitions")
                .addObject()
                .put("AttributeName", "pk")
                .put("AttributeType", "S");
        table.putArray("KeySchema").addObject().put("AttributeName", "pk").put("KeyType", "HASH");
        if (call("dynamodb", "ListTables", Json.object()).path("TableNames").isEmpty()) {
            call("dynamodb", "CreateTable", table);
            cloud.advance(Duration.ofMinutes(1));
        }
        var put = Json.object().put("TableName", "table");
        var item = put.putObject("Item");
        item.putObject("pk").put("S", pk);
        item.putObject("text").put("S", text);
        call("dynamodb", "PutItem", put);
    }

    private void putEvidence(String text) {
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            s3.createBucket(bucket -> bucket.bucket("stack-evidencebucket-planted")
                    .createBucketConfiguration(location -> location.locationConstraint("eu-central-1")));
            s3.putObject(
                    put -> put.bucket("stack-evidencebucket-planted").key("report.json"), RequestBody.fromString(text));
        }
    }

    /** On a command line of an instance that is made for it. */
    private void runCommand(String text) {
        var role = role("client", "ec2.amazonaws.com", "ssm:UpdateInstanceInformation");
        var profile = cloud.ec2().createInstanceProfile("client", role);
        try (var ec2 = cloud.client(Ec2Client.builder())) {
            var instance = ec2.runInstances(run -> run.imageId(
                                    "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64")
                            .instanceType(InstanceType.T4_G_MICRO)
                            .minCount(1)
                            .maxCount(1)
                            .iamInstanceProfile(one -> one.arn(profile))
                            .subnetId(cloud.ec2().subnets().getFirst().subnetId()))
                    .instances()
                    .getFirst()
                    .instanceId();
            cloud.advance(Duration.ofMinutes(2));
            var command = Json.object().put("DocumentName", "AWS-RunShellScript");
            command.putArray("InstanceIds").add(instance);
            command.putObject("Parameters").putArray("commands").add("true '" + text + "'");
            call("ssm", "SendCommand", command);
        }
    }

    /** As the output of a state that is nobody's result, which no event shows. */
    private void passThrough(String text) {
        var passing = cloud.states()
                .createStateMachine(
                        "passes",
                        """
                        {"QueryLanguage": "JSONata", "StartAt": "Show", "States": {
                         "Show": {"Type": "Pass", "Output": %s, "Next": "Forget"},
                         "Forget": {"Type": "Pass", "Output": {}, "End": true}}}\
                        """.formatted(Json.text(Json.object().put("text", text))),
                        role("passes", "states.amazonaws.com", "*"));
        cloud.states().startExecution(passing, "run", Json.object());
        cloud.advance(Duration.ofSeconds(5));
    }

    private void isFoundInEachPlace(String secret, String text, Set<String> whereItMayBe) {
        var expected = new TreeSet<String>();
        for (var place : places()) {
            place.plant().accept(text);
            if (!whereItMayBe.contains(place.name())) expected.add(secret + " is in " + place.name());
            assertEquals(expected, new TreeSet<>(SecretSearch.leaks(cloud)), "after planting in " + place.name());
        }
        assertEquals(places().size(), SecretSearch.search(cloud).places(), "each place that is searched has its row");
    }

    @Test
    void aPasswordIsFoundInEachPlaceAfterItsSecretIsGone() {
        isFoundInEachPlace("password", PASSWORD, Set.of());
    }

    @Test
    void aPrivateKeyIsFoundInEachPlace() {
        isFoundInEachPlace("ca-key", KEY, Set.of());
    }

    @Test
    void aTaskTokenIsFoundInEachPlaceButTheHistoryWhichHasItByNature() {
        isFoundInEachPlace("a task token", token, Set.of("the history of an execution"));
    }

    @Test
    void aTaskTokenMayWaitInTheTableUnderItsStage() {
        putItem("WAIT#stage", token);
        assertEquals(List.of(), SecretSearch.leaks(cloud));
        putItem("LOCK#stage", token);
        assertEquals(List.of("a task token is in the table"), SecretSearch.leaks(cloud));
    }

    @Test
    void aSecretIsFoundOnALaterPage() {
        for (var i = 0; i < 60; i++) cloud.logs().createLogGroup("/aws/lambda/f%02d".formatted(i), 0);
        cloud.logs().write("/aws/lambda/f59", "stream", PASSWORD);
        assertEquals(List.of("password is in a function's log"), SecretSearch.leaks(cloud));
    }

    @Test
    void aStateMachineThatLogsItsExecutionDataLogsItsTokens() {
        cloud.logs().createLogGroup("/aws/vendedlogs/states/stack", 0);
        var logGroup = cloud.account().arn("logs", "log-group:/aws/vendedlogs/states/stack:*");
        var machine = machine("logs");
        cloud.states().logTo(machine, logGroup, "ALL", false);
        cloud.states().startExecution(machine, "without", Json.object());
        cloud.advance(Duration.ofSeconds(5));
        assertEquals(List.of(), SecretSearch.leaks(cloud));
        assertTrue(cloud.logs().messages("/aws/vendedlogs/states/stack").size() > 3, "the log is not empty");

        cloud.states().logTo(machine, logGroup, "ALL", true);
        cloud.states().startExecution(machine, "with", Json.object());
        cloud.advance(Duration.ofSeconds(5));
        assertEquals(List.of("a task token is in a state machine's log"), SecretSearch.leaks(cloud));
    }
}
