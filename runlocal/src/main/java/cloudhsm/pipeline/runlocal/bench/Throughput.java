package cloudhsm.pipeline.runlocal.bench;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.lambda.LambdaProcess;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Brings all objects of a bucket under its key, one way after the other, each from a process of its own. */
final class Throughput {
    private final LocalCloud cloud;

    /** Messages of one invocation. */
    private final int batch;

    /** Where the scripts of the benchmark are. */
    private final Path scripts;

    /** What a process of its own took. */
    private record Used(double seconds, double cpuSeconds, long peakMemory, long memoryBefore) {}

    Throughput(LocalCloud cloud, int batch, Path scripts) {
        this.cloud = cloud;
        this.batch = batch;
        this.scripts = scripts;
    }

    /**
     * The function, fed as its queue feeds it, in one execution environment that has worked before: what is measured is
     * not its start, which {@link StartUp} measures, but the hours after it.
     *
     * @param before what it works on before it is measured
     */
    Measurement function(String name, Function function, SampleBucket before, SampleBucket objects) {
        try (var process = cloud.lambda().separateProcess(function.name(), LambdaProcess.Start.ON_DEMAND)) {
            invoke(process, before);
            var measured = measure(name, objects, () -> {
                var cpu = process.cpu();
                var atStart = process.peakMemory();
                var started = System.nanoTime();
                invoke(process, objects);
                var seconds = (System.nanoTime() - started) / 1e9;
                var used = process.cpu().minus(cpu).toMillis() / 1e3;
                return new Used(seconds, used, process.peakMemory(), atStart);
            });
            objects.requireAllUnderTheKey(cloud);
            return measured;
        }
    }

    private void invoke(LambdaProcess process, SampleBucket objects) {
        var count = objects.keys().size();
        for (int i = 0; i < count; i += batch) {
            var keys = objects.keys().subList(i, Math.min(i + batch, count));
            Function.succeeded(process.invoke(
                    Function.batch(keys.stream().map(objects::event).toList())));
        }
    }

    /** {@code aws s3 cp} of the bucket onto itself. */
    Measurement awsS3Cp(SampleBucket objects) {
        var bucket = "s3://" + objects.name();
        return command(
                "aws s3 cp",
                objects,
                List.of(
                        "aws",
                        "s3",
                        "cp",
                        bucket,
                        bucket,
                        "--recursive",
                        "--sse",
                        "aws:kms",
                        "--sse-kms-key-id",
                        objects.keyArn(),
                        "--only-show-errors"));
    }

    /** CopyObject in boto3 with 16 threads. */
    Measurement boto3(SampleBucket objects) {
        var script = scripts.resolve("copy_with_boto3.py").toString();
        return command("boto3, 16 threads", objects, List.of("python3", script, objects.name(), objects.keyArn()));
    }

    /** Whether the command can be run here at all. */
    static boolean isInstalled(String... command) {
        try {
            var process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor() == 0;
        } catch (IOException missing) {
            return false;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private Measurement command(String name, SampleBucket objects, List<String> command) {
        var measured = measure(name, objects, () -> run(command));
        objects.requireAllUnderTheKey(cloud);
        return measured;
    }

    private Used run(List<String> command) {
        var all =
                new ArrayList<>(List.of("python3", scripts.resolve("measure.py").toString()));
        all.addAll(command);
        var builder = new ProcessBuilder(all).redirectError(ProcessBuilder.Redirect.INHERIT);
        var environment = builder.environment();
        environment.keySet().removeIf(variable -> variable.startsWith("AWS_"));
        environment.put("AWS_ENDPOINT_URL", cloud.uri().toString());
        environment.put("AWS_DEFAULT_REGION", cloud.account().region());
        environment.put("AWS_ACCESS_KEY_ID", cloud.iam().administrator().accessKeyId());
        environment.put("AWS_SECRET_ACCESS_KEY", cloud.iam().administrator().secretAccessKey());
        environment.put("AWS_CONFIG_FILE", "/dev/null");
        environment.put("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        try {
            var process = builder.start();
            var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            var used = Json.parse(output.strip());
            if (process.waitFor() != 0 || used.path("status").asInt() != 0) {
                throw new IllegalStateException("It failed: " + String.join(" ", command));
            }
            return new Used(
                    used.path("seconds").asDouble(),
                    used.path("cpuSeconds").asDouble(),
                    used.path("peakMemory").asLong(),
                    0);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted", interrupted);
        }
    }

    private Measurement measure(String name, SampleBucket objects, Supplier<Used> work) {
        var requests = s3Requests();
        var written = cloud.s3().bytesWritten();
        var cpu = cpuOfThisProcess();
        var used = work.get();
        return new Measurement(
                name,
                objects.keys().size(),
                used.seconds(),
                s3Requests() - requests,
                cloud.s3().bytesWritten() - written,
                used.cpuSeconds(),
                cpuOfThisProcess().minus(cpu).toMillis() / 1e3,
                used.peakMemory(),
                used.memoryBefore());
    }

    private static Duration cpuOfThisProcess() {
        return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
    }

    private long s3Requests() {
        return cloud.endpoint().calls().stream()
                .filter(call -> call.service().equals("s3"))
                .count();
    }
}
