package cloudhsm.pipeline.provisioning.pause;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock.TakeOver;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.input.Fields;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;

/**
 * Takes the deployment's lock and marks it PAUSED, so that nobody takes the HSMs that are going to be missing for a
 * fault. Nothing is deleted yet. A deployment that is TEARING_DOWN stays so: a teardown that was stopped may have left
 * HSMs that bill, and nothing else stops them but another teardown.
 */
public final class BeginPause extends StageHandler<BeginPause.Input> {
    /**
     * What the user asks for.
     *
     * @param interrupt whether an execution that is at work on the deployment is stopped instead of respected; the
     *     limits of time and cost ask for it, because an execution that hangs bills like any other
     */
    private record Request(String deployment, boolean interrupt) {
        static Request read(JsonNode input, Problems problems) {
            var fields = Fields.of(input, problems);
            var request = new Request(
                    fields.deployment().orElse("default"),
                    fields.flag("interrupt").orElse(false));
            fields.refuseOthers();
            return request;
        }
    }

    /**
     * @param execution ARN of the execution that pauses
     * @param request the execution input as it is
     */
    public record Input(String execution, JsonNode request) {}

    /**
     * @param clusterId "" if the deployment has none yet
     * @param ownersHsmIds of the HSMs that stay, as the cluster came with them when it was adopted
     * @param buckets names of those that it has
     * @param interrupted ARN of the execution that was stopped, or ""
     * @param tearingDown whether its keys are to be deleted, so that there is nothing to come back to
     */
    public record Output(
            String deployment,
            String clusterId,
            List<String> ownersHsmIds,
            List<String> buckets,
            String interrupted,
            boolean tearingDown) {}

    private final Deployments deployments;
    private final DeploymentLock lock;
    private final Clusters clusters;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public BeginPause() {
        this(Aws.cloudHsm(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    BeginPause(CloudHsmV2Client cloudHsm, Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.clusters = new Clusters(cloudHsm);
        this.deployments = deployments;
        this.lock = runtime.lock();
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var problems = new Problems();
        var request = Request.read(input.request(), problems);
        if (!problems.isEmpty()) return problems.invalidInput("The execution input does not fit", "changed");
        var name = request.deployment();
        if (deployments.find(name).isEmpty()) return unknown(name);
        return switch (lock.takeOver(name, input.execution(), request.interrupt())) {
            case TakeOver.Taken(var interrupted) -> paused(name, interrupted);
            case TakeOver.Held(var holder) -> locked(name, holder);
            case TakeOver.Stopping(var holder) -> stillRunning(name, holder);
        };
    }

    private static Outcome unknown(String deployment) {
        return new Outcome.Failed(
                "DEPLOYMENT_UNKNOWN",
                "There is no deployment \"" + deployment + "\": no provisioning execution has begun one under this"
                        + " name, or it has been torn down. Nothing was changed. Next: give the name that the"
                        + " provisioning execution was given in \"deployment\".");
    }

    private static Outcome locked(String deployment, String holder) {
        return new Outcome.Failed(
                "DEPLOYMENT_LOCKED",
                "The deployment \"" + deployment + "\" is being worked on by " + holder
                        + ". Nothing was changed. Next: wait for its end or stop it, then start a new execution.");
    }

    private static Outcome stillRunning(String name, String holder) {
        return new Outcome.Failed(
                TRANSIENT,
                "Execution " + holder + " holds the deployment \"" + name + "\" and was told to stop, but still runs."
                        + " No HSM was deleted yet. Next: look again a little later.");
    }

    /** Whoever had the lock until a moment ago may have changed the deployment, or removed it. */
    private Outcome paused(String name, String interrupted) {
        var deployment = deployments.find(name);
        if (deployment.isEmpty()) return unknown(name);
        var tearingDown = deployment.get().phase() == Phase.TEARING_DOWN;
        if (!tearingDown) deployments.enter(name, Phase.PAUSED, clock.instant());
        var clusterId = Clusters.ofDeployment(deployment.get(), clusters.all())
                .map(Cluster::clusterId)
                .orElse("");
        return new Outcome.Done(new Output(
                name,
                clusterId,
                deployment.get().ownersHsmIds(clusterId),
                deployment.get().buckets(),
                interrupted,
                tearingDown));
    }
}
