package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service.InstanceView;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The account's instances and their lives, and the instance profiles they may have. */
final class Instances {
    // How long small Linux instances take, as seen in the console; AWS documents no figures.
    private static final Duration FASTEST_START = Duration.ofSeconds(20);
    private static final Duration SLOWEST_START = Duration.ofSeconds(40);
    private static final Duration FASTEST_STOP = Duration.ofSeconds(20);
    private static final Duration SLOWEST_STOP = Duration.ofSeconds(60);

    /** Until EC2 has tried to make an instance's volumes: it ends "immediately" where that fails. */
    // Assumed: instance-volumes
    private static final Duration VOLUMES = Duration.ofSeconds(5);

    /** Terminated instances stay visible for about an hour (EC2 user guide, "Instance termination"). */
    private static final Duration VISIBLE_AFTER_TERMINATION = Duration.ofHours(1);

    private final Account account;
    private final Network network;
    private final Tags tags;
    private final Map<String, Instance> instances = new LinkedHashMap<>();
    private final Map<String, InstanceProfile> profiles = new LinkedHashMap<>();
    private final List<Consumer<InstanceView>> watchers = new ArrayList<>();

    Instances(Account account, Network network, Tags tags) {
        this.account = account;
        this.network = network;
        this.tags = tags;
    }

    /** In the order of their launch. */
    List<Instance> all() {
        return List.copyOf(instances.values());
    }

    Optional<Instance> find(String instanceId) {
        return Optional.ofNullable(instances.get(instanceId));
    }

    /** @throws AwsException InvalidInstanceID.Malformed, InvalidInstanceID.NotFound */
    Instance get(String instanceId) {
        if (!instanceId.matches("i-[0-9a-f]{8,17}")) {
            throw AwsException.badRequest("InvalidInstanceID.Malformed", "Invalid id: \"" + instanceId + "\"");
        }
        return find(instanceId)
                .orElseThrow(() -> AwsException.badRequest(
                        "InvalidInstanceID.NotFound", "The instance ID '" + instanceId + "' does not exist"));
    }

    void watch(Consumer<InstanceView> watcher) {
        watchers.add(watcher);
    }

    String createProfile(String name, Role role) {
        var id = "AIPA" + account.base32(17).toUpperCase(Locale.ROOT);
        var profile = new InstanceProfile(name, "arn:aws:iam::" + Iam.ACCOUNT + ":instance-profile/" + name, id, role);
        profiles.put(name, profile);
        return profile.arn();
    }

    void deleteProfile(String name) {
        profiles.remove(name);
    }

    Optional<InstanceProfile> profileByName(String name) {
        return Optional.ofNullable(profiles.get(name));
    }

    Optional<InstanceProfile> profileByArn(String arn) {
        return profiles.values().stream()
                .filter(profile -> profile.arn().equals(arn))
                .findFirst();
    }

    /** @param refusal what EC2 finds out meanwhile: why it cannot make the volumes; empty where it can */
    void launch(Instance instance, Supplier<Optional<Instance.Reason>> refusal) {
        instances.put(instance.instanceId, instance);
        start(instance);
        account.time().schedule(VOLUMES, "volumes of " + instance.instanceId, () -> {
            if (instance.state != Instance.State.PENDING) return;
            refusal.get().ifPresent(reason -> end(instance, reason));
        });
    }

    /** @throws AwsException IncorrectInstanceState unless it is stopped, or running already */
    Instance.State restart(Instance instance) {
        var previous = instance.state;
        if (previous == Instance.State.RUNNING || previous == Instance.State.PENDING) return previous;
        if (previous != Instance.State.STOPPED) throw incorrectState(instance, "started");
        start(instance);
        return previous;
    }

    private void start(Instance instance) {
        instance.reason = Optional.empty();
        become(instance, Instance.State.PENDING);
        account.time().schedule(account.between(FASTEST_START, SLOWEST_START), instance.instanceId + " runs", () -> {
            if (instance.state != Instance.State.PENDING) return;
            if (instance.identity.isEmpty()) {
                instance.identity =
                        instance.profile.map(profile -> account.iam().session(profile.role(), instance.instanceId));
            }
            become(instance, Instance.State.RUNNING);
        });
    }

    /** @throws AwsException IncorrectInstanceState unless it is running, or stopped already */
    Instance.State stop(Instance instance) {
        var previous = instance.state;
        if (previous == Instance.State.STOPPED || previous == Instance.State.STOPPING) return previous;
        if (previous != Instance.State.RUNNING) throw incorrectState(instance, "stopped");
        instance.reason = Optional.of(Instance.Reason.USER_INITIATED);
        become(instance, Instance.State.STOPPING);
        account.time().schedule(account.between(FASTEST_STOP, SLOWEST_STOP), instance.instanceId + " stops", () -> {
            if (instance.state == Instance.State.STOPPING) become(instance, Instance.State.STOPPED);
        });
        return previous;
    }

    private static AwsException incorrectState(Instance instance, String verb) {
        return AwsException.badRequest(
                "IncorrectInstanceState",
                "The instance '" + instance.instanceId + "' is not in a state from which it can be " + verb + ".");
    }

    Instance.State terminate(Instance instance) {
        var previous = instance.state;
        if (previous == Instance.State.TERMINATED || previous == Instance.State.SHUTTING_DOWN) return previous;
        end(instance, Instance.Reason.USER_INITIATED);
        return previous;
    }

    private void end(Instance instance, Instance.Reason reason) {
        instance.reason = Optional.of(reason);
        become(instance, Instance.State.SHUTTING_DOWN);
        account.time().schedule(account.between(FASTEST_STOP, SLOWEST_STOP), instance.instanceId + " ends", () -> {
            network.interfaces.remove(instance.networkInterface.networkInterfaceId());
            become(instance, Instance.State.TERMINATED);
            account.time().schedule(VISIBLE_AFTER_TERMINATION, instance.instanceId + " is forgotten", () -> {
                instances.remove(instance.instanceId);
                tags.removeAll(instance.instanceId);
            });
        });
    }

    private void become(Instance instance, Instance.State state) {
        instance.state = state;
        watchers.forEach(watcher -> watcher.accept(instance.view()));
    }
}
