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
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;

/**
 * Terminates the client that the deployment's record names, its disk with it, and deletes its security group. LaunchClient
 * makes another.
 */
public final class TerminateClient extends StageHandler<TerminateClient.Input> {
    /** A minute or two is usual. */
    private static final Duration BUDGET = Duration.ofMinutes(15);

    private static final Set<String> NOT_YET = Set.of("pending", "running", "stopping", "stopped", "shutting-down");

    public record Input(String deployment) {
        public Input {
            Objects.requireNonNull(deployment, "deployment");
        }
    }

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
        var resources = new ClientResources(ec2, deployments, input.deployment());
        var there = resources.instances().stream()
                .filter(instance -> instance.state().name() != InstanceStateName.TERMINATED)
                .toList();
        if (!there.isEmpty()) {
            var ids = there.stream().map(Instance::instanceId).toList();
            ec2.terminateInstances(request -> request.instanceIds(ids));
            return new Outcome.Waiting(Resource.instance(ids.getFirst()), NOT_YET, BUDGET);
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
