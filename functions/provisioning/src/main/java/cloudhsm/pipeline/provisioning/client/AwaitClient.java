package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ssm.SsmClient;
import software.amazon.awssdk.services.ssm.model.PingStatus;

/** Waits until Systems Manager reaches the client. One that has ended is found at once, so that another is launched. */
public final class AwaitClient extends StageHandler<AwaitClient.Input> {
    /** From launch to online in Systems Manager; one to two minutes are usual. */
    private static final Duration ONLINE_BUDGET = Duration.ofMinutes(10);

    private static final Set<String> NOT_ONLINE =
            Set.of(Resource.ABSENT, PingStatus.CONNECTION_LOST.toString(), PingStatus.INACTIVE.toString());

    /** @param instanceId of the client that was launched */
    public record Input(String instanceId) {}

    /** @param online true */
    public record Output(String instanceId, boolean online) {}

    private final Ec2Client ec2;
    private final ClientPing ping;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public AwaitClient() {
        this(Aws.ec2(), Aws.ssm(), StageRuntime.ofFunction());
    }

    AwaitClient(Ec2Client ec2, SsmClient ssm, StageRuntime runtime) {
        super(Input.class, runtime);
        this.ec2 = ec2;
        this.ping = new ClientPing(ssm);
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        if (ping.isOnline(input.instanceId())) return new Outcome.Done(new Output(input.instanceId(), true));
        var instance = described(input.instanceId());
        if (instance.isPresent() && !isStartingOrRunning(instance.get())) return gone(instance.get());
        if (instance.isPresent() && isOverdue(instance.get(), clock.instant())) return notOnline(instance.get());
        // An instance made a moment ago may not be listed yet.
        return new Outcome.Waiting(Resource.client(input.instanceId()), NOT_ONLINE, ONLINE_BUDGET);
    }

    private Optional<Instance> described(String instanceId) {
        return ec2
                .describeInstancesPaginator(request -> request.filters(
                        Filter.builder().name("instance-id").values(instanceId).build()))
                .reservations()
                .stream()
                .flatMap(reservation -> reservation.instances().stream())
                .findFirst();
    }

    static boolean isStartingOrRunning(Instance instance) {
        var state = instance.state().name();
        return state == InstanceStateName.PENDING || state == InstanceStateName.RUNNING;
    }

    /** Whether it should have come online by now. */
    static boolean isOverdue(Instance instance, Instant now) {
        return now.isAfter(instance.launchTime().plus(ONLINE_BUDGET));
    }

    private static Outcome gone(Instance client) {
        var reason = client.stateReason() == null ? null : client.stateReason().message();
        return new Outcome.Failed(
                ClientCommand.CLIENT_GONE,
                "The client " + client.instanceId() + " is "
                        + client.state().nameAsString()
                        + (reason == null || reason.isEmpty() ? "" : " (AWS says: \"" + reason + "\")")
                        + " and has not come online. \"Client error on launch\" and \"InvalidKMSKey\" mean that EC2"
                        + " could not make the encrypted volume; \"User initiated\", that somebody in the account ends"
                        + " instances: CloudTrail names who, under TerminateInstances or StopInstances. Next: none as"
                        + " long as the execution runs: it launches another client, up to three times. If the execution"
                        + " ended so, remove that cause, then start a new one, which continues from here.");
    }

    private static Outcome notOnline(Instance instance) {
        return new Outcome.Failed(
                "CLIENT_NOT_ONLINE",
                "The client " + instance.instanceId() + " in " + instance.subnetId()
                        + " is running, but has not come online in Systems Manager within "
                        + ONLINE_BUDGET.toMinutes()
                        + " min. It must reach the Region's endpoints ssm, ssmmessages and ec2messages over TCP 443,"
                        + " through a public address and an internet gateway, a NAT gateway, or VPC endpoints. Next:"
                        + " give the subnet that route, then start a new execution, which launches another. The subnets"
                        + " of a cluster cannot be changed; another network takes another deployment.");
    }
}
