package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.states.Execution;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.matrix.SecretSearch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** Secrets are where {@code docs/security.md} says, and nowhere else: in no file of the project, in nothing that runs write. */
class SecretsTest {
    private static final Set<String> NOT_OF_THE_PROJECT = Set.of(".git", "target", "node_modules", ".aws-sam", ".idea");

    /** What a secret looks like, by what it is. */
    private static final Map<String, Pattern> SECRETS = Map.of(
            "a private key", Pattern.compile("-----BEGIN [A-Z ]*PRIVATE KEY-----\\s+[A-Za-z0-9+/=]{40}"),
            "an AWS access key", Pattern.compile("\\b(AKIA|ASIA)[A-Z2-7]{16}\\b"),
            "an AWS secret access key", Pattern.compile("(?i)aws.{0,20}secret.{0,20}[\"'=: ]{1,4}[A-Za-z0-9/+]{40}\\b"),
            "a token of a code host", Pattern.compile("\\b(gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})\\b"),
            "a password in a URL", Pattern.compile("\\b[a-z][a-z0-9+.-]*://[^/\\s:@\"'<>]+:[^/\\s:@\"'<>{$%]+@"));

    @Test
    void aFailedRunAFullRunAndATeardownWriteNoSecret() {
        var keepingTheRootsKey = "{\"clusterCertificate\": {\"caKey\": \"KEEP\"}}";
        // Two weeks of health checks every 5 minutes would repeat themselves 4,000 times.
        try (var pipeline = Pipeline.deploy(1, Map.of("HealthCheckSchedule", "rate(6 hours)"))) {
            var failing = pipeline.start("failing", keepingTheRootsKey);
            pipeline.runUntilEntered("failing", "ActivateCluster");
            var egress = new ClientEgress(pipeline.ec2());
            egress.close();
            assertEquals(ExecutionStatus.FAILED, pipeline.end(failing).status());
            egress.open();
            var full = pipeline.provision("full", keepingTheRootsKey);
            assertEquals(ExecutionStatus.SUCCEEDED, full.status(), full::cause);
            var running = SecretSearch.search(pipeline.cloud());
            var down = pipeline.tearDown(
                    "down", "{\"deployment\":\"default\",\"confirm\":\"default\",\"data\":\"DELETE\"}");
            assertEquals(ExecutionStatus.SUCCEEDED, down.status(), down::cause);
            pipeline.cloud().advance(Duration.ofDays(8));
            var gone = SecretSearch.search(pipeline.cloud());

            assertEquals(List.of(), running.leaks());
            assertEquals(List.of(), gone.leaks());
            assertTrue(running.secrets() >= 3, "two passwords and the root's key: " + running.secrets());
            assertTrue(gone.secrets() >= running.secrets(), "what was deleted is still looked for");
            assertTrue(gone.tokens() > running.tokens() && running.tokens() > 20, "each stage has a task token");
            System.out.printf(
                    "secrets: a failed run, a full run and a teardown wrote %,d characters in %d places; none of %d"
                            + " secrets and %d task tokens is where it must not be%n",
                    running.characters() + gone.characters(), gone.places(), gone.secrets(), gone.tokens());
        }
    }

    @Test
    void withTheirExecutionDataTheStateMachinesLogTheirTaskTokens(@TempDir Path copy) throws IOException {
        var root = LocalDeployment.projectRoot().toAbsolutePath();
        var template = Files.readString(root.resolve("template.yaml"))
                .replaceAll("(CodeUri|DefinitionUri|Location): (?=[a-z])", "$0" + Matcher.quoteReplacement(root + "/"))
                .replace("IncludeExecutionData: false", "IncludeExecutionData: true")
                .replace("Level: ERROR", "Level: ALL");
        Files.writeString(copy.resolve("template.yaml"), template);
        try (var deployment = LocalDeployment.deploy(LocalCloud.start(), copy)) {
            var states = deployment.cloud().states();
            var refused = Json.parse("{\"deployment\": \"Not A Name\"}");
            var execution = states.execution(states.startExecution(deployment.provisionStateMachine(), "one", refused));
            deployment.cloud().time().runUntil(() -> execution.status() != Execution.Status.RUNNING, Pipeline.LIMIT);
            assertEquals(List.of("a task token is in a state machine's log"), SecretSearch.leaks(deployment.cloud()));
        }
    }

    @Test
    void noFileOfTheProjectHoldsASecret() throws IOException {
        var files = files(LocalDeployment.projectRoot());
        var found = new ArrayList<String>();
        for (var file : files) {
            var text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
            SECRETS.forEach((what, pattern) -> {
                if (pattern.matcher(text).find()) found.add(what + " in " + file);
            });
        }
        assertEquals(List.of(), found);
        assertTrue(files.size() > 400, "there are more files than " + files.size());
        System.out.printf("secrets: none of %d kinds in %d files of the project%n", SECRETS.size(), files.size());
    }

    @Test
    void theSearchKnowsASecretWhenItSeesOne() {
        var key = "-----BEGIN " + "EC PRIVATE KEY-----\n" + "MHcCAQEEIA".repeat(6);
        assertTrue(SECRETS.get("a private key").matcher(key).find());
        assertTrue(SECRETS.get("an AWS access key")
                .matcher("id = AKIA" + "IOSFODNN7EXAMPLE")
                .find());
        assertTrue(SECRETS.get("a password in a URL")
                .matcher("https://user:" + "secret@example.com")
                .find());
    }

    private static List<Path> files(Path root) throws IOException {
        var files = new ArrayList<Path>();
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                return NOT_OF_THE_PROJECT.contains(directory.getFileName().toString())
                        ? FileVisitResult.SKIP_SUBTREE
                        : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (attributes.isRegularFile()) files.add(file);
                return FileVisitResult.CONTINUE;
            }
        });
        return files;
    }
}
