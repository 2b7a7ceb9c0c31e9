package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument.Decision;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.Stack;
import cloudhsm.pipeline.localcloud.template.TemplateException;
import cloudhsm.pipeline.localcloud.template.TemplateFile;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What whoever reads or deploys template.yaml may rely on. */
class TemplateTest {
    static String template() throws IOException {
        return Files.readString(LocalDeployment.projectRoot().resolve("template.yaml"));
    }

    @Test
    void everyRightOnEverythingSaysWhy() throws IOException {
        var silent = new ArrayList<String>();
        var wildcards = 0;
        for (var line : template().lines().toList()) {
            if (!line.matches("\\s*Resource: [\"']\\*[\"'].*")) continue;
            wildcards++;
            if (!line.matches(".*# .{10,}")) silent.add(line.strip());
        }
        assertTrue(wildcards > 0, "the pattern above finds nothing any more");
        assertEquals(List.of(), silent, "a right on everything needs its reason on the same line");
    }

    @Test
    void noResourceHasAFixedName() throws IOException {
        var fixed = template()
                .lines()
                .filter(line ->
                        line.matches("\\s*(FunctionName|BucketName|QueueName|TopicName|TableName|RoleName|AlarmName"
                                + "|DashboardName|LogGroupName|ManagedPolicyName): [^!]*"))
                .toList();
        assertEquals(List.of(), fixed, "two stacks of one account would fight for it");
    }

    @Test
    void teardownLetsTheReencryptorEndWhatItBeganBeforeItReturnsObjects() throws IOException {
        var function = Pattern.compile("\n  ReencryptObjectsFunction:\n.*?\n      Timeout: (\\d+)", Pattern.DOTALL)
                .matcher(template());
        assertTrue(function.find());
        var settle = Json.parse(
                        Files.readString(LocalDeployment.projectRoot().resolve("statemachine/teardown.asl.json")))
                .at("/States/EachBucket/ItemProcessor/States/LetUploadsSettle/Seconds")
                .asInt();
        var knownOfTheBucket = 60;
        assertTrue(
                settle >= Integer.parseInt(function.group(1)) + knownOfTheBucket,
                "a copy that ends later would leave the object under a key that is going to be deleted");
    }

    @Test
    void twoStacksFitIntoOneAccount() {
        try (var cloud = LocalCloud.start()) {
            var one = deploy(cloud, "hsm-test");
            var other = deploy(cloud, "hsm-prod");
            var shared = names(one);
            shared.retainAll(names(other));
            assertEquals(Set.of(), shared, "each stack has resources of its own");
            assertEquals(one.resources().keySet(), other.resources().keySet());
        }
    }

