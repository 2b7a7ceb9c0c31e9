package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** The file that the option --input names. */
final class ExecutionInput {
    private ExecutionInput() {}

    /**
     * What is in it.
     *
     * @param file null for an input of defaults
     * @throws ParameterException where it cannot be read, or is no JSON
     */
    static JsonNode read(Path file, CommandLine command) throws IOException {
        if (file == null) return Json.object();
        if (!Files.isReadable(file)) throw new ParameterException(command, "--input: cannot read " + file);
        try {
            var json = Json.MAPPER
                    .reader()
                    .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .readTree(Files.readString(file));
            if (!json.isMissingNode()) return json;
            throw new ParameterException(command, "--input: " + file + " is empty; {} asks for the defaults");
        } catch (JsonProcessingException malformed) {
            throw new ParameterException(
                    command,
                    "--input: " + file + " is not JSON: it goes wrong at line "
                            + malformed.getLocation().getLineNr() + ", column "
                            + malformed.getLocation().getColumnNr());
        } catch (CharacterCodingException notText) {
            throw new ParameterException(command, "--input: " + file + " is not JSON: it is not UTF-8");
        }
    }
}
