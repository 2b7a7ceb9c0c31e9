package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service.InstanceView;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The instances whose SSM agent has registered. An agent registers once its instance runs, may act as a role that
 * allows it, and can reach the SSM endpoint. Its connection then stays open: security groups track connections, so
 * rules taken away later stop new ones only.
 */
final class ManagedInstances {
    // From "running" to "Online", as seen in the console; AWS documents no figures.
    private static final Duration FASTEST_REGISTRATION = Duration.ofSeconds(20);
    private static final Duration SLOWEST_REGISTRATION = Duration.ofSeconds(60);

    /** An agent that could not register tries again. */
    private static final Duration NEXT_ATTEMPT = Duration.ofMinutes(5);

    static final class Agent {
        final String instanceId;
        final Instant registered;
        boolean online = true;

        private Agent(String instanceId, Instant registered) {
            this.instanceId = instanceId;
            this.registered = registered;
        }
    }

    private final Account account;
    private final Ec2Service ec2;
    private final Map<String, Agent> agents = new LinkedHashMap<>();

    ManagedInstances(Account account, Ec2Service ec2) {
        this.account = account;
        this.ec2 = ec2;
        ec2.watchInstances(this::changed);
    }

    List<Agent> all() {
        return List.copyOf(agents.values());
    }

    boolean isOnline(String instanceId) {
        return Optional.ofNullable(agents.get(instanceId))
                .map(agent -> agent.online)
                .orElse(false);
    }

    private void changed(InstanceView instance) {
        var agent = agents.get(instance.instanceId());
        if (agent != null) agent.online = false;
        if (instance.state().equals("terminated")) agents.remove(instance.instanceId());
        if (instance.isRunning()) {
            attempt(instance.instanceId(), account.between(FASTEST_REGISTRATION, SLOWEST_REGISTRATION));
        }
    }

    private void attempt(String instanceId, Duration delay) {
        account.time().schedule(delay, "SSM agent of " + instanceId + " registers", () -> {
            var instance = ec2.instance(instanceId).filter(InstanceView::isRunning);
            if (instance.isEmpty() || isOnline(instanceId)) return;
            if (!mayRegister(instance.get())) {
                attempt(instanceId, NEXT_ATTEMPT);
                return;
            }
            agents.computeIfAbsent(
                            instanceId, id -> new Agent(id, account.time().now()))
                    .online = true;
        });
    }

    private boolean mayRegister(InstanceView instance) {
        if (instance.identity().isEmpty() || !ec2.reachesInternet(instance.instanceId())) return false;
        try {
            account.iam()
                    .authorize(
                            instance.identity().get(),
                            "ssm:UpdateInstanceInformation",
                            account.arn("ec2", "instance/" + instance.instanceId()));
            return true;
        } catch (AwsException denied) {
            return false;
        }
    }
}
