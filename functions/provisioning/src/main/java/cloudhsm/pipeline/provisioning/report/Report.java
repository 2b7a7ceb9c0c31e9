package cloudhsm.pipeline.provisioning.report;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.health.SelfHealing;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.Settled;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import software.amazon.awssdk.services.sfn.SfnClient;

/**
 * Writes down what an execution made and proved, as JSON and as a page in the evidence bucket; from now on the
 * deployment is RUNNING. The evidence names secrets and holds none. Who started the execution is in CloudTrail, under the execution's ARN.
 */
public final class Report extends StageHandler<Report.Input> {
    /**
     * Each member from {@code plan} on is the output of the stage that made it, as it is in the execution's history.
     *
     * @param execution ARN of the execution
     * @param found what Preflight found: why the execution was started, and what the deployment was before
     * @param diagnosis of the last connection that failed; without words if none did
     */
    public record Input(
            @JsonProperty(required = true) String execution,
            @JsonProperty(required = true) Instant startTime,
            @JsonProperty(required = true) JsonNode found,
            @JsonProperty(required = true) JsonNode plan,
            @JsonProperty(required = true) JsonNode cluster,
            @JsonProperty(required = true) JsonNode identity,
            @JsonProperty(required = true) JsonNode certificate,
            @JsonProperty(required = true) JsonNode client,
            @JsonProperty(required = true) JsonNode activation,
            @JsonProperty(required = true) JsonNode hsms,
            @JsonProperty(required = true) JsonNode kmsUser,
            @JsonProperty(required = true) JsonNode keyStore,
            @JsonProperty(required = true) JsonNode diagnosis,
            @JsonProperty(required = true) JsonNode key,
            @JsonProperty(required = true) JsonNode buckets) {
        /** Each bucket, as SecureBucket and, as its proof, ProveEncryption have put it. */
        List<JsonNode> eachBucket() {
            return StreamSupport.stream(buckets.spliterator(), false).toList();
        }

        /** What the deployment is remembered by. */
        private Resources resources() {
            return new Resources(cluster, certificate, activation, kmsUser, keyStore, key, buckets);
        }

        /** Where the evidence goes in its bucket, without its ending. */
        String evidenceKey() {
            return EvidenceBucket.key(plan.path("deployment").asText(), execution);
        }
    }

    private record Resources(
            JsonNode cluster,
            JsonNode certificate,
            JsonNode activation,
            JsonNode kmsUser,
            JsonNode keyStore,
            JsonNode key,
            JsonNode buckets) {}

    /**
     * @param hsms how many HSMs the cluster has
     * @param priceBasis whose price that is, as of when, and how to set another
     * @param sinceStartUsd what they cost if all of them existed since the execution began, so rather too much
     */
    record Cost(
            int hsms,
            BigDecimal pricePerHsmHourUsd,
            String priceBasis,
            BigDecimal sinceStartUsd,
            BigDecimal perHourUsd,
            BigDecimal perDayUsd) {}

    /**
     * The document in the evidence bucket.
     *
     * @param made its members are the document's own
     * @param observations what the execution has settled of the questions in docs/limits.md
     */
    record Evidence(
            @JsonUnwrapped Input made,
            Instant finished,
            Duration took,
            List<StageTime> stages,
            Cost cost,
            List<Settled> observations) {}

    /**
     * Where the evidence is, and what the HSMs cost from now on until they are deleted.
     *
     * @param key of the JSON
     * @param page key of the same as HTML
     * @param priceBasis whose price that is, as of when, and how to set another
     */
    public record Output(
            String bucket,
            String key,
            String page,
            BigDecimal costUsdSinceStart,
            BigDecimal costUsdPerHour,
            BigDecimal costUsdPerDay,
            String priceBasis) {}

    private final EvidenceBucket bucket;
    private final SfnClient states;
    private final Deployments deployments;
    private final SelfHealing healing;
    private final Notifications notifications;
    private final HsmPrice tablePrice;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public Report() {
        this(
                EvidenceBucket.ofFunction(),
                Deployments.ofFunction(),
                SelfHealing.ofFunction(StageRuntime.ofFunction()),
                Notifications.ofFunction(),
                HsmPrice.ofFunction(),
                StageRuntime.ofFunction());
    }

    Report(
            EvidenceBucket bucket,
            Deployments deployments,
            SelfHealing healing,
            Notifications notifications,
            HsmPrice tablePrice,
            StageRuntime runtime) {
        super(Input.class, runtime);
        this.bucket = bucket;
        this.states = runtime.states();
        this.deployments = deployments;
        this.healing = healing;
        this.notifications = notifications;
        this.tablePrice = tablePrice;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var finished = clock.instant();
        var took = Duration.between(input.startTime(), finished);
        int hsms = input.hsms().path("hsms").size();
        var price = tablePrice.agreed(input.plan());
        var cost = new Cost(
                hsms,
                price.perHour(),
                price.basis(),
                price.during(took, hsms),
                price.perHour(hsms),
                price.perDay(hsms));
        var history = states.getExecutionHistoryPaginator(
                request -> request.executionArn(input.execution()).includeExecutionData(false));
        var evidence = new Evidence(input, finished, took, StageTime.of(history.events()), cost, settledSoFar());
        bucket.write(input.evidenceKey(), evidence, RunPage.of(evidence));
        var deployment = input.plan().path("deployment").asText();
        deployments.running(deployment, input.resources(), finished);
        if (input.found().path("healing").asBoolean()) {
            var repaired = input.diagnosis().path("says").asText();
            healing.ended(
                    deployment,
                    input.execution(),
                    took,
                    input.found().path("reason").asText() + (repaired.isEmpty() ? "" : " " + repaired));
        } else if (input.found().path("resumed").asBoolean()) {
            tellThatItRunsAgain(input, deployment, cost);
        }
        return new Outcome.Done(new Output(
                bucket.name(),
                input.evidenceKey() + ".json",
                input.evidenceKey() + ".html",
                cost.sinceStartUsd(),
                cost.perHourUsd(),
                cost.perDayUsd(),
                cost.priceBasis()));
    }

    private void tellThatItRunsAgain(Input input, String deployment, Cost cost) {
        var source = input.cluster().path("sourceBackupId").asText();
        notifications.publish(
                "CloudHSM pipeline: \"" + deployment + "\" runs again",
                "The deployment \"" + deployment + "\" runs again: cluster "
                        + input.cluster().path("clusterId").asText() + " has " + cost.hsms()
                        + " HSMs, restored from "
                        + (source.isEmpty() ? "its newest backup" : source)
                        + ", the key store is connected, and an upload to "
                        + input.eachBucket().stream()
                                .map(bucket -> "s3://" + bucket.path("bucket").asText())
                                .collect(Collectors.joining(", and one to "))
                        + " was put under the key. The HSMs bill "
                        + Words.usd(cost.perHourUsd()) + " an hour until they are deleted. " + cost.priceBasis());
    }
}