    /** Rights by pattern: those that name the stack must not begin another one's names, too. */
    @Test
    void aStackReachesNothingOfAnotherWhoseNameBeginsWithItsOwn() {
        try (var cloud = LocalCloud.start()) {
            deploy(cloud, "hsm");
            var other = deploy(cloud, "hsm-test");
            var others = new TreeSet<String>();
            other.resources().keySet().forEach(id -> arn(other, id).ifPresent(others::add));
            other.stateMachines()
                    .values()
                    .forEach(arn -> others.add(arn.replace(":stateMachine:", ":execution:") + ":nightly"));
            var reached = new TreeSet<String>();
            for (var role : cloud.iam().roles()) {
                if (!role.name().matches("hsm-.*") || role.name().startsWith("hsm-test-")) continue;
                for (var pattern : namingTheStack(role)) {
                    var regex = Pattern.compile(
                            Pattern.quote(pattern).replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q"));
                    others.stream()
                            .filter(arn -> regex.matcher(arn).matches())
                            .forEach(arn -> reached.add(role.name() + " reaches " + arn + " by " + pattern));
                }
            }
            assertEquals(Set.of(), reached);
        }
    }

    private static Optional<String> arn(Stack stack, String logicalId) {
        try {
            return Optional.of(stack.attribute(logicalId, "Arn"));
        } catch (TemplateException hasNone) {
            return Optional.empty();
        }
    }

    private static List<String> namingTheStack(Role role) {
        return role.policies().values().stream()
                .flatMap(policy -> policy.statements().stream())
                .flatMap(statement -> statement.resources().stream())
                .filter(resource -> resource.matches(".*[:/]hsm-.*"))
                .toList();
    }

    @Test
    void noRoleMayReadEveryQueueOfTheAccount() {
        try (var cloud = LocalCloud.start()) {
            deploy(cloud, "hsm");
            var readers = cloud.iam().roles().stream()
                    .filter(role -> role.policies().values().stream()
                            .flatMap(policy -> policy.statements().stream())
                            .filter(statement -> statement.actions().contains("sqs:ReceiveMessage"))
                            .anyMatch(statement -> statement.resources().contains("*")))
                    .map(Role::name)
                    .toList();
            assertEquals(List.of(), readers, "SAM's policy for the event source SQS stands on every queue");
        }
    }

    /** Those that the Service Authorization Reference narrows, and a cluster that carries no deployment's tag. */
    @ParameterizedTest
    @CsvSource({
        "CreateFirstHsmFunction, CreateHsm",
        "CreateHsmsFunction, CreateHsm",
        "InitializeClusterFunction, InitializeCluster",
        "DeleteClusterFunction, DeleteCluster"
    })
    void aClusterOfNoDeploymentIsLeftAlone(String function, String action) {
        try (var cloud = LocalCloud.start()) {
            deploy(cloud, "hsm");
            var role = cloud.iam().roles().stream()
                    .filter(any -> any.name().startsWith("hsm-" + function))
                    .findFirst()
                    .orElseThrow();
            var caller = cloud.iam().session(role, "test");
            var cluster = "arn:aws:cloudhsm:eu-central-1:111122223333:cluster/cluster-aaaaaaaaaaa";
            var tag = Map.of("aws:ResourceTag/cloudhsm-pipeline:deployment", "default");
            assertEquals(Decision.ALLOWED, cloud.iam().decide(caller, "cloudhsm:" + action, cluster, tag));
            assertEquals(Decision.NOT_MENTIONED, cloud.iam().decide(caller, "cloudhsm:" + action, cluster, Map.of()));
        }
    }

    @Test
    void noAlarmTellsOfDataThatHaveNotBegun() {
        var early = new ArrayList<String>();
        for (var resource : resources()) {
            var properties = resource.getValue().path("Properties");
            if (!resource.getValue().path("Type").asText().equals("AWS::CloudWatch::Alarm")) continue;
            assertFalse(
                    properties.path("AlarmActions").isEmpty()
                            && properties.path("InsufficientDataActions").isEmpty(),
                    () -> resource.getKey() + " tells nobody");
            if (properties.path("TreatMissingData").asText().equals("breaching")) early.add(resource.getKey());
        }
        assertEquals(List.of(), early, "with the first deployment, whose metrics are still to come, they would go off");
    }

    /** What a person loses with the stack: everything else can be deployed again. */
    @Test
    void whatHoldsDataStaysAndIsNamedWhereTheStackIsRemoved() throws IOException {
        var runbook = Files.readString(LocalDeployment.projectRoot().resolve("docs/runbook.md"));
        var section = between(runbook, "\n## Remove the stack\n", "\n## ");
        var retained = new ArrayList<String>();
        for (var resource : resources()) {
            var definition = resource.getValue();
            var holdsData = Set.of("AWS::DynamoDB::Table", "AWS::S3::Bucket")
                    .contains(definition.path("Type").asText());
            assertEquals(
                    holdsData ? "Retain" : "",
                    definition.path("DeletionPolicy").asText(),
                    () -> resource.getKey() + "'s DeletionPolicy");
            assertEquals(
                    definition.path("DeletionPolicy").asText(),
                    definition.path("UpdateReplacePolicy").asText(),
                    () -> resource.getKey() + " is replaced as it is deleted");
            if (holdsData) retained.add(resource.getKey());
        }
        assertFalse(retained.isEmpty());
        for (var id : retained) assertTrue(section.contains("`" + id + "`"), () -> id + " stays, and nobody is told");
    }

    private static Set<Map.Entry<String, JsonNode>> resources() {
        return TemplateFile.read(LocalDeployment.projectRoot().resolve("template.yaml"))
                .path("Resources")
                .properties();
    }

    private static Stack deploy(LocalCloud cloud, String name) {
        return Stack.deploy(
                cloud,
                LocalDeployment.projectRoot().resolve("template.yaml"),
                name,
                Map.of("AwsRootCertificate", cloud.cloudHsm().awsRootPem()));
    }

    private static Set<String> names(Stack stack) {
        var names = new HashSet<String>();
        stack.resources().keySet().forEach(id -> names.add(stack.resource(id)));
        names.addAll(stack.functions().values());
        return names;
    }

    @Test
    void everyParameterIsExplainedAndInAGroup() throws IOException {
        var template = template();
        var parameters = Pattern.compile("^  ([A-Za-z]+):$", Pattern.MULTILINE)
                .matcher(between(template, "\nParameters:\n", "\nMappings:\n"))
                .results()
                .map(found -> found.group(1))
                .toList();
        assertTrue(parameters.size() > 10, parameters::toString);
        var groups = between(template, "\nMetadata:\n", "\nParameters:\n");
        for (var parameter : parameters) {
            var itself = between(template, "\n  " + parameter + ":\n", "\n  [A-Z]");
            assertTrue(itself.contains("Description: "), () -> parameter + " is not explained");
            assertTrue(
                    Pattern.compile("Parameters: \\[.*\\b" + parameter + "\\b")
                            .matcher(groups)
                            .find(),
                    () -> parameter + " is in no group");
            assertTrue(groups.contains("      " + parameter + ": { default"), () -> parameter + " has no label");
        }
    }

    private static String between(String text, String from, String to) {
        var start = text.indexOf(from) + from.length();
        var end = Pattern.compile(to).matcher(text);
        return text.substring(start, end.find(start) ? end.start() : text.length());
    }
}
