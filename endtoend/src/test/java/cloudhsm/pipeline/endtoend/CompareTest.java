package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.cli.RunLocal;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command that lays the evidence of a run beside that of the embedded AWS. */
class CompareTest {
    @TempDir
    private Path directory;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int compare(String... arguments) {
        var all = new String[arguments.length + 1];
        all[0] = "compare";
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        return RunLocal.commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(all);
    }

    @Test
    void aRunOfTheEmbeddedAwsIsTheSameAsItselfAndItsCopyNamesNobody() throws IOException {
        var evidence = directory.resolve("evidence.json");
        try (var pipeline = Pipeline.deploy()) {
            Files.writeString(evidence, Json.text(pipeline.evidence(pipeline.provision("first", "{}"))));
        }
        var copy = directory.resolve("copy.json");
        var result = directory.resolve("result.json");
        assertEquals(
                0,
                compare(evidence.toString(), "--shareable", copy.toString(), "--json", result.toString()),
                err::toString);
        assertTrue(out.toString().contains(" same, 0 different, 0 not seen."), out::toString);
        var lines = Json.parse(Files.readString(result));
        assertTrue(lines.size() > 30, lines::toString);
        lines.forEach(line -> assertEquals("SAME", line.required("verdict").asText(), line::toString));

        var text = Files.readString(copy);
        assertFalse(text.contains("111122223333") || text.contains("cloudhsm-default"), text);
    }

    @Test
    void whatIsNoEvidenceIsRefusedInASentence() throws IOException {
        var file = directory.resolve("other.json");
        Files.writeString(file, "{\"execution\": \"x\"}");
        assertEquals(2, compare(file.toString()));
        Files.writeString(file, "no JSON");
        assertEquals(2, compare(file.toString()));
        assertEquals(2, compare(directory.resolve("absent.json").toString()));
        var said = err.toString();
        assertTrue(said.contains("is not the evidence of a provisioning: it has no member startTime, finished"), said);
        assertTrue(said.contains("is not JSON; take the .json that"), said);
        assertTrue(said.contains("absent.json is not a file that can be read"), said);
        assertFalse(said.contains("\tat "), said);
    }
}
