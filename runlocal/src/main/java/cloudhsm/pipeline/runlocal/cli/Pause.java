package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.deployment.SeedOption;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** The command {@code ./run-local pause}: provisioning, a pause, and the way back. */
@Command(
        name = "pause",
        mixinStandardHelpOptions = true,
        description = {
            "Provisions, uploads an object, pauses for 12 simulated hours, shows what a reader gets and what bills, and"
                    + " resumes until the object can be read again."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:the object is readable again",
            "1:the run failed, or a fault that was asked for did not happen",
            "2:an option is wrong"
        })
final class Pause implements Callable<Integer> {
    private static final Duration PAUSED = Duration.ofHours(12);
    private static final String OBJECT = "kept-through-the-pause";

    @Spec
    private CommandSpec spec;

    @Mixin
    private ReportOption report;

    @Mixin
    private FaultOption faults;

    @Mixin
    private SeedOption seed;

    @Mixin
    private RegionOption region;

    /**
     * What {@code --report} writes.
     *
     * @param pausedCostUsd for HSMs, from the end of the pause to the start of the resume
     * @param readWhilePaused AWS's error code for whoever reads the object
     */
    record Report(
            String clusterId,
            String bucket,
            double costUsdBeforePause,
            double pausedCostUsd,
            double costUsdAfterResume,
            String readWhilePaused,
            boolean readableAfterResume) {}

    @Override
    public Integer call() throws IOException {
        faults.checkIn(region.region());
        try (var deployment =
                LocalDeployment.deploy(LocalCloud.start(region.region(), seed.seed()), LocalDeployment.projectRoot())) {
            faults.checkCalls(deployment.cloud());
            faults.injectInto(deployment.cloud());
            var out = spec.commandLine().getOut();
            out.println("Simulated: nothing here is AWS, nothing is billed.");
            return faults.exitCode(run(deployment, out) ? 0 : 1);
        }
    }

    private boolean run(LocalDeployment deployment, PrintWriter out) throws IOException {
        var provisioning = new ProvisioningRun(deployment, out);
        if (!provisioning.run(Json.object())) return false;
        var cloud = deployment.cloud();
        var meter = new Meter(cloud);
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            var bucket = provisioning.bucket();
            s3.putObject(put -> put.bucket(bucket).key(OBJECT), RequestBody.fromString("content"));
            if (!execution(deployment, "Pause", out)) return false;
            var before = meter.costUntil(cloud.time().now());
            cloud.advance(PAUSED);
            var after = meter.costUntil(cloud.time().now());
            var refused = read(s3, bucket);
            out.printf(
                    "%n%d hours paused: HSMs billed $%s; reading s3://%s/%s: %s%n",
                    PAUSED.toHours(), after.subtract(before), bucket, OBJECT, refused);
            if (!execution(deployment, "Provision", out)) return false;
            var readable = read(s3, bucket).isEmpty();
            out.printf("%nAfter that the object is %s.%n", readable ? "readable again" : "NOT readable");
            out.flush();
            report.write(new Report(
                    provisioning.clusterId(),
                    bucket,
                    before.doubleValue(),
                    after.subtract(before).doubleValue(),
                    meter.costUntil(cloud.time().now()).doubleValue(),
                    refused,
                    readable));
            return readable && !refused.isEmpty() && after.compareTo(before) == 0;
        }
    }

    private static boolean execution(LocalDeployment deployment, String stateMachine, PrintWriter out) {
        out.printf("%n%s:", stateMachine);
        return new ProvisioningRun(
                        deployment,
                        deployment.stack().outputs().get(stateMachine + "StateMachineArn"),
                        "run-local",
                        out)
                .run(Json.object());
    }

    /** @return AWS's error code; empty if the object can be read */
    private static String read(S3Client s3, String bucket) {
        try {
            s3.getObjectAsBytes(get -> get.bucket(bucket).key(OBJECT));
            return "";
        } catch (S3Exception refused) {
            return refused.awsErrorDetails().errorCode();
        }
    }
}
