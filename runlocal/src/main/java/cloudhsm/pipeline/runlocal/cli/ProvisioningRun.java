package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.cloudhsm.Hsm;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import software.amazon.awssdk.services.s3.S3Client;

/** One execution of the provisioning state machine, told stage by stage while it runs. */
final class ProvisioningRun {
    /** How much simulated time passes between two looks at the history. */
    private static final Duration STEP = Duration.ofSeconds(15);

    /** What of a stage's output is worth a word on the screen. */
    private static final List<String> TELLING = List.of(
            "clusterId",
            "verdict",
            "rootSha256",
            "instanceId",
            "state",
            "keyStoreId",
            "keyArn",
            "bucket",
            "after",
            "key",
            "says");

    private final LocalDeployment deployment;
    private final LocalCloud cloud;
    private final String stateMachineArn;
    private final String name;
    private final PrintWriter out;
    private final Meter meter;
    private final Set<String> told = new HashSet<>();
    private ExecutionHistory history;
    private JsonNode execution = Json.object();

    ProvisioningRun(LocalDeployment deployment, PrintWriter out) {
        this(deployment, deployment.provisionStateMachine(), "run-local", out);
    }

    /** Another state machine of the pipeline, told in the same way. */
    ProvisioningRun(LocalDeployment deployment, String stateMachineArn, String name, PrintWriter out) {
        this.deployment = deployment;
        this.stateMachineArn = stateMachineArn;
        this.name = name;
        this.cloud = deployment.cloud();
        this.out = out;
        this.meter = new Meter(cloud);
    }

    /** @return whether the execution succeeded */
    boolean run(JsonNode input) {
        return follow(deployment.startExecution(stateMachineArn, name, Json.text(input)));
    }

    /** Tells an execution that somebody else has started, until it has ended. @return whether it succeeded */
    boolean follow(String executionArn) {
        history = new ExecutionHistory(cloud, executionArn);
        out.printf("%n%-9s %-24s %-9s %-9s %s%n", "at", "stage", "took", "cost", "made");
        do {
            cloud.advance(STEP);
            execution = history.describe();
            tell();
        } while (status().equals("RUNNING"));
        if (!status().equals("SUCCEEDED")) tellFailure();
        return status().equals("SUCCEEDED");
    }

    private String status() {
        return execution.path("status").asText();
    }

    private void tell() {
        for (var stage : history.stages()) {
            if (told.add(stage.name() + " starts " + stage.startedAt())) {
                line(stage.startedAt(), stage.name(), "…", "", "");
            }
            if (stage.failure().isPresent() && told.add(stage.name() + " fails " + stage.failure())) {
                out.printf("%-9s %s%n", "", stage.failure().get());
            }
            if (stage.endedAt().isPresent() && told.add(stage.name() + " ends " + stage.startedAt())) {
                line(
                        stage.endedAt().get(),
                        stage.name(),
                        clock(stage.duration()),
                        "$" + meter.costUntil(stage.endedAt().get()),
                        made(stage));
                tellPriceBasis(stage);
            }
        }
        out.flush();
    }

    private void line(Instant at, String stage, String took, String cost, String made) {
        out.printf("%-9s %-24s %-9s %-9s %s%n", clock(Duration.between(started(), at)), stage, took, cost, made);
    }

    /** Whose price it is that the plan counts with. */
    private void tellPriceBasis(StageRun stage) {
        stage.output()
                .map(output -> output.path("plan"))
                .filter(plan -> plan.has("priceBasis"))
                .ifPresent(plan ->
                        out.printf("%-9s %s%n", "", plan.path("priceBasis").asText()));
    }

    private static String made(StageRun stage) {
        if (stage.output().isEmpty()) return "";
        var output = stage.output().get();
        if (output.path("plan").has("hourlyCostUsd")) {
            return String.format(
                    Locale.ROOT,
                    "will bill $%.2f per hour, $%.2f per day",
                    output.at("/plan/hourlyCostUsd").asDouble(),
                    output.at("/plan/dailyCostUsd").asDouble());
        }
        var hsms = StreamSupport.stream(output.path("hsms").spliterator(), false)
                .filter(hsm -> hsm.has("availabilityZone"))
                .map(hsm -> hsm.path("hsmId").asText() + " in "
                        + hsm.path("availabilityZone").asText());
        var told = TELLING.stream()
                .filter(output::has)
                .map(member -> output.path(member).asText())
                .filter(value -> !value.isEmpty());
        return Stream.concat(hsms, told).collect(Collectors.joining(", "));
    }

    private static String clock(Duration duration) {
        return String.format(
                Locale.ROOT, "%d:%02d:%02d", duration.toHours(), duration.toMinutesPart(), duration.toSecondsPart());
    }

    private void tellFailure() {
        out.printf(
                "%nThe execution ended %s: %s%n%s%n",
                status(),
                execution.path("error").asText(),
                execution.path("cause").asText());
        out.flush();
    }

    /** Whether nothing was made because the input was wrong. */
    boolean inputWasRefused() {
        return execution.path("error").asText().equals("INVALID_INPUT");
    }

    String clusterId() {
        return output().path("clusterId").asText();
    }

    /** The first of the deployment's buckets. */
    String bucket() {
        return output().at("/buckets/0").asText();
    }

    String keyArn() {
        return output().path("keyArn").asText();
    }

    /** The page that the stage Report has put into the evidence bucket. */
    String page() {
        return reported("page");
    }

    /** The same as JSON. */
    JsonNode evidence() {
        return Json.parse(reported("key"));
    }

    private String reported(String member) {
        var report = output().path("report");
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            return s3.getObjectAsBytes(
                            request -> request.bucket(report.path("bucket").asText())
                                    .key(report.path(member).asText()))
                    .asUtf8String();
        }
    }

    /** Under which error the execution ended, and its cause. */
    String failure() {
        return execution.path("error").asText() + ": " + execution.path("cause").asText();
    }

    /** The execution's output; empty unless it succeeded. */
    JsonNode output() {
        return Json.parse(execution.path("output").asText("{}"));
    }

    private Instant started() {
        return instant("startDate");
    }

    private Instant instant(String member) {
        return Instant.ofEpochMilli(Math.round(execution.path(member).asDouble() * 1000));
    }

    RunReport report(List<UploadedObject> objects) {
        var stages = history.stages().stream()
                .map(stage -> new RunReport.Stage(
                        stage.name(),
                        stage.startedAt().toString(),
                        stage.endedAt().map(Instant::toString).orElse(""),
                        stage.attempts()))
                .toList();
        var clusterId = output().path("clusterId").asText();
        return new RunReport(
                status(),
                Duration.between(started(), instant("stopDate")).toSeconds(),
                meter.floorSeconds(),
                meter.costUntil(instant("stopDate")).doubleValue(),
                stages,
                clusterId,
                hsms(clusterId),
                output().path("keyStoreId").asText(),
                keyArn(),
                StreamSupport.stream(output().path("buckets").spliterator(), false)
                        .map(JsonNode::asText)
                        .toList(),
                objects);
    }

    private List<RunReport.HsmPlace> hsms(String clusterId) {
        return cloud.cloudHsm().cluster(clusterId).stream()
                .flatMap(cluster -> cluster.hsms().stream())
                .filter(Hsm::active)
                .map(hsm -> new RunReport.HsmPlace(hsm.eniId().orElse(""), hsm.availabilityZone()))
                .toList();
    }
}
