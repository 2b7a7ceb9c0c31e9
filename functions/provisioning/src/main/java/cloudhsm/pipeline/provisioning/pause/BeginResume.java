package cloudhsm.pipeline.provisioning.pause;

import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.input.Fields;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.Objects;
import java.util.Optional;

/**
 * Takes the deployment's lock and looks up what it consists of. It stays PAUSED until everything is proven again, so
 * that nobody else repairs what is being restored.
 */
public final class BeginResume extends StageHandler<BeginResume.Input> {
    /**
     * @param execution ARN of the execution that resumes
     * @param request the execution input as it is
     */
    public record Input(String execution, JsonNode request) {
        public Input {
            Objects.requireNonNull(execution, "execution");
            request = request == null ? JsonNodeFactory.instance.objectNode() : request;
        }
    }

    /**
     * @param plan of the last provisioning
     * @param resources outputs of its stages by the names they have in the state machine
     */
    public record Output(String deployment, JsonNode plan, JsonNode resources) {}

    private final Deployments deployments;
    private final DeploymentLock lock;

    /** Called by Lambda, once per execution environment. */
    public BeginResume() {
        this(Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    BeginResume(Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.deployments = deployments;
        this.lock = runtime.lock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var problems = new Problems();
        var fields = Fields.of(input.request(), problems);
        var name = fields.deployment().orElse("default");
        fields.refuseOthers();
        if (!problems.isEmpty()) return problems.invalidInput("The execution input does not fit", "changed");
        var deployment = deployments.find(name);
        if (deployment.isEmpty()) return PauseFailures.unknown(name);
        var phase = deployment.get().phase();
        if (phase == Phase.TEARING_DOWN) return PauseFailures.tearingDown(name);
        var resources = deployment.get().resources();
        if (resources.isEmpty()) return neverComplete(name);
        return lock.take(name, input.execution())
                .<Outcome>map(holder -> PauseFailures.locked(name, holder))
                .orElseGet(
                        () -> new Outcome.Done(new Output(name, deployment.get().plan(), resources)));
    }

    private static Outcome neverComplete(String name) {
        return new Outcome.Failed(
                "DEPLOYMENT_INCOMPLETE",
                "The deployment \"" + name + "\" was stopped before it was complete, so there is nothing to resume."
                        + " Nothing was changed. Next: start a new provisioning execution with the same input; it"
                        + " continues from what exists.");
    }
}
