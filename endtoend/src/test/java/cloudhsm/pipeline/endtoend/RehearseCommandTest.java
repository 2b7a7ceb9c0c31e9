package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.endtoend.RunLocalProcess.Ended;
import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.Holdings;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command in a process of its own: what it asks, how it is stopped, how it ends. */
class RehearseCommandTest {
    @TempDir
    private Path directory;

    private RunLocalProcess start(Map<String, String> surroundings, String... options) throws IOException {
        var ours = Stream.of("rehearse", "--record", directory.resolve("record").toString());
        return RunLocalProcess.start(
                surroundings, Stream.concat(ours, Stream.of(options)).toArray(String[]::new));
    }

    private void assertNotBegun(Ended ended, String sentence) {
        assertEquals(2, ended.exitCode(), ended::toString);
        assertTrue(ended.output().contains(sentence), ended::toString);
        assertFalse(ended.output().contains("\tat "), ended::toString);
    }

    @Test
    void nothingIsMadeWhereNobodyCanBeAsked() throws IOException, InterruptedException {
        try (var deployment = deploy()) {
            var cloud = deployment.cloud();
            var before = Holdings.of(cloud);
            var surroundings = RunLocalProcess.surroundings(cloud);
            var ended = start(surroundings, "--stack", Rehearsed.STACK).ended();
            assertNotBegun(ended, "there is nobody to ask, as this is no terminal; give --yes");
            assertTrue(ended.output().contains("Costs less than 0.02 USD"), ended::toString);
            assertNotBegun(
                    start(surroundings, "--stack", "other", "--yes").ended(),
                    "there is no stack other in eu-central-1");
            assertNotBegun(start(surroundings, "--yes").ended(), "give --stack NAME, or --clean-up");
            assertEquals(before, Holdings.of(cloud));
            assertEquals(0, start(surroundings, "--clean-up").ended().exitCode());
        }
    }

    private static LocalDeployment deploy() {
        return LocalDeployment.deploy(LocalCloud.start(), LocalDeployment.projectRoot(), TeardownTest.SELDOM);
    }

    /** The process is at work on the account while it is told to end; of its own time it needs what a pause takes. */
    @Test
    void whoEndsTheProcessFindsNothingLeft() throws IOException, InterruptedException {
        var json = directory.resolve("seen.json");
        try (var deployment = deploy()) {
            var cloud = deployment.cloud();
            var before = Holdings.of(cloud);
            var running = start(
                    RunLocalProcess.surroundings(cloud),
                    "--stack",
                    Rehearsed.STACK,
                    "--yes",
                    "--json",
                    json.toString());
            try (var output = running.process().inputReader()) {
                String line;
                do line = output.readLine();
                while (line != null && !line.contains("an upload under it"));
                assertTrue(line != null && line.startsWith("ok"), line);
                assertNotEquals(Set.of(), Rehearsed.leftSince(before, cloud));
                running.process().toHandle().destroy(); // destroy() of the process itself closes what it says
                var rest = output.lines().toList();
                assertTrue(rest.stream().anyMatch(each -> each.startsWith("ok      removed: bucket")), rest::toString);
            }
            assertNotEquals(0, running.process().waitFor());
            assertEquals(Set.of(), Rehearsed.leftSince(before, cloud));
            assertFalse(Files.exists(directory.resolve("record")));
        }
        var steps = Json.parse(Files.readString(json)).path("steps");
        assertEquals(
                List.of("is refused with KMS.DisabledException", "is refused with KMS.DisabledException"),
                List.of(
                        steps.path(1).path("embedded").path("saw").asText(),
                        steps.path(1).path("aws").path("saw").asText()));
    }

    @Test
    void theHelpSaysWhatItMakesAndWhatTheExitCodesMean() throws IOException, InterruptedException {
        var ended = start(Map.of(), "--help").ended();
        assertEquals(0, ended.exitCode());
        for (var text : List.of("--clean-up", "asks before it makes anything", "2   it could not begin"))
            assertTrue(ended.output().replaceAll("\\s*\n\\s+", " ").contains(text), ended::toString);
    }
}
