package cloudhsm.pipeline.runlocal.cli;

import java.io.IOException;
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
        if (report != null) OutputFile.writeJson(report, result);
    }
}
