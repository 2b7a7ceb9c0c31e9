package cloudhsm.pipeline.runlocal.bench;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.lambda.LambdaProcess.Start;
import cloudhsm.pipeline.localcloud.lambda.LambdaService.FunctionConfiguration;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
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
    private static final String ARTIFACT = "functions/reencryption/target/reencryption.zip";

    /** Objects that are worked on before those that are measured, so that compiled code does what is measured. */
    private static final int WARM_UP = 20_000;

    private static final int WARM_UP_OF_MAP = 2_000;

    private static final String FUNCTION = "ReencryptObjectsFunction";

    private final LocalDeployment deployment;
    private final SampleBucket.Keys keys;
    private final Path root;
    private final PrintWriter out;

    /**
     * What {@code --report} writes.
     *
     * @param startUps the pipeline's function from its snapshot first
     * @param throughput the pipeline's function first
     * @param growth by the number of objects, the smallest first
     * @param pageMemory by the number of objects, the smallest first
     */
    public record Results(
            int processors,
            List<StartUp> startUps,
            List<Measurement> throughput,
            List<Growth> growth,
            List<PageMemory> pageMemory) {}

    /** @param out hears of the progress */
    public Benchmark(Path projectRoot, PrintWriter out) {
        this.root = projectRoot;
        this.out = out;
        deployment = LocalDeployment.deploy(LocalCloud.start(), projectRoot);
        keys = SampleBucket.Keys.create(deployment.cloud());
    }

    /**
     * How much is measured.
     *
     * @param starts of each function; 0 for none
     * @param objects for each way of re-encryption; 0 for none
     * @param largest of those, in bytes; the smallest has 1 KiB
     * @param largestReal of those, in bytes; the bytes of larger ones are simulated
     * @param growth number of objects through the distributed Map, after a tenth and a hundredth of it; 0 for none
     */
    public record Extent(int starts, int objects, long largest, long largestReal, int growth) {}

    /** @throws IllegalStateException where a way did not bring every object under the key */
    public Results run(Extent extent) {
        var startUps = startUps(extent.starts());
        var throughput = throughput(extent.objects(), new SampleBucket.Sizes(extent.largest(), extent.largestReal()));
        var growth = growth(extent.growth());
        return new Results(
                Runtime.getRuntime().availableProcessors(), startUps, throughput, growth, pageMemory(extent.growth()));
    }

    private List<Growth> growth(int largest) {
        if (largest == 0) return List.of();
        growth("map-warm-up", Math.min(largest, WARM_UP_OF_MAP)); // what follows runs compiled code, the first one too
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

    private List<PageMemory> pageMemory(int objects) {
        if (objects == 0) return List.of();
        progress("Re-encrypting %,d objects by one execution environment", objects);
        SampleBucket.fillWithZeros(deployment.cloud(), "page-memory", objects, keys);
        return PageMemory.measure(deployment, "page-memory", objects);
    }

    private List<StartUp> startUps(int starts) {
        if (starts == 0) return List.of();
        var ours = ours();
        var cases = new ArrayList<>(List.of(
                new StartUp.Case(ours, Start.FROM_SNAPSHOT),
                new StartUp.Case(ours, Start.FROM_SNAPSHOT_WITHOUT_HOOKS),
                new StartUp.Case(ours, Start.ON_DEMAND)));
        plainHandler().ifPresent(plain -> {
            cases.add(new StartUp.Case(plain, Start.FROM_SNAPSHOT));
            cases.add(new StartUp.Case(plain, Start.ON_DEMAND));
        });
        progress("Starting functions");
        var bucket = bucket("start-up", StartUp.objects(cases.size(), starts), SampleBucket.Sizes.SIMULATED);
        return StartUp.measure(deployment.cloud(), bucket, cases, starts);
    }

    private List<Measurement> throughput(int objects, SampleBucket.Sizes sizes) {
        if (objects == 0) return List.of();
        var batch = deployment.cloud().lambda().batchSize(ours().name());
        var ways = new Throughput(deployment.cloud(), batch, root.resolve("runlocal/bench"));
        var measured = new ArrayList<Measurement>();
        progress("Re-encrypting %,d objects by the function", objects);
        var before = bucket("before-update", WARM_UP, SampleBucket.Sizes.SIMULATED);
        measured.add(ways.function("UPDATE", ours(), before, bucket("by-update", objects, sizes)));
        progress("Copying %,d objects by the function", objects);
        before = bucket("before-copy", WARM_UP, SampleBucket.Sizes.SIMULATED);
        measured.add(ways.function("COPY", oursByCopy(), before, bucket("by-copy", objects, sizes)));
        if (Throughput.isInstalled("python3", "-c", "import boto3")) {
            progress("Copying %,d objects by boto3", objects);
            measured.add(ways.boto3(bucket("by-boto3", objects, sizes)));
        }
        if (Throughput.isInstalled("aws", "--version")) {
            progress("Copying %,d objects by aws s3 cp", objects);
            measured.add(ways.awsS3Cp(bucket("by-aws-s3-cp", objects, sizes)));
        }
        return measured;
    }

    private SampleBucket bucket(String name, int objects, SampleBucket.Sizes sizes) {
        return SampleBucket.fill(deployment.cloud(), name, objects, sizes, keys);
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
        var jar = root.resolve("runlocal/bench/target/plain-handler.jar");
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
