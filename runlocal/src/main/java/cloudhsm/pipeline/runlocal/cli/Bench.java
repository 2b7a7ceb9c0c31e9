package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.lambda.LambdaProcess;
import cloudhsm.pipeline.runlocal.bench.Benchmark;
import cloudhsm.pipeline.runlocal.bench.Growth;
import cloudhsm.pipeline.runlocal.bench.Measurement;
import cloudhsm.pipeline.runlocal.bench.PageMemory;
import cloudhsm.pipeline.runlocal.bench.StartUp;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
            names = "--starts",
            paramLabel = "N",
            description = "Starts of each function; 0 for none; default: ${DEFAULT-VALUE}",
            defaultValue = "11")
    private int starts;

    @Option(
            names = "--objects",
            paramLabel = "N",
            description = "Objects for each way; 0 for none; default: ${DEFAULT-VALUE}",
            defaultValue = "2000")
    private int objects;

    @Option(
            names = "--largest",
            paramLabel = "MIB",
            description = "Size of the largest of these objects, in MiB; the smallest has 1 KiB, and each order of"
                    + " magnitude between is as frequent; default: ${DEFAULT-VALUE}",
            defaultValue = "1024")
    private int largest;

    @Option(
            names = "--real",
            paramLabel = "MIB",
            description = "Objects up to this size, in MiB, have bytes, which a copy moves; those of larger ones are"
                    + " simulated, and to copy them costs the embedded S3 nothing; default: ${DEFAULT-VALUE}",
            defaultValue = "8")
    private int largestReal;

    @Option(
            names = "--growth",
            paramLabel = "N",
            description =
                    "Objects of the largest run through the distributed Map, after runs of a hundredth and a tenth;"
                            + " 0 for none; default: ${DEFAULT-VALUE}",
            defaultValue = "100000")
    private int growth;

    @Mixin
    private ReportOption report;

    @Override
    public Integer call() throws IOException {
        requireBetween("--starts", starts, 0, 1_000);
        requireBetween("--objects", objects, 0, 1_000_000);
        requireBetween("--largest", largest, 1, 5 << 10);
        requireBetween("--growth", growth, 0, 1_000_000);
        requireBetween("--real", largestReal, 0, 64);
        var extent = new Benchmark.Extent(starts, objects, (long) largest << 20, (long) largestReal << 20, growth);
        var out = spec.commandLine().getOut();
        try (var benchmark = new Benchmark(LocalDeployment.projectRoot(), out)) {
            var results = benchmark.run(extent);
            print(out, results);
            report.write(results);
            return 0;
        }
    }

    private void requireBetween(String option, int value, int least, int most) {
        if (value >= least && value <= most) return;
        throw new ParameterException(spec.commandLine(), option + ": " + least + " to " + most);
    }

    private static void print(PrintWriter out, Benchmark.Results results) {
        out.printf("%n%d processors%n", results.processors());
        startUps(out, results.startUps());
        throughput(out, results.throughput());
        growth(out, results.growth());
        pageMemory(out, results.pageMemory());
    }

    private static void startUps(PrintWriter out, List<StartUp> starts) {
        if (starts.isEmpty()) return;
        out.printf("%nFirst event under Lambda's runtime client%n");
        out.printf(
                "%-20s %-20s %10s %14s %14s %10s %10s %12s%n",
                "", "started", "artifact", "first answer", "CPU until then", "warm", "memory", "takes");
        for (var start : starts) {
            out.printf(
                    "%-20.20s %-20s %7.1f MB %11.0f ms %11.0f ms %7.1f ms %7d MB %10.2f x%n",
                    start.name(),
                    started(start.start()),
                    start.artifactBytes() / 1e6,
                    start.firstAnswer(),
                    start.cpuToFirstAnswer(),
                    start.warm(),
                    start.peakMemory() >> 20,
                    start.firstAnswer() / starts.getFirst().firstAnswer());
        }
    }

    private static String started(LambdaProcess.Start start) {
        return switch (start) {
            case ON_DEMAND -> "on demand";
            case FROM_SNAPSHOT -> "snapshot";
            case FROM_SNAPSHOT_WITHOUT_HOOKS -> "snapshot, unprimed";
        };
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

    private static void pageMemory(PrintWriter out, List<PageMemory> memory) {
        if (memory.isEmpty()) return;
        out.printf("%nMemory of one execution environment of the function for pages%n");
        for (var each : memory) {
            out.printf(
                    "%,20d objects %10d MB %8.2f x the first%n",
                    each.objects(),
                    each.peakMemory() >> 20,
                    (double) each.peakMemory() / memory.getFirst().peakMemory());
        }
    }

    private static void throughput(PrintWriter out, List<Measurement> ways) {
        if (ways.isEmpty()) return;
        out.printf("%nObjects brought under the key%n");
        out.printf(
                "%-20s %8s %10s %12s %14s %16s %10s %10s %12s%n",
                "",
                "objects",
                "objects/s",
                "S3 requests",
                "bytes written",
                "CPU s per 1,000",
                "S3's CPU",
                "memory",
                "we are");
        var ours = ways.getFirst();
        for (var way : ways) {
            out.printf(
                    "%-20s %,8d %10.0f %8.2f /ob %10.0f /ob %16.2f %10.2f %7d MB %10.1f x%n",
                    way.name(),
                    way.objects(),
                    way.objectsPerSecond(),
                    way.requestsPerObject(),
                    way.bytesPerObject(),
                    way.cpuSecondsPer1000(),
                    way.s3CpuSecondsPer1000(),
                    way.peakMemory() >> 20,
                    ours.objectsPerSecond() / way.objectsPerSecond());
        }
        if (ours.memoryBefore() > 0) {
            out.printf(
                    "%-20s %.2f x that before these objects%n",
                    "UPDATE, memory", (double) ours.peakMemory() / ours.memoryBefore());
        }
    }
}
