package cloudhsm.pipeline.runlocal.rehearse;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.account.Regions;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.doctor.Aws;
import cloudhsm.pipeline.runlocal.doctor.Caller;
import cloudhsm.pipeline.runlocal.doctor.DeployedStack;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;

/** The same rehearsal, of what lies here, on an embedded AWS in simulated time: what AWS is expected to show. */
final class EmbeddedRehearsal {
    /** Longer than a message is invisible whose function failed, as on a machine that has no time for it. */
    private static final Duration PATIENCE = Duration.ofMinutes(30);

    private final Path root;
    private final BooleanSupplier stopped;

    /** @param root the directory that has template.yaml and the built functions */
    EmbeddedRehearsal(Path root, BooleanSupplier stopped) {
        this.root = root;
        this.stopped = stopped;
    }

    /**
     * What is seen of a stack with the same parameters, by step.
     *
     * @throws IllegalStateException where that is not what the re-encryption promises, or something is left
     */
    Map<String, Observation> of(Target real) throws IOException {
        var file = Files.createTempFile("rehearsal-", "");
        try (var deployment = LocalDeployment.deploy(LocalCloud.start(region(real), 1), root, real.parameters());
                var aws = aws(deployment.cloud());
                var ledger = Ledger.open(file);
                var s3 = aws.s3()) {
            var name = deployment.stack().name();
            var target = Target.of(DeployedStack.read(aws, name).orElseThrow(), Caller.of(aws), aws.region());
            ledger.begin(Rehearsal.begun(target));
            var observations = new LinkedHashMap<String, Observation>();
            for (var each : new Scenario(aws, s3, target, ledger, PATIENCE, stopped, any -> {}).run())
                observations.put(each.step(), each);
            var left = new CleanUp(aws, s3, ledger.made().orElseThrow()).run();
            if (stopped.getAsBoolean()) throw new IllegalStateException("it was stopped. Nothing was made.");
            var wrong =
                    observations.values().stream().filter(each -> !each.right()).toList();
            if (!wrong.isEmpty() || !left.isEmpty()) {
                throw new IllegalStateException(
                        "the embedded AWS does not show what it should with the functions that are" + " built here: "
                                + wrong + left + ". Nothing was made on AWS.");
            }
            return observations;
        } finally {
            Files.deleteIfExists(file);
        }
    }

    /** That of AWS, where the embedded one knows it. */
    private static String region(Target real) {
        try {
            return Regions.requireKnown(real.region());
        } catch (IllegalArgumentException unknown) {
            return Regions.DEFAULT;
        }
    }

    private static Aws aws(LocalCloud cloud) {
        var administrator = cloud.iam().administrator();
        var credentials = StaticCredentialsProvider.create(
                AwsBasicCredentials.create(administrator.accessKeyId(), administrator.secretAccessKey()));
        return Aws.at(cloud.uri(), cloud.account().region(), credentials, Clock.systemUTC(), cloud::advance);
    }
}
