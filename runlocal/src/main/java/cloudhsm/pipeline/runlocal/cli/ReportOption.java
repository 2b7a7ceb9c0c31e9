package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The option of every command that can write what it found. */
final class ReportOption {
    @Option(
            names = "--report",
            paramLabel = "FILE",
            description = "Writes the result as JSON",
            converter = OutputFile.class)
    private Path report;

    /** Writes the result, if the caller asked for it. */
    void write(Object result) throws IOException {
        if (report == null) return;
        var mapper = Json.MAPPER.copy().enable(SerializationFeature.INDENT_OUTPUT);
        Files.writeString(report, mapper.writeValueAsString(result) + System.lineSeparator());
    }
}
