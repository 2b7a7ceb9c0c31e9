package cloudhsm.pipeline.runlocal.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class ExecutionInputTest {
    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"deployment\": \"demo\" | is not JSON: it goes wrong at line 1, column 22",
                "{\"deployment\": demo}  | is not JSON: it goes wrong at line 1, column 16",
                "{} {}                   | is not JSON: it goes wrong at line 1, column 4",
                "``                      | is empty; {} asks for the defaults",
                "\u00ff                  | is not JSON: it is not UTF-8"
            })
    void anInputThatIsNoJsonIsSaidToGoWrongAtItsPlace(String text, String told) throws IOException {
        var input = directory.resolve("input.json");
        Files.writeString(input, text, StandardCharsets.ISO_8859_1);
        var error = new StringWriter();
        var status =
                new CommandLine(new RunLocal()).setErr(new PrintWriter(error)).execute("--input", input.toString());
        assertEquals(2, status);
        assertTrue(error.toString().contains("--input: " + input + " " + told), error::toString);
        assertFalse(error.toString().contains("Source"), error::toString);
    }
}
