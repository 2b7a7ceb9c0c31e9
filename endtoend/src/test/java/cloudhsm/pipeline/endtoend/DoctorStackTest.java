package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.http.Call;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.sfn.SfnClient;
import software.amazon.awssdk.services.sfn.model.DescribeStateMachineResponse;
import software.amazon.awssdk.services.sqs.SqsClient;

/** {@code ./run-local doctor --stack}: what is deployed against what lies here, and how it does. */
class DoctorStackTest {
    private static final String NAME = "cloudhsm-pipeline";

    @TempDir
    private Path directory;

    /** What a test does to it, it undoes. */
    private static LocalDeployment shared;

    private LocalDeployment deployment = shared;
    private Optional<LocalDeployment> own = Optional.empty();

    @BeforeAll
    static void deployOnce() {
        shared = deploy(Map.of());
    }

    private static LocalDeployment deploy(Map<String, String> parameters) {
        return LocalDeployment.deploy(LocalCloud.start(), LocalDeployment.projectRoot(), parameters);
    }

    @AfterAll
    static void endOfShared() {
        shared.close();
    }

    @AfterEach
    void end() {
        own.ifPresent(LocalDeployment::close);
    }

    /** For tests that leave something behind, or need other parameters. */
    private void deployAnother(Map<String, String> parameters) {
        deployment = deploy(parameters);
        own = Optional.of(deployment);
    }

    private Examined examined() {
        return examined(LocalDeployment.projectRoot(), NAME);
    }

    private Examined examined(Path root, String stack) {
        var cloud = deployment.cloud();
        return Examined.of(cloud, cloud.iam().administrator(), root, "{}", Optional.of(stack));
    }

    private String physical(String logicalId) {
        return deployment.stack().resource(logicalId);
    }

    @Test
    void aStackThatIsWhatLiesHereIsSaidToBe() {
        var before = deployment.cloud().endpoint().calls().size();
        var examined = examined();
        assertEquals(0, examined.exitCode(), examined::toString);
        var functions = deployment.stack().functions().size();
        assertTrue(
                examined.toString().contains("function code: " + functions + " functions run what is built here"),
                examined::toString);
        assertTrue(examined.toString().contains("deployments: none; no HSM bills"), examined::toString);
        var calls = deployment.cloud().endpoint().calls();
        var others = calls.subList(before, calls.size()).stream()
                .map(Call::operation)
                .filter(operation -> !operation.matches("(Describe|Get|Head|List|Simulate|Validate|Query).*"))
                .toList();
        assertEquals(List.of(), others, "every call is a read");
    }

    @Test
    void deploymentsAreToldWithWhatBills() {
        deployAnother(Map.of());
        var cloud = deployment.cloud();
        var subnet = cloud.ec2().subnets().getFirst();
        var cloudHsm = cloud.client(CloudHsmV2Client.builder());
        var cluster = cloudHsm.createCluster(
                        each -> each.hsmType("hsm2m.medium").mode("FIPS").subnetIds(subnet.subnetId()))
                .cluster()
                .clusterId();
        cloud.advance(Duration.ofMinutes(10));
        cloudHsm.createHsm(hsm -> hsm.clusterId(cluster).availabilityZone(subnet.availabilityZone()));
        cloud.client(DynamoDbClient.builder())
                .putItem(put -> put.tableName(physical("Table"))
                        .item(Map.of(
                                "pk", AttributeValue.fromS("DEPLOYMENT"),
                                "sk", AttributeValue.fromS("default"),
                                "phase", AttributeValue.fromS("PROVISIONING"))));
        var examined = examined();
        assertEquals(0, examined.exitCode(), examined::toString);
        assertTrue(
                examined.toString()
                        .contains(
                                "default is PROVISIONING; 1 HSM bills in eu-central-1, those of other stacks and people"
                                        + " among them: 1.92 USD an hour."),
                examined::toString);
    }

    @Test
    void noSuchStack() {
        examined(LocalDeployment.projectRoot(), "other").assertWrong("stack", "there is no stack other", "list-stacks");
    }

    @Test
    void functionsThatRunOtherCode() throws IOException {
        var copy = Examined.copyOfProject(directory);
        Files.write(copy.resolve("functions/reencryption/target/reencryption.zip"), new byte[] {1});
        var examined = examined(copy, NAME);
        examined.assertWrong("function code", "run other code than is built here: ", "sam deploy");
        assertTrue(examined.toString().contains("ReencryptObjectsFunction"), examined::toString);
    }

