package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.Holdings;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import cloudhsm.pipeline.runlocal.deployment.SeedOption;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import software.amazon.awssdk.services.s3.S3Client;

/** The command {@code ./run-local teardown}: provisions, then tears down to the very end, days in simulated time. */
@Command(
        name = "teardown",
        mixinStandardHelpOptions = true,
        description = {
            "Provisions as run-local does, then runs the teardown state machine with \"data\": \"DELETE\" until KMS has"
                    + " deleted the key and nothing is left, in simulated time."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:nothing is left",
            "1:something is, a run failed, or a fault that was asked for did not happen",
            "2:an option is wrong"
        })
final class Teardown implements Callable<Integer> {
    /** More than the longest teardown takes. */
    private static final Duration LIMIT = Duration.ofDays(45);

    /** In which CloudHSM keeps deleted backups, and Secrets Manager deleted secrets. */
    private static final Duration RESTORABLE = Duration.ofDays(8);

    @Spec
    private CommandSpec spec;

    @Mixin
    private ReportOption report;

    @Mixin
    private SeedOption seed;

    @Mixin
    private RegionOption region;

    @Mixin
    private FaultOption faults;

    @Override
    public Integer call() throws IOException {
        faults.checkIn(region.region());
        var out = spec.commandLine().getOut();
        // Nobody watches the days in between, so the schedule may be a slow one.
        try (var deployment = LocalDeployment.deploy(
                LocalCloud.start(region.region(), seed.seed()),
                LocalDeployment.projectRoot(),
                Map.of("HealthCheckSchedule", "rate(1 hour)"))) {
            faults.checkCalls(deployment.cloud());
            out.printf(
                    "Embedded AWS %s at %s, seed %d. Simulated: nothing here is AWS, nothing is billed.%n",
                    region.region(), deployment.cloud().uri(), seed.seed());
            var before = Holdings.of(deployment.cloud());
            if (!new ProvisioningRun(deployment, out).run(Json.object())) return 1;
            faults.injectInto(deployment.cloud());
            var execution = tearDown(deployment, out);
            var succeeded = execution.path("status").asText().equals("SUCCEEDED");
            if (!succeeded) {
                out.printf(
                        "%nThe teardown ended %s: %s%n%s%n",
                        execution.path("status").asText(),
                        execution.path("error").asText(),
                        execution.path("cause").asText());
            }
            report.write(Json.parse(evidence(deployment)));
            deployment.cloud().advance(RESTORABLE);
            var left = new TreeSet<>(Holdings.of(deployment.cloud()));
            left.removeAll(before);
            out.println();
            if (left.isEmpty()) out.println("Nothing is left: the account holds what it held before the provisioning.");
            left.forEach(holding -> out.println("Left: " + holding));
            return faults.exitCode(succeeded && left.isEmpty() ? 0 : 1);
        }
    }

    private static JsonNode tearDown(LocalDeployment deployment, PrintWriter out) {
        var cloud = deployment.cloud();
        var input = Json.object()
                .put("deployment", "default")
                .put("confirm", "default")
                .put("data", "DELETE");
        var started = cloud.endpoint()
                .call(
                        cloud.iam().administrator(),
                        "states",
                        "StartExecution",
                        Json.object()
                                .put("stateMachineArn", deployment.teardownStateMachine())
                                .put("name", "teardown")
                                .put("input", Json.text(input)));
        var history = new ExecutionHistory(cloud, started.path("executionArn").asText());
        cloud.time().runUntil(() -> !history.describe().path("status").asText().equals("RUNNING"), LIMIT);
        var execution = history.describe();
        var begin = Instant.ofEpochMilli(Math.round(execution.path("startDate").asDouble() * 1000));
        out.printf("%n%-12s %-22s %s%n", "at", "stage", "took");
        for (var stage : history.stages()) {
            out.printf(
                    "%-12s %-22s %s%n",
                    days(Duration.between(begin, stage.startedAt())), stage.name(), days(stage.duration()));
            stage.failure().ifPresent(failure -> out.printf("%-12s %s%n", "", failure));
        }
        out.flush();
        return execution;
    }

    private static String days(Duration duration) {
        var time = String.format(
                Locale.ROOT,
                "%02d:%02d:%02d",
                duration.toHoursPart(),
                duration.toMinutesPart(),
                duration.toSecondsPart());
        return duration.toDays() == 0 ? time : duration.toDays() + "d " + time;
    }

    /** The teardown's own report, which is in the evidence bucket whether anything is left or not. */
    private static String evidence(LocalDeployment deployment) {
        try (var s3 = deployment.cloud().client(S3Client.builder().forcePathStyle(true))) {
            var bucket = deployment.stack().outputs().get("EvidenceBucketName");
            return s3.getObjectAsBytes(request -> request.bucket(bucket).key("default/teardown.json"))
                    .asUtf8String();
        }
    }
}
