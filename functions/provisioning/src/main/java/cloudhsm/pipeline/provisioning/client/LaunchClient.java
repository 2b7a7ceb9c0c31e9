package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;
import software.amazon.awssdk.services.ssm.SsmClient;

/**
 * Provides the EC2 instance on which the CloudHSM CLI runs. The client is disposable: one that is stopped, offline or
 * in the wrong security group is terminated and replaced. It comes up while other stages go on.
 */
public final class LaunchClient extends StageHandler<LaunchClient.Input> {
    /** @param securityGroupId the cluster's group, whose members alone can reach the HSMs */
    public record Input(
            String deployment, String vpcId, String subnetId, String securityGroupId, String instanceType) {}

    /** @param instanceId on its way; {@link AwaitClient} waits until it answers */
    public record Output(String instanceId) {}

    private final Ec2Client ec2;
    private final SsmClient ssm;
    private final Deployments deployments;
    private final ClientPing ping;
    private final ClientInstance.Image image;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public LaunchClient() {
        this(
                Aws.ec2(),
                Aws.ssm(),
                Deployments.ofFunction(),
                new ClientInstance.Image(Aws.environment("IMAGE_PARAMETER"), Aws.environment("INSTANCE_PROFILE_ARN")),
                StageRuntime.ofFunction());
    }

    LaunchClient(
            Ec2Client ec2, SsmClient ssm, Deployments deployments, ClientInstance.Image image, StageRuntime runtime) {
        super(Input.class, runtime);
        this.ec2 = ec2;
        this.ssm = ssm;
        this.deployments = deployments;
        this.ping = new ClientPing(ssm);
        this.image = image;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var resources = new ClientResources(ec2, deployments, input.deployment());
        var instances = resources.instances();
        instances.stream()
                .filter(instance -> instance.state().name() == InstanceStateName.TERMINATED)
                .forEach(gone -> deployments.gone(input.deployment(), Made.CLIENT, gone.instanceId()));
        var usable = instances.stream()
                .filter(instance -> isUsable(instance, input))
                .max(Comparator.comparing(Instance::launchTime));
        terminate(instances.stream()
                .filter(instance -> !isGone(instance))
                .filter(instance -> usable.filter(instance::equals).isEmpty())
                .toList());
        if (usable.isPresent()) return new Outcome.Done(new Output(usable.get().instanceId()));

        var existing = resources.groups().stream()
                .filter(group -> group.vpcId().equals(input.vpcId()))
                .findFirst();
        if (existing.isPresent() && existing.get().ipPermissionsEgress().isEmpty()) {
            return new Outcome.Failed(
                    "CLIENT_EGRESS_CLOSED",
                    "Security group " + existing.get().groupId() + " ("
                            + existing.get().groupName()
                            + ") lets nothing out, so a client could reach neither Systems Manager nor the download"
                            + " of the CloudHSM CLI. No instance was launched. Next: delete the group, or allow TCP"
                            + " 443 out; then start a new execution.");
        }
        var groupId = existing.map(SecurityGroup::groupId).orElseGet(() -> resources.createGroup(input.vpcId()));
        var intent = deployments.intend(input.deployment(), Made.CLIENT);
        var instanceId = new ClientInstance(ec2, ssm, image)
                .launch(
                        new ClientInstance.Launch(
                                input.deployment(),
                                input.subnetId(),
                                List.of(input.securityGroupId(), groupId),
                                input.instanceType()),
                        intent);
        deployments.made(input.deployment(), Made.CLIENT, instanceId);
        return new Outcome.Done(new Output(instanceId));
    }

    /** In the cluster's security group, not on its way out, and online or young enough to come online. */
    private boolean isUsable(Instance instance, Input input) {
        if (!AwaitClient.isStartingOrRunning(instance)) return false;
        if (instance.securityGroups().stream()
                .noneMatch(group -> group.groupId().equals(input.securityGroupId()))) {
            return false;
        }
        return ping.isOnline(instance.instanceId()) || !AwaitClient.isOverdue(instance, clock.instant());
    }

    private static boolean isGone(Instance instance) {
        var state = instance.state().name();
        return state == InstanceStateName.SHUTTING_DOWN || state == InstanceStateName.TERMINATED;
    }

    private void terminate(List<Instance> instances) {
        if (instances.isEmpty()) return;
        ec2.terminateInstances(request ->
                request.instanceIds(instances.stream().map(Instance::instanceId).toList()));
    }
}
