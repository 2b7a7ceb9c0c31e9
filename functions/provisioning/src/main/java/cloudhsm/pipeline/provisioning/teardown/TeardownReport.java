package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.report.EvidenceBucket;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.Settled;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.Tag;

/**
 * Writes down what was removed when, what is left and why, and what it cost. If nothing is left that should not be, the
 * deployment is forgotten and its lock given back.
 */
public final class TeardownReport extends StageHandler<TeardownReport.Input> {
    /** Where the stages have looked for what belongs to the deployment. */
    private static final List<String> LOOKED_IN = List.of(
            "CloudHSM: clusters, HSMs, backups",
            "KMS: key stores, keys, aliases",
            "S3: the bucket, its versions, delete markers and unfinished uploads",
            "EventBridge Scheduler: the warning and the limit",
            "EC2: the client, its disk, its security group",
            "Secrets Manager: the passwords and the cluster's root",
            "CloudWatch Logs: the HSMs' audit log",
            "DynamoDB: the deployment's record, lock and waits");

    /**
     * One stage's output.
     *
     * @param kept what stays by the input's choice, and what that means for it
     * @param hsms of DeleteHsms, how many HSMs there were from then on; left out of the evidence where 0
     */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Step(
            String stage,
            Instant at,
            @JsonSetter(nulls = Nulls.AS_EMPTY) List<String> removed,
            @JsonSetter(nulls = Nulls.AS_EMPTY) List<String> left,
            @JsonSetter(nulls = Nulls.AS_EMPTY) List<String> kept,
            @JsonInclude(JsonInclude.Include.NON_DEFAULT) int hsms) {
        public Step {
            removed = List.copyOf(removed);
            left = List.copyOf(left);
            kept = List.copyOf(kept);
        }
    }

    /** A stage that failed although it was tried again. */
    public record Failure(String stage, String error, String cause) {}

    public record Input(
            String execution, Instant startTime, TeardownPlan plan, List<Step> steps, List<Failure> failures) {
        public Input {
            steps = List.copyOf(steps);
            failures = List.copyOf(failures);
        }
    }

    /**
     * @param keptByChoice what the input said shall stay, and what is not the deployment's
     * @param takenFromOthers what others used as well; the input said evenIfShared
     * @param observations what the execution has settled of the questions in docs/limits.md
     */
    record Evidence(
            String execution,
            Instant started,
            Instant finished,
            TeardownPlan plan,
            List<Step> steps,
            List<String> left,
            List<String> keptByChoice,
            List<String> takenFromOthers,
            List<Failure> failures,
            List<String> lookedIn,
            BigDecimal hsmCostUsd,
            String priceBasis,
            List<Settled> observations) {}

    /**
     * @param complete whether nothing is left that the input wanted to go
     * @param bucket where the report is
     * @param key of the JSON
     * @param page key of the same as HTML
     * @param left what is, and why
     * @param hsmCostUsd what HSMs have cost since the execution began
     * @param priceBasis whose price that is, as of when, and how to set another
     */
    public record Output(
            boolean complete,
            String bucket,
            String key,
            String page,
            List<String> left,
            List<String> keptByChoice,
            BigDecimal hsmCostUsd,
            String priceBasis,
            String message) {}

    private final S3Client s3;
    private final EvidenceBucket evidenceBucket;
    private final Deployments deployments;
    private final DeploymentLock lock;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public TeardownReport() {
        this(EvidenceBucket.ofFunction(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    TeardownReport(EvidenceBucket evidenceBucket, Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.s3 = evidenceBucket.s3();
        this.evidenceBucket = evidenceBucket;
        this.deployments = deployments;
        this.lock = runtime.lock();
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var plan = input.plan();
        var left = Stream.concat(
                        input.steps().stream().flatMap(step -> step.left().stream()),
                        input.failures().stream().map(TeardownReport::told))
                .toList();
        var kept = new ArrayList<>(plan.leftAlone());
        input.steps().forEach(step -> kept.addAll(step.kept()));
        var staying = plan.buckets().stream()
                .filter(bucket -> !bucket.data().equals("DELETE"))
                .toList();
        staying.forEach(bucket -> kept.add("s3://" + bucket.name() + " and its objects, "
                + (bucket.data().equals("KEEP") ? "unreadable, as confirmed" : "readable")
                + (bucket.adopted() ? "; it was there before the deployment and is given back" : "")));
        var finished = clock.instant();
        var cost = cost(input, finished);
        var key = EvidenceBucket.key(plan.deployment(), input.execution());
        var evidence = new Evidence(
                input.execution(),
                input.startTime(),
                finished,
                plan,
                input.steps(),
                left,
                kept,
                plan.shared(),
                input.failures(),
                LOOKED_IN,
                cost,
                plan.priceBasis(),
                settledSoFar());
        evidenceBucket.write(key, evidence, TeardownPage.of(evidence));
        if (left.isEmpty()) {
            staying.stream().filter(bucket -> !bucket.adopted()).forEach(bucket -> removeTag(bucket.name()));
            deployments.remove(plan.deployment());
            lock.release(plan.deployment(), input.execution());
        }
        return new Outcome.Done(new Output(
                left.isEmpty(),
                evidenceBucket.name(),
                key + ".json",
                key + ".html",
                left,
                kept,
                cost,
                plan.priceBasis(),
                message(plan, left, key + ".html")));
    }

    private static String told(Failure failure) {
        return failure.stage() + " failed: " + failure.error() + ", " + failure.cause();
    }

    private String message(TeardownPlan plan, List<String> left, String key) {
        if (left.isEmpty()) return "Nothing of \"" + plan.deployment() + "\" is left that bills.";
        return "The teardown of \"" + plan.deployment() + "\" went as far as it could and left:\n- "
                + String.join("\n- ", left) + "\nThe report is s3://" + evidenceBucket.name() + "/" + key
                + ". Next: remove what is in the way, then start a new teardown; it continues from here.";
    }

    /** What the HSMs cost in this execution, by the minute; AWS counts started hours. */
    private BigDecimal cost(Input input, Instant finished) {
        var hsmSeconds = 0L;
        var hsms = input.plan().hsms();
        var since = input.startTime();
        for (var step : input.steps()) {
            if (!step.stage().equals("DeleteHsms")) continue;
            hsmSeconds += hsms * Duration.between(since, step.at()).toSeconds();
            hsms = step.hsms();
            since = step.at();
        }
        hsmSeconds += hsms * Duration.between(since, finished).toSeconds();
        return new HsmPrice(input.plan().pricePerHsmHourUsd(), input.plan().priceBasis())
                .during(Duration.ofSeconds(hsmSeconds), 1);
    }

    /** A bucket that the pipeline made and that stays is nobody's any more; other tags stay. */
    private void removeTag(String bucket) {
        List<Tag> tags;
        try {
            tags = s3.getBucketTagging(request -> request.bucket(bucket)).tagSet();
        } catch (S3Exception failure) {
            if (failure.statusCode() == 404) return;
            throw failure;
        }
        var others = tags.stream()
                .filter(tag -> !Clusters.DEPLOYMENT_TAG.equals(tag.key()))
                .toList();
        if (others.size() == tags.size()) return;
        if (others.isEmpty()) s3.deleteBucketTagging(request -> request.bucket(bucket));
        else s3.putBucketTagging(request -> request.bucket(bucket).tagging(tagging -> tagging.tagSet(others)));
    }
}
