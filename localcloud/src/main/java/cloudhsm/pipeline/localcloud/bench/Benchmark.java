package cloudhsm.pipeline.localcloud.bench;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.cli.LocalDeployment;
import cloudhsm.pipeline.localcloud.lambda.LambdaService.FunctionConfiguration;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The whole benchmark, on a deployment of its own. */
public final class Benchmark implements AutoCloseable {
    private static final int STARTS = 5;
    private static final String ARTIFACT = "functions/reencryption/target/reencryption.zip";

    /** Objects of the run before those that are measured. */
    private static final int WARM_UP = 2_000;

    private static final String FUNCTION = "ReencryptObjectsFunction";

    private final LocalDeployment deployment;
    private final SampleBucket.Keys keys;
    private final Path root;
    private final PrintWriter out;

    /**
     * What {@code --report} writes.
     *
     * @param startUps the pipeline's function first
     * @param throughput the pipeline's function first
     * @param growth by the number of objects, the smallest first
     */
    public record Results(int processors, List<StartUp> startUps, List<Measurement> throughput, List<Growth> growth) {}

    /** @param out hears of the progress */
    public Benchmark(Path projectRoot, PrintWriter out) {
        this.root = projectRoot;
        this.out = out;
        deployment = LocalDeployment.deploy(LocalCloud.start(), projectRoot);
        keys = SampleBucket.Keys.create(deployment.cloud());
    }

    /**
     * @param objects for each way of re-encryption
     * @param largest number of objects through the distributed Map, after a tenth and a hundredth of it; 0 for none
     * @throws IllegalStateException where a way did not bring every object under the key
     */
    public Results run(int objects, int largest) {
        var startUps = startUps();
        return new Results(Runtime.getRuntime().availableProcessors(), startUps, throughput(objects), growth(largest));
    }

    private List<Growth> growth(int largest) {
        if (largest == 0) return List.of();
        growth("map-warm-up", Math.min(largest, WARM_UP)); // what follows runs compiled code, the first one too
        var measured = new ArrayList<Growth>();
        for (int objects = Math.max(1, largest / 100); objects <= largest; objects *= 10) {
            measured.add(growth("map-" + objects, objects));
        }
        return measured;
    }

    private Growth growth(String bucket, int objects) {
        progress("Re-encrypting %,d objects by the distributed Map", objects);
        SampleBucket.fillWithZeros(deployment.cloud(), bucket, objects, keys);
        return Growth.measure(deployment, bucket, objects);
    }

    private List<StartUp> startUps() {
        var ours = ours();
        var functions = new ArrayList<>(List.of(ours));
        plainHandler().ifPresent(functions::add);
        progress("Starting functions");
        var bucket = bucket("start-up", StartUp.objects(functions.size(), STARTS));
        return StartUp.measure(deployment.cloud(), bucket, functions, STARTS);
    }

    private List<Measurement> throughput(int objects) {
        var batch = deployment.cloud().lambda().batchSize(ours().name());
        var ways = new Throughput(deployment.cloud(), batch, root.resolve("bench"));
        var measured = new ArrayList<Measurement>();
        progress("Re-encrypting %,d objects by the function", objects);
        measured.add(ways.function("UPDATE", ours(), bucket("by-update", objects)));
        progress("Copying %,d objects by the function", objects);
        measured.add(ways.function("COPY", oursByCopy(), bucket("by-copy", objects)));
        if (Throughput.isInstalled("python3", "-c", "import boto3")) {
            progress("Copying %,d objects by boto3", objects);
            measured.add(ways.boto3(bucket("by-boto3", objects)));
        }
        if (Throughput.isInstalled("aws", "--version")) {
            progress("Copying %,d objects by aws s3 cp", objects);
            measured.add(ways.awsS3Cp(bucket("by-aws-s3-cp", objects)));
        }
        return measured;
    }

    private SampleBucket bucket(String name, int objects) {
        return SampleBucket.fill(deployment.cloud(), name, objects, keys);
    }

    private Function ours() {
        return new Function(deployment.stack().resource(FUNCTION), size(root.resolve(ARTIFACT)));
    }

    /** The same function as it is deployed with the parameter ReencryptionMode COPY. */
    private Function oursByCopy() {
        return function(
                "reencrypt-by-copy",
                root.resolve(ARTIFACT),
                "cloudhsm.pipeline.reencryption.ReencryptObjects",
                Map.of("MODE", "COPY"));
    }

    /** Empty where it is not built. */
    private Optional<Function> plainHandler() {
        var jar = root.resolve("bench/target/plain-handler.jar");
        if (!Files.isRegularFile(jar)) return Optional.empty();
        return Optional.of(function("plain-handler", jar, "cloudhsm.pipeline.bench.PlainHandler", Map.of()));
    }

    /** Deploys a function with the rights, memory and time of ours. */
    private Function function(String name, Path code, String handler, Map<String, String> environment) {
        var cloud = deployment.cloud();
        var role =
                cloud.iam().role(deployment.stack().resource(FUNCTION + "Role")).orElseThrow();
        cloud.lambda()
                .createFunction(new FunctionConfiguration(
                        name,
                        code,
                        handler,
                        "java25",
                        List.of("arm64"),
                        Duration.ofMinutes(1),
                        1024,
                        environment,
                        role,
                        "/aws/lambda/" + name));
        return new Function(name, size(code));
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private void progress(String format, Object... arguments) {
        out.printf(format + " ...%n", arguments);
        out.flush();
    }

    @Override
    public void close() {
        deployment.close();
    }
}
