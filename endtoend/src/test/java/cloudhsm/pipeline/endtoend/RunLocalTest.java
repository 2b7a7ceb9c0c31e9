package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.cli.RunLocal;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command {@code ./run-local}: what it prints, what it writes, how it ends. */
class RunLocalTest {
    @TempDir
    private Path directory;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void aRunWritesItsReportAndSaysThatEveryObjectIsUnderTheKey() throws IOException {
        var files = Files.createDirectories(directory.resolve("files/2026"));
        for (var name : List.of("a b.txt", "c+d.txt", "e.txt", "ü.txt")) {
            Files.writeString(files.resolve(name), "the plain text of " + name);
        }
        var report = directory.resolve("report.json");

        var page = directory.resolve("report.html");

        var exit = run(
                "--upload",
                directory.resolve("files").toString(),
                "--report",
                report.toString(),
                "--html",
                page.toString());

        assertEquals(0, exit, () -> out.toString() + err);
        assertTrue(out.toString().contains("Every object is under the key"), out::toString);
        var written = Json.MAPPER.readTree(report.toFile());
        assertEquals("SUCCEEDED", written.path("status").asText());
        assertTrue(
                Files.readString(page).contains(written.path("clusterId").asText()),
                "the page is the evidence of the same run");
        assertTrue(
                written.path("awsSeconds").asDouble()
                        <= 1.03 * written.path("floorSeconds").asDouble(),
                () -> "the pipeline may lose 3 % on AWS's own time: " + written.path("awsSeconds") + " of "
                        + written.path("floorSeconds") + " s");
        assertEquals(
                2,
                texts(written.path("hsms"), "availabilityZone").stream()
                        .distinct()
                        .count());
        assertEquals(4, written.path("objects").size());
        for (var object : written.path("objects")) {
            assertEquals(written.path("keyArn").asText(), object.path("keyArn").asText());
        }
        assertTrue(texts(written.path("objects"), "before").contains("AES256"), "the re-encryptor had work");
        for (var stage : written.path("stages"))
            assertEquals(1, stage.path("attempts").asInt(), stage::toString);
    }

    /** us-east-1 is the Region of the table of prices, and the one whose buckets have no location. */
    @Test
    void aRunInAnotherRegionHasThatRegionsArnsZonesAndPrice() throws IOException {
        Files.writeString(directory.resolve("a.txt"), "the plain text");
        var report = directory.resolve("report.json");
        var exit = run("--region", "us-east-1", "--upload", directory.toString(), "--report", report.toString());
        assertEquals(0, exit, () -> out.toString() + err);
        var written = Json.MAPPER.readTree(report.toFile());
        assertEquals("SUCCEEDED", written.path("status").asText());
        assertEquals(List.of("us-east-1a", "us-east-1b"), texts(written.path("hsms"), "availabilityZone"));
        var keyArn = written.path("keyArn").asText();
        assertTrue(keyArn.startsWith("arn:aws:kms:us-east-1:111122223333:key/"), keyArn);
        for (var object : written.path("objects"))
            assertEquals(keyArn, object.path("keyArn").asText());
        assertTrue(out.toString().contains("Embedded AWS us-east-1 at "), out::toString);
        assertTrue(out.toString().contains("will bill $3.20 per hour"), out::toString);
        assertTrue(
                out.toString().contains("1.60 USD per HSM and hour is the price in us-east-1 by AWS's price list"),
                out::toString);
        assertFalse(out.toString().contains("none is known"), out::toString);
        assertFalse(out.toString().contains("eu-central-1"), out::toString);
    }

