package cloudhsm.pipeline.provisioning.bucket;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads the execution input and finds the deployment whose record names the bucket. No key comes from an input: what
 * lies in the bucket goes under the key of its default encryption; or, on the way down, from the keys and to the target
 * that the teardown at work on the deployment has written into the record.
 */
public final class PlanReencryption extends StageHandler<PlanReencryption.Input> {
    /** @param request the execution input as it is */
    public record Input(JsonNode request) {}

    /**
     * @param deployment that has the bucket
     * @param release keyIds and returnTo of the way down; empty on the way up
     */
    public record Output(String deployment, ReencryptionRequest request, Map<String, Object> release) {}

    private final Deployments deployments;
    private final DeploymentLock lock;

    /** Called by Lambda, once per execution environment. */
    public PlanReencryption() {
        this(Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    PlanReencryption(Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.deployments = deployments;
        this.lock = runtime.lock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var problems = new Problems();
        var request = ReencryptionRequest.read(input.request(), problems);
        if (!problems.isEmpty()) return problems.invalidInput("The execution input does not fit", "changed");
        return request.release() ? wayDown(request) : wayUp(request);
    }

    private Outcome wayUp(ReencryptionRequest request) {
        var all = deployments.all();
        return all.stream()
                .filter(deployment -> deployment.hasBucket(request.bucket()))
                .findFirst()
                .<Outcome>map(owner -> new Outcome.Done(new Output(owner.name(), request, Map.of())))
                .orElseGet(() -> notOurs(request.bucket(), all));
    }

    /** The teardown's own list of buckets counts, which has one that was made and could not be remembered as well. */
    private Outcome wayDown(ReencryptionRequest request) {
        for (var deployment : deployments.all()) {
            var release = deployment
                    .release()
                    .filter(planned -> planned.returnTo().containsKey(request.bucket()))
                    .filter(planned -> lock.holder(deployment.name()).equals(Optional.of(planned.execution())));
            if (release.isEmpty()) continue;
            Object target = release.get().returnTo().get(request.bucket());
            var members = Map.of("keyIds", release.get().keyIds(), "returnTo", target);
            return new Outcome.Done(new Output(deployment.name(), request, members));
        }
        return noTeardown(request.bucket());
    }

    private static Outcome notOurs(String bucket, List<Deployment> all) {
        return new Outcome.Failed(
                "BUCKET_NOT_OURS",
                "No deployment's record names s3://" + bucket + "; there are the deployments "
                        + all.stream().map(Deployment::name).toList()
                        + ". Nothing was changed. Next: start a provisioning with the deployment's name and"
                        + " \"buckets\": [{\"name\": \"" + bucket
                        + "\", \"adopt\": true}], which puts new objects under"
                        + " the deployment's key, then this execution again.");
    }

    private static Outcome noTeardown(String bucket) {
        return new Outcome.Failed(
                "NO_TEARDOWN",
                "The objects of s3://" + bucket + " leave a deployment's keys in its teardown only, and none is at work"
                        + " on one with this bucket. Nothing was changed. Next: start a teardown with"
                        + " \"data\": \"KEEP_READABLE\", which starts this by itself.");
    }
}
