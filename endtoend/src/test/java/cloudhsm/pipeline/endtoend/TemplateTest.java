package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.cli.LocalDeployment;
import cloudhsm.pipeline.localcloud.http.Json;
import cloudhsm.pipeline.localcloud.template.Stack;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

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
        var settle = Json.parse(Files.readString(
                        LocalDeployment.projectRoot().resolve("statemachine/teardown.asl.json")))
                .path("States")
                .path("LetUploadsSettle")
                .path("Seconds")
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

    private static Stack deploy(LocalCloud cloud, String name) {
        return Stack.deploy(
                cloud,
                LocalDeployment.projectRoot(),
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
