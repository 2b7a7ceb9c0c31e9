package cloudhsm.pipeline.localcloud.cli;

import cloudhsm.pipeline.localcloud.bench.Benchmark;
import cloudhsm.pipeline.localcloud.bench.Growth;
import cloudhsm.pipeline.localcloud.bench.Measurement;
import cloudhsm.pipeline.localcloud.bench.StartUp;
import cloudhsm.pipeline.localcloud.http.Json;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code ./run-local bench}: what re-encryption costs, and what other ways would. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description = {
            "Measures the re-encryption function on the embedded AWS: its start against that of a plain handler, and"
                    + " objects per second against \"aws s3 cp\" of the bucket onto itself and CopyObject in boto3 with"
                    + " 16 threads, each where it is installed.",
            "All ways share this machine and one endpoint: compare them with each other, not with AWS. Linux only."
        })
final class Bench implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--objects",
            paramLabel = "N",
            description = "Objects for each way; default: ${DEFAULT-VALUE}",
            defaultValue = "2000")
    private int objects;

    @Option(
            names = "--growth",
            paramLabel = "N",
            description =
                    "Objects of the largest run through the distributed Map, after runs of a hundredth and a tenth;"
                            + " 0 for none; default: ${DEFAULT-VALUE}",
            defaultValue = "100000")
    private int growth;

    @Option(names = "--report", paramLabel = "FILE", description = "Writes the figures as JSON")
    private Path report;

    @Override
    public Integer call() throws IOException {
        if (objects < 1 || objects > 1_000_000) {
            throw new ParameterException(spec.commandLine(), "--objects: 1 to 1000000");
        }
        if (growth < 0 || growth > 1_000_000) {
            throw new ParameterException(spec.commandLine(), "--growth: 0 to 1000000");
        }
        var out = spec.commandLine().getOut();
        try (var benchmark = new Benchmark(LocalDeployment.projectRoot(), out)) {
            var results = benchmark.run(objects, growth);
            print(out, results);
            if (report != null) write(results);
            return 0;
        } catch (IllegalStateException failed) {
            spec.commandLine().getErr().println("run-local: " + failed.getMessage());
            return 1;
        }
    }

    private static void print(PrintWriter out, Benchmark.Results results) {
        out.printf("%nStart under Lambda's runtime client, %d processors%n", results.processors());
        out.printf(
                "%-20s %10s %14s %14s %10s %10s%n", "", "artifact", "first answer", "CPU until then", "warm", "memory");
        for (var start : results.startUps()) {
            out.printf(
                    "%-20.20s %7.1f MB %11.0f ms %11.0f ms %7.1f ms %7d MB%n",
                    start.name(),
                    start.artifactBytes() / 1e6,
                    start.firstAnswer(),
                    start.cpuToFirstAnswer(),
                    start.warm(),
                    start.peakMemory() >> 20);
        }
        ratio(out, results.startUps());
        throughput(out, results.throughput());
        growth(out, results.growth());
    }

    private static void growth(PrintWriter out, List<Growth> growths) {
        if (growths.isEmpty()) return;
        out.printf("%nThrough the distributed Map%n");
        for (var each : growths) {
            out.printf(
                    "%,20d objects %10.2f s %10.0f µs for one %8.2f x the first%n",
                    each.objects(),
                    each.seconds(),
                    each.microsecondsPerObject(),
                    each.microsecondsPerObject() / growths.getFirst().microsecondsPerObject());
        }
    }

    private static void throughput(PrintWriter out, List<Measurement> ways) {
        out.printf("%nObjects brought under the key%n");
        out.printf(
                "%-20s %10s %14s %14s %16s %10s %12s%n",
                "", "objects/s", "S3 requests", "bytes written", "CPU s per 1,000", "memory", "we are");
        var ours = ways.getFirst();
        for (var way : ways) {
            out.printf(
                    "%-20s %10.0f %10.2f /ob %10.0f /ob %16.2f %7d MB %10.1f x%n",
                    way.name(),
                    way.objectsPerSecond(),
                    way.requestsPerObject(),
                    way.bytesPerObject(),
                    way.cpuSecondsPer1000(),
                    way.peakMemory() >> 20,
                    ours.objectsPerSecond() / way.objectsPerSecond());
        }
        if (ours.memoryAtHalf() > 0) {
            out.printf(
                    "%-20s %.2f x its memory when half of the objects were done%n",
                    "UPDATE, memory", (double) ours.peakMemory() / ours.memoryAtHalf());
        }
    }

    private static void ratio(PrintWriter out, List<StartUp> starts) {
        if (starts.size() < 2) return;
        var ours = starts.getFirst();
        var plain = starts.getLast();
        out.printf(
                "%-20s %8.2f x %12.2f x %12.2f x %8.2f x %8.2f x%n",
                "ours : plain",
                (double) ours.artifactBytes() / plain.artifactBytes(),
                ours.firstAnswer() / plain.firstAnswer(),
                ours.cpuToFirstAnswer() / plain.cpuToFirstAnswer(),
                ours.warm() / plain.warm(),
                (double) ours.peakMemory() / plain.peakMemory());
    }

    private void write(Benchmark.Results results) throws IOException {
        var mapper = Json.MAPPER.copy().enable(SerializationFeature.INDENT_OUTPUT);
        Files.writeString(report, mapper.writeValueAsString(results) + System.lineSeparator());
    }
}
