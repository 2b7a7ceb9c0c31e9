package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;

/**
 * Terminates the client that the deployment's record names, its disk with it, and where nothing will be left deletes its
 * security group. LaunchClient makes another.
 */
public final class TerminateClient extends StageHandler<TerminateClient.Input> {
    /** A minute or two is usual. */
    private static final Duration BUDGET = Duration.ofMinutes(15);

    private static final Set<String> NOT_YET = Set.of("pending", "running", "stopping", "stopped", "shutting-down");

    /** How much of the client goes. */
    public enum Extent {
        /** The input of the provisioning keeps it. */
        NOTHING,
        /** Its end is asked for and not waited for; another client uses the security group. */
        INSTANCE,
        EVERYTHING
    }

    public record Input(String deployment, Extent extent) {}

    public record Output(Instant at, List<String> removed, List<String> left) {}

    private final Ec2Client ec2;
    private final Deployments deployments;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public TerminateClient() {
        this(Aws.ec2(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    TerminateClient(Ec2Client ec2, Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.ec2 = ec2;
        this.deployments = deployments;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        if (input.extent() == Extent.NOTHING)
            return new Outcome.Done(new Output(clock.instant(), List.of(), List.of()));
        var resources = new ClientResources(ec2, deployments, input.deployment());
        var instances = resources.instances().stream()
                .filter(instance -> instance.state().name() != InstanceStateName.TERMINATED)
                .toList();
        var toEnd = instances.stream()
                .filter(instance -> instance.state().name() != InstanceStateName.SHUTTING_DOWN)
                .map(Instance::instanceId)
                .toList();
        if (!toEnd.isEmpty()) ec2.terminateInstances(request -> request.instanceIds(toEnd));
        if (input.extent() == Extent.INSTANCE) {
            var ended = toEnd.stream().map(id -> "instance " + id).toList();
            return new Outcome.Done(new Output(clock.instant(), ended, List.of()));
        }
        if (!instances.isEmpty()) {
            return new Outcome.Waiting(Resource.instance(instances.getFirst().instanceId()), NOT_YET, BUDGET);
        }
        var removed = new ArrayList<String>();
        awaited.ifPresent(instance -> removed.add("instance " + instance.id()));
        for (var group : resources.groups()) {
            ec2.deleteSecurityGroup(request -> request.groupId(group.groupId()));
            removed.add("security group " + group.groupId() + " (" + group.groupName() + ")");
        }
        // After the groups, which EC2 does not delete while an instance has them that it did not show yet.
        resources.forget(Made.CLIENT);
        resources.forget(Made.SECURITY_GROUP);
        return new Outcome.Done(new Output(clock.instant(), removed, List.of()));
    }
}
