package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.compare.Comparison;
import cloudhsm.pipeline.runlocal.compare.Line;
import cloudhsm.pipeline.runlocal.compare.Shareable;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.deployment.SeedOption;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command {@code ./run-local compare}: a run on a real account beside one on the embedded AWS. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        description = {
            "Says of the evidence of a provisioning where it differs from that of a clean run on the embedded AWS,"
                + " made on the spot with as many HSMs in the same mode: order, durations and errors of the stages,"
                + " states, and what was observed of the questions in docs/limits.md. Durations within a tenth or 10"
                + " seconds are the same."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:the two were compared; what differs is a finding, no failure",
            "1:the run on the embedded AWS failed, or a file could not be written",
            "2:the file is not the evidence of a provisioning, or an option is wrong"
        })
final class Compare implements Callable<Integer> {
    private static final String NEXT =
            "; take the .json that the output \"report\" of a succeeded provisioning execution names";

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "EVIDENCE.json", description = "What the stage Report has put into the evidence bucket")
    private Path evidence;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            converter = OutputFile.class,
            description = "Writes the comparison as JSON")
    private Path json;

    @Option(
            names = "--shareable",
            paramLabel = "FILE",
            converter = OutputFile.class,
            description =
                    "Writes a copy of the evidence without account ids, names, addresses, ids and certificates; read"
                            + " it before you pass it on")
    private Path shareable;

    @Mixin
    private SeedOption seed;

    @Mixin
    private RegionOption region;

    @Override
    public Integer call() throws IOException {
        try {
            return compare(read());
        } catch (IllegalStateException impossible) {
            spec.commandLine().getErr().println("run-local compare: " + impossible.getMessage());
            return 2;
        }
    }

    private int compare(JsonNode theirs) throws IOException {
        var out = spec.commandLine().getOut();
        if (shareable != null) {
            OutputFile.writeJson(shareable, Shareable.of(theirs));
            out.println("Written: " + shareable + "; read it before you pass it on.");
        }
        out.println("The embedded AWS first, which takes up to a few minutes.");
        out.flush();
        var lines = Comparison.of(theirs, embedded(theirs));
        lines.forEach(out::println);
        out.printf(
                "%d same, %d different, %d not seen.%n",
                count(lines, Line.Verdict.SAME),
                count(lines, Line.Verdict.DIFFERENT),
                count(lines, Line.Verdict.NOT_SEEN));
        if (json != null) OutputFile.writeJson(json, lines);
        return 0;
    }

    private JsonNode read() throws IOException {
        if (!Files.isRegularFile(evidence) || !Files.isReadable(evidence)) {
            throw new IllegalStateException(evidence + " is not a file that can be read");
        }
        JsonNode document;
        try {
            document = Json.MAPPER.readTree(Files.readString(evidence));
        } catch (JsonProcessingException | CharacterCodingException malformed) {
            throw new IllegalStateException(evidence + " is not JSON" + NEXT, malformed);
        }
        var problem = Comparison.problem(document);
        if (problem.isEmpty()) return document;
        throw new IllegalStateException(evidence + " is not the evidence of a provisioning: " + problem.get() + NEXT);
    }

    private JsonNode embedded(JsonNode theirs) {
        try (var deployment =
                LocalDeployment.deploy(LocalCloud.start(region.region(), seed.seed()), LocalDeployment.projectRoot())) {
            var run = new ProvisioningRun(deployment, new PrintWriter(Writer.nullWriter()));
            var input = Json.object();
            var plan = theirs.path("plan");
            if (plan.path("hsmCount").isInt()) {
                input.withObject("/hsm").put("count", plan.path("hsmCount").asInt());
            }
            if (plan.path("mode").isTextual()) {
                input.withObject("/hsm").put("mode", plan.path("mode").asText());
            }
            if (!run.run(input))
                throw new IllegalStateException("the run on the embedded AWS failed: " + run.failure());
            return run.evidence();
        }
    }

    private static long count(List<Line> lines, Line.Verdict verdict) {
        return lines.stream().filter(line -> line.verdict() == verdict).count();
    }
}
