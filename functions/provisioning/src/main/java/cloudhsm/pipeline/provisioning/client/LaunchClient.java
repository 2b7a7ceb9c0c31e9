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
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;
import software.amazon.awssdk.services.ssm.SsmClient;
import software.amazon.awssdk.services.ssm.model.PingStatus;

/**
 * Provides the EC2 instance on which the CloudHSM CLI runs. The client is disposable: one that is stopped, offline or
 * in the wrong security group is terminated and replaced, and one that ends before it is online is followed by another,
 * three times.
 */
public final class LaunchClient extends StageHandler<LaunchClient.Input> {
    /** From launch to online in Systems Manager; one to two minutes are usual. */
    private static final Duration ONLINE_BUDGET = Duration.ofMinutes(10);

    /** How many clients are launched after the first one, as each before it ended without having been online. */
    static final int OTHERS = 3;

    private static final Set<String> NOT_ONLINE =
            Set.of(Resource.ABSENT, PingStatus.CONNECTION_LOST.toString(), PingStatus.INACTIVE.toString());

    /**
     * @param securityGroupId the cluster's group, whose members alone can reach the HSMs
     * @param lost what became of the clients that this stage launched and that never were online, a phrase each; null
     *     for none, as in the stage's first run
     */
    public record Input(
            String deployment,
            String vpcId,
            String subnetId,
            String securityGroupId,
            String instanceType,
            List<String> lost) {
        public Input {
            Objects.requireNonNull(deployment, "deployment");
            Objects.requireNonNull(vpcId, "vpcId");
            Objects.requireNonNull(subnetId, "subnetId");
            Objects.requireNonNull(securityGroupId, "securityGroupId");
            Objects.requireNonNull(instanceType, "instanceType");
            lost = lost == null ? List.of() : List.copyOf(lost);
        }

        private Input without(Instance client) {
            var all = Stream.concat(lost.stream(), Stream.of(whatBecameOf(client)))
                    .toList();
            return new Input(deployment, vpcId, subnetId, securityGroupId, instanceType, all);
        }
    }

    /** @param instanceId online in Systems Manager */
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
        return awaited.isPresent() ? afterWaiting(input, awaited.get().id()) : takeOrLaunch(input);
    }

    private ClientResources resources(Input input) {
        return new ClientResources(ec2, deployments, input.deployment());
    }

    private Outcome takeOrLaunch(Input input) {
        var resources = resources(input);
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
        if (usable.isPresent()) return onceOnline(input, usable.get().instanceId());

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
        return untilOnline(input, instanceId);
    }

    /** In the cluster's security group, not on its way out, and online or young enough to come online. */
    private boolean isUsable(Instance instance, Input input) {
        if (!isStartingOrRunning(instance)) return false;
        if (instance.securityGroups().stream()
                .noneMatch(group -> group.groupId().equals(input.securityGroupId()))) {
            return false;
        }
        return ping.isOnline(instance.instanceId()) || !isOverdue(instance);
    }

    private static boolean isStartingOrRunning(Instance instance) {
        var state = instance.state().name();
        return state == InstanceStateName.PENDING || state == InstanceStateName.RUNNING;
    }

    private static boolean isGone(Instance instance) {
        var state = instance.state().name();
        return state == InstanceStateName.SHUTTING_DOWN || state == InstanceStateName.TERMINATED;
    }

    private boolean isOverdue(Instance instance) {
        return clock.instant().isAfter(instance.launchTime().plus(ONLINE_BUDGET));
    }

    private void terminate(List<Instance> instances) {
        if (instances.isEmpty()) return;
        ec2.terminateInstances(request ->
                request.instanceIds(instances.stream().map(Instance::instanceId).toList()));
    }

    private Outcome afterWaiting(Input input, String instanceId) {
        if (ping.isOnline(instanceId)) return new Outcome.Done(new Output(instanceId));
        var instance = resources(input).instance(instanceId);
        // An instance made a moment ago may not be listed yet.
        if (instance.isEmpty()) return untilOnline(input, instanceId);
        if (!isStartingOrRunning(instance.get())) return takeAnother(input.without(instance.get()));
        if (isOverdue(instance.get())) return notOnline(instance.get());
        return untilOnline(input, instanceId);
    }

    private Outcome takeAnother(Input input) {
        return input.lost().size() > OTHERS ? allGone(input.lost()) : takeOrLaunch(input);
    }

    private Outcome onceOnline(Input input, String instanceId) {
        return ping.isOnline(instanceId) ? new Outcome.Done(new Output(instanceId)) : untilOnline(input, instanceId);
    }

    private static Outcome untilOnline(Input input, String instanceId) {
        return new Outcome.Waiting(Resource.client(instanceId), NOT_ONLINE, ONLINE_BUDGET).then(input);
    }

    private static String whatBecameOf(Instance client) {
        var reason = client.stateReason() == null ? null : client.stateReason().message();
        return client.instanceId() + " is " + client.state().nameAsString()
                + (reason == null || reason.isEmpty() ? "" : " (AWS says: \"" + reason + "\")");
    }

    private static Outcome allGone(List<String> lost) {
        return new Outcome.Failed(
                ClientCommand.CLIENT_GONE,
                lost.size() + " clients in a row ended before they came online: " + String.join("; ", lost)
                        + ". \"Client error on launch\" and \"InvalidKMSKey\" mean that EC2 could not make the"
                        + " encrypted volume; \"User initiated\", that somebody in the account ends instances:"
                        + " CloudTrail names who, under TerminateInstances or StopInstances. Next: remove that cause,"
                        + " then start a new execution, which launches another client and continues from here.");
    }

    private static Outcome notOnline(Instance instance) {
        return new Outcome.Failed(
                "CLIENT_NOT_ONLINE",
                "The client " + instance.instanceId() + " in " + instance.subnetId()
                        + " is running, but has not come online in Systems Manager within "
                        + ONLINE_BUDGET.toMinutes()
                        + " min. It must reach the Region's endpoints ssm, ssmmessages and ec2messages over TCP 443,"
                        + " through a public address and an internet gateway, a NAT gateway, or VPC endpoints. The"
                        + " instance was left running for you to look at. Next: give the subnet that route, then start"
                        + " a new execution, which replaces the instance. The subnets of a cluster cannot be changed;"
                        + " another network takes another deployment.");
    }
}
