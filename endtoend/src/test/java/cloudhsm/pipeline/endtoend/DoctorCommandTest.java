package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.endtoend.RunLocalProcess.Ended;
import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command in a process of its own, where credentials, Region and endpoint come from the surroundings. */
class DoctorCommandTest {
    @TempDir
    private Path directory;

    private static Ended doctor(Map<String, String> surroundings, String... options)
            throws IOException, InterruptedException {
        var arguments = Stream.concat(Stream.of("doctor"), Stream.of(options)).toArray(String[]::new);
        return RunLocalProcess.start(surroundings, arguments).ended();
    }

    private static void assertSentence(Ended ended, String sentence) {
        assertEquals(2, ended.exitCode(), ended::toString);
        assertTrue(ended.output().contains(sentence), ended::toString);
        assertFalse(ended.output().contains("\tat "), ended::toString);
    }

    @Test
    void theEnvironmentSaysWhoAndWhere() throws IOException, InterruptedException {
        var json = directory.resolve("found.json");
        try (var cloud = LocalCloud.start()) {
            var ended = doctor(RunLocalProcess.surroundings(cloud), "--json", json.toString());
            assertEquals(0, ended.exitCode(), ended::toString);
            assertTrue(ended.output().contains("All is right."), ended::toString);
            assertTrue(ended.output().contains("nothing but reads"), ended::toString);
        }
        var written = Json.parse(Files.readString(json));
        assertEquals(0, written.path("exitCode").asInt());
        assertEquals("identity", written.path("findings").path(0).path("check").asText());
    }

    @Test
    void aProfileSaysWhoAndWhere() throws IOException, InterruptedException {
        var config = directory.resolve("config");
        try (var cloud = LocalCloud.start()) {
            Files.writeString(config, """
                [profile embedded]
                region = eu-central-1
                endpoint_url = %s
                aws_access_key_id = %s
                aws_secret_access_key = %s
                """.formatted(
                            cloud.uri(),
                            cloud.iam().administrator().accessKeyId(),
                            cloud.iam().administrator().secretAccessKey()));
            var ended = doctor(Map.of("AWS_CONFIG_FILE", config.toString()), "--profile", "embedded");
            assertEquals(0, ended.exitCode(), ended::toString);
        }
    }

    @Test
    void aProfileThatIsNamedGoesBeforeTheEnvironment() throws IOException, InterruptedException {
        try (var cloud = LocalCloud.start()) {
            var ended = doctor(RunLocalProcess.surroundings(cloud), "--profile", "nope");
            assertSentence(
                    ended, "no credentials were found: Profile file contained no credentials for profile 'nope'");
            assertFalse(ended.output().contains("ProfileFile("), ended::toString);
            assertTrue(ended.output().contains("Nothing could be looked at"), ended::toString);
        }
    }

    @Test
    void noCredentials() throws IOException, InterruptedException {
        assertSentence(doctor(Map.of(), "--region", "eu-central-1"), "no credentials were found");
    }

    @Test
    void noRegion() throws IOException, InterruptedException {
        assertSentence(doctor(Map.of()), "no Region is named; give --region, or set AWS_REGION");
    }

    @Test
    void noNetwork() throws IOException, InterruptedException {
        int port;
        try (var free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        assertSentence(
                doctor(Map.of(
                        "AWS_ENDPOINT_URL", "http://127.0.0.1:" + port,
                        "AWS_REGION", "eu-central-1",
                        "AWS_ACCESS_KEY_ID", "AKIAEXAMPLE",
                        "AWS_SECRET_ACCESS_KEY", "example")),
                "127.0.0.1 did not answer");
    }

    @Test
    void anInputThatIsNoJson() throws IOException, InterruptedException {
        var input = Files.writeString(directory.resolve("input.json"), "{");
        assertSentence(doctor(Map.of(), "--region", "eu-central-1", "--input", input.toString()), "is not JSON");
    }

    @Test
    void theHelpSaysWhatTheExitCodesMean() throws IOException, InterruptedException {
        var ended = doctor(Map.of(), "--help");
        assertEquals(0, ended.exitCode());
        assertTrue(ended.output().contains("changes nothing and makes nothing"), ended::toString);
        assertTrue(ended.output().contains("2   nothing is wrong, but not everything could be seen"), ended::toString);
    }
}