    @Test
    void aDefinitionThatWasChangedHere() throws IOException {
        var copy = Examined.copyOfProject(directory);
        Examined.change(copy.resolve("statemachine/pause.asl.json"), "\"TimeoutSeconds\": ", "\"TimeoutSeconds\": 1");
        examined(copy, NAME)
                .assertWrong("deployed definition statemachine/pause.asl.json", "has another definition", "sam deploy");
    }

    @Test
    void aDefinitionThatSomebodyHasReplaced() {
        var states = deployment.cloud().client(SfnClient.builder());
        var arn = deployment.stack().outputs().get("PauseStateMachineArn");
        var before = states.describeStateMachine(machine -> machine.stateMachineArn(arn));
        replace(
                states,
                before,
                "{\"QueryLanguage\": \"JSONata\", \"StartAt\": \"End\", \"States\": {\"End\": {\"Type\":"
                        + " \"Succeed\"}}}");
        examined()
                .assertWrong("deployed definition statemachine/pause.asl.json", "has another definition", "sam deploy");
        replace(states, before, before.definition());
    }

    private static void replace(SfnClient states, DescribeStateMachineResponse machine, String definition) {
        states.deleteStateMachine(old -> old.stateMachineArn(machine.stateMachineArn()));
        states.createStateMachine(another ->
                another.name(machine.name()).roleArn(machine.roleArn()).definition(definition));
    }

    @Test
    void aResourceThatDiffers() throws IOException {
        var copy = Examined.copyOfProject(directory);
        Examined.change(
                copy.resolve("template.yaml"),
                "TimeToLiveSpecification: { AttributeName: expires",
                "TimeToLiveSpecification: { AttributeName: ends");
        examined(copy, NAME).assertWrong("stack template", "not as in template.yaml here: Table.", "change set");
    }

    @Test
    void aParameterThatTheStackLacks() throws IOException {
        var copy = Examined.copyOfProject(directory);
        Examined.change(
                copy.resolve("template.yaml"),
                "\nParameters:\n",
                "\nParameters:\n  New: { Type: String, Default: x }\n");
        examined(copy, NAME).assertWrong("stack parameters", "the stack lacks [New]", "sam deploy");
    }

    @Test
    void aPriceThatIsNotAws() {
        deployAnother(Map.of("PricePerHsmHour", "1.60"));
        examined().assertWrong("price", "an HSM costs 1.92 USD an hour in eu-central-1", "PricePerHsmHour=1.92");
    }

    @Test
    void anAlarmThatRings() {
        deployment.cloud().monitoring().setAlarmState(physical("UploadsPutAside"), "ALARM", "Threshold Crossed");
        var examined = examined();
        deployment.cloud().monitoring().setAlarmState(physical("UploadsPutAside"), "OK", "");
        examined.assertWrong("alarms", "(Threshold Crossed)", "docs/runbook.md");
    }

    @Test
    void aSubscriptionThatNobodyHasConfirmed() {
        deployAnother(Map.of("NotificationEmail", "ops@example.com", "PricePerHsmHour", "1.92"));
        examined().assertWrong("subscriptions", "ops@example.com", "follow the link");
        deployment.cloud().sns().confirm("ops@example.com");
        var examined = examined();
        assertEquals(0, examined.exitCode(), examined::toString);
        assertTrue(examined.toString().contains("and PricePerHsmHour says 1.92."), examined::toString);
    }

    @Test
    void aSnapshotThatIsGone() {
        deployAnother(Map.of());
        var cloud = deployment.cloud();
        var administrator = cloud.iam().administrator();
        for (var rule : cloud.endpoint()
                .call(administrator, "events", "ListRules", Json.object())
                .path("Rules")) {
            var name = Json.object().put("Name", rule.path("Name").asText());
            cloud.endpoint().call(administrator, "events", "DisableRule", name);
        }
        cloud.advance(Duration.ofDays(15));
        examined().assertWrong("SnapStart", "ReencryptObjectsFunction:live is Inactive", "an upload wakes it");
    }

    @Test
    void messagesThatWerePutAside() {
        var sqs = deployment.cloud().client(SqsClient.builder());
        var url = physical("UploadsDeadLetterQueue");
        sqs.sendMessage(message -> message.queueUrl(url).messageBody("{}"));
        var examined = examined();
        sqs.purgeQueue(queue -> queue.queueUrl(url));
        examined.assertWrong("queue UploadsDeadLetterQueue", "1 messages were put aside", "docs/runbook.md");
    }
}
