package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.doctor.Aws;
import cloudhsm.pipeline.runlocal.doctor.Examination;
import cloudhsm.pipeline.runlocal.doctor.Finding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;

/** What {@code ./run-local doctor} says of an embedded AWS. */
record Examined(int exitCode, List<Finding> findings) {
    /** As the administrator sees it, before the first deployment. */
    static Examined of(LocalCloud cloud) {
        return of(cloud, "{}");
    }

    static Examined of(LocalCloud cloud, String input) {
        return of(cloud, cloud.iam().administrator(), LocalDeployment.projectRoot(), input, Optional.empty());
    }

    static Examined of(LocalCloud cloud, Path root) {
        return of(cloud, cloud.iam().administrator(), root, "{}", Optional.empty());
    }

    static Examined of(LocalCloud cloud, Identity caller) {
        return of(cloud, caller, LocalDeployment.projectRoot(), "{}", Optional.empty());
    }

    static Examined of(LocalCloud cloud, Identity caller, Path root, String input, Optional<String> stack) {
        return of(cloud, cloud.account().region(), caller, root, input, stack, Clock.systemUTC());
    }

    static Examined of(
            LocalCloud cloud,
            String region,
            Identity caller,
            Path root,
            String input,
            Optional<String> stack,
            Clock clock) {
        var credentials = StaticCredentialsProvider.create(
                AwsBasicCredentials.create(caller.accessKeyId(), caller.secretAccessKey()));
        try (var aws = Aws.at(cloud.uri(), region, credentials, clock, cloud::advance)) {
            var examination = new Examination(aws, root, finding -> {});
            examination.run(Json.parse(input), stack);
            return new Examined(examination.exitCode(), examination.findings());
        }
    }

    /** What was found is wrong, named so, and followed by this advice; nothing else is wrong. */
    void assertWrong(String check, String found, String next) {
        var wrong = all(Finding.Verdict.WRONG);
        assertEquals(
                List.of(check), wrong.stream().map(Finding::check).distinct().toList(), this::toString);
        assertTrue(
                wrong.stream()
                        .anyMatch(each ->
                                each.found().contains(found) && each.next().contains(next)),
                this::toString);
        assertEquals(1, exitCode, this::toString);
    }

    /** AWS did not show this, and nothing is wrong. */
    void assertUnseen(String check, String found) {
        assertTrue(
                all(Finding.Verdict.UNSEEN).stream()
                        .anyMatch(each -> each.check().equals(check)
                                && each.found().contains(found)
                                && !each.next().isEmpty()),
                this::toString);
        assertEquals(2, exitCode, this::toString);
    }

    List<Finding> all(Finding.Verdict verdict) {
        return findings.stream().filter(each -> each.verdict() == verdict).toList();
    }

    @Override
    public String toString() {
        var lines = new StringBuilder("exit code " + exitCode);
        findings.forEach(each -> lines.append('\n').append(each));
        return lines.toString();
    }

    /** What of the working tree is looked at, in a directory of its own, where it can be changed. */
    static Path copyOfProject(Path directory) throws IOException {
        var root = LocalDeployment.projectRoot();
        for (var part : List.of(
                "template.yaml",
                "policies",
                "statemachine",
                "functions/provisioning/src/main/resources",
                "functions/provisioning/target/documents",
                "events/provision.schema.json")) {
            try (var files = Files.walk(root.resolve(part))) {
                for (var file : files.filter(Files::isRegularFile).toList()) {
                    var copy = directory.resolve(root.relativize(file).toString());
                    Files.createDirectories(copy.getParent());
                    Files.copy(file, copy);
                }
            }
        }
        for (var archive : List.of(
                "functions/provisioning/target/provisioning.zip", "functions/reencryption/target/reencryption.zip")) {
            Files.createDirectories(directory.resolve(archive).getParent());
            Files.copy(root.resolve(archive), directory.resolve(archive));
        }
        return directory;
    }

    /** Replaces a text that is in the file. */
    static void change(Path file, String text, String by) throws IOException {
        var before = Files.readString(file);
        assertTrue(before.contains(text), () -> file + " has no " + text);
        Files.writeString(file, before.replace(text, by));
    }
}