    @ParameterizedTest
    @CsvSource({
        "ap-southeast-4, KMS has no CloudHSM key stores in ap-southeast-4",
        "eu-south-2, KMS has no CloudHSM key stores in eu-south-2",
        "ap-east-2, CloudHSM is not offered in ap-east-2"
    })
    void aRegionWithoutWhatThePipelineNeedsIsRefusedByNameAndNothingIsCreated(String region, String why)
            throws IOException {
        var input = directory.resolve("input.json");
        Files.writeString(input, "{\"colour\": \"blue\"}");
        var report = directory.resolve("report.json");
        var exit = run("--region", region, "--input", input.toString(), "--report", report.toString());
        assertEquals(2, exit, () -> out.toString() + err);
        assertTrue(out.toString().contains("INVALID_INPUT"), out::toString);
        assertTrue(out.toString().contains("2 problems. Nothing was created."), out::toString);
        assertTrue(out.toString().contains("Region: " + why + "; deploy the pipeline elsewhere"), out::toString);
        assertTrue(out.toString().contains("colour"), out::toString);
        var written = Json.MAPPER.readTree(report.toFile());
        assertEquals(0, written.path("costUsd").asDouble());
        assertEquals(0, written.path("hsms").size());
        for (var stage : written.path("stages"))
            assertEquals(1, stage.path("attempts").asInt(), () -> "it is no fault that passes: " + stage);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "serve", "pause", "teardown", "loss"})
    void aRegionThatThereIsNotExitsWith2AndSaysWhichThereAre(String command) {
        assertEquals(2, command.isEmpty() ? run("--region", "eu-central-9") : run(command, "--region", "eu-central-9"));
        assertTrue(err.toString().contains("there is no Region \"eu-central-9\""), err::toString);
        assertTrue(err.toString().contains("eu-central-1, "), err::toString);
        assertFalse(err.toString().contains("\tat "), err::toString);
        assertEquals("", out.toString(), "nothing ran");
    }

    @ParameterizedTest
    @ValueSource(strings = {"hsm:degraded:eu-central-1a", "hsm:refused:us-east-1d"})
    void aFaultInAZoneThatTheRegionDoesNotHaveExitsWith2(String fault) {
        assertEquals(2, run("--region", "us-east-1", "--fault", fault));
        assertTrue(err.toString().contains("--fault " + fault + ": no zone of us-east-1"), err::toString);
        assertEquals("", out.toString(), "nothing ran");
    }

    @Test
    void anInputThatIsRefusedExitsWith2AndListsEveryProblem() throws IOException {
        var input = directory.resolve("input.json");
        Files.writeString(input, "{\"deployment\": \"Not A Name\", \"colour\": \"blue\"}");
        assertEquals(2, run("--input", input.toString()));
        assertTrue(out.toString().contains("deployment"), out::toString);
        assertTrue(out.toString().contains("colour"), out::toString);
    }

    @Test
    void theDiagnosisOfAFailedConnectionAndTheHealingOfALostHsmAreOnTheScreen() throws IOException {
        Files.writeString(directory.resolve("a.txt"), "the plain text");
        var exit = run(
                "--fault", "user:missing:ConnectKeyStore", "--fault", "hsm:lost:5", "--upload", directory.toString());
        assertEquals(0, exit, () -> out.toString() + err);
        var screen = out.toString();
        assertTrue(screen.contains("USER_NOT_FOUND: Key store cks-"), screen);
        assertTrue(screen.contains("has no crypto user named kmsuser"), screen);
        assertTrue(screen.contains("there is no kmsuser"), screen);
        assertTrue(screen.contains("Repair 1 of 3"), screen);
        assertTrue(screen.indexOf("DisconnectKeyStore") < screen.lastIndexOf("CONNECTED"), screen);
        var lost = screen.indexOf("is lost: somebody deleted it. s3://");
        assertTrue(screen.indexOf("/a.txt can be read.", lost) > 0, "one HSM is enough to read: " + screen);
        var told = screen.indexOf("CloudHSM pipeline heals default", lost);
        var healed = screen.indexOf("CloudHSM pipeline has healed default", told);
        assertTrue(0 < lost && lost < told && told < healed, screen);
        assertTrue(screen.indexOf("HSMs are ACTIVE in eu-central-1a and eu-central-1b, and s3://", healed) > 0, screen);
    }

    @Test
    void aConnectionThatOnlyAPersonCanMendEndsUnderKmsOwnCode() {
        assertEquals(1, run("--fault", "connection:CLUSTER_NOT_FOUND"));
        assertTrue(out.toString().contains("The execution ended FAILED: CLUSTER_NOT_FOUND"), out::toString);
    }

    /** In COPY mode, where repeating could make versions without end. */
    @Test
    void nothingIsLostWhileTheKeyStoreIsAwayAndCallsFail() throws IOException {
        var report = directory.resolve("report.json");
        var objects = Integer.getInteger("loss.objects", 40);
        var exit = run("loss", "--mode", "COPY", "--objects", "" + objects, "--report", report.toString());
        assertEquals(0, exit, () -> out.toString() + err);
        var result = Json.MAPPER.readTree(report.toFile());
        assertEquals(objects, result.path("underTheKey").asInt());
        assertEquals(2 * objects, result.path("versions").asInt(), "each was copied once");
        assertEquals(0, result.path("putAside").asInt());
    }

    @Test
    void anUnknownFaultExitsWith2AndTheMenuTellsWhichThereAre() {
        assertEquals(2, run("--fault", "hsm:on-fire"));
        assertTrue(err.toString().contains("hsm:degraded:ZONE"), err::toString);
        assertEquals(0, run("faults"));
        assertTrue(out.toString().contains("./run-local --fault 'hsm:degraded:eu-central-1a'"), out::toString);
    }

    @Test
    void anUnknownOptionExitsWith2AndSaysWhichThereAre() {
        assertEquals(2, run("--no-such-option"));
        assertTrue(err.toString().contains("--upload"), err::toString);
    }

    @Test
    void anInputThatIsNoJsonExitsWith2WithoutAStackTrace() throws IOException {
        var input = directory.resolve("input.json");
        Files.writeString(input, "{not json");
        assertEquals(2, run("--input", input.toString()));
        assertFalse(err.toString().contains("\tat "), err::toString);
    }

    @Test
    void aMissingDirectoryExitsWith2() {
        assertEquals(2, run("--upload", directory.resolve("nowhere").toString()));
    }

    @ParameterizedTest
    @CsvSource({"'',--report", "'',--html", "pause,--report", "teardown,--report", "loss,--report", "bench,--report"})
    void aReportThatCannotBeWrittenIsRefusedBeforeAnythingRuns(String command, String option) {
        var file = directory.resolve("nowhere/report.json").toString();
        assertEquals(2, command.isEmpty() ? run(option, file) : run(command, option, file));
        assertTrue(err.toString().contains("there is no directory for " + file), err::toString);
        assertFalse(err.toString().contains("\tat "), err::toString);
        assertEquals("", out.toString(), "nothing ran");
    }

    @ParameterizedTest
    @CsvSource({
        "--report, '', 'a file''s name is needed, not an empty one'",
        "--html, '', 'a file''s name is needed, not an empty one'",
        "--html, /proc/x.html, /proc/x.html cannot be written"
    })
    void aFileThatCannotBeMadeIsRefusedBeforeAnythingRuns(String option, String file, String why) {
        assertEquals(2, run(option, file));
        assertTrue(err.toString().contains(why), err::toString);
        assertEquals("", out.toString(), "nothing ran");
    }

    @Test
    void aFaultInACallThatNobodyAnswersIsRefusedBeforeAnythingRuns() {
        assertEquals(2, run("--fault", "call:throttled:kms:CreateKeys:1"));
        assertTrue(
                err.toString()
                        .contains("--fault call:throttled:kms:CreateKeys:1: the embedded AWS has no such service or"
                                + " operation; services are cloudformation, cloudhsm, "),
                err::toString);
        assertFalse(out.toString().contains("Preflight"), out::toString);
    }

    @Test
    void aFaultWhoseMomentNeverComesIsSaidNotToHaveHappened() throws IOException {
        Files.writeString(directory.resolve("a.txt"), "the plain text");
        var happening =
                List.of("event:twice:HSM State Change", "call:throttled:kms:CreateKey:1", "connection:NETWORK_ERRORS");
        var missing = List.of(
                "user:missing:ConnectKeystore",
                "hsm:replaced:Preflight",
                "read:stale:NoSuchState",
                "event:lost:Weather Change",
                "call:throttled:kms:CreateKey:99",
                "hsm:degraded:eu-central-1c",
                "hsm:refused:eu-central-1c");
        var arguments = new ArrayList<>(List.of("--upload", directory.toString()));
        Stream.of(happening, missing).flatMap(List::stream).forEach(fault -> {
            arguments.add("--fault");
            arguments.add(fault);
        });
        assertEquals(1, run(arguments.toArray(String[]::new)), out::toString);
        assertTrue(out.toString().contains("Every object is under the key"), out::toString);
        for (var fault : missing)
            assertTrue(err.toString().contains("--fault " + fault + " did not happen: "), err::toString);
        for (var fault : happening) assertFalse(err.toString().contains(fault), err::toString);
    }

    @Test
    void everySubcommandHasHelp() {
        assertEquals(0, run("serve", "--help"));
        assertTrue(out.toString().contains("--speed"), out::toString);
    }

    private int run(String... arguments) {
        return RunLocal.commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(arguments);
    }

    private static List<String> texts(JsonNode array, String member) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(element -> element.path(member).asText())
                .toList();
    }
}
