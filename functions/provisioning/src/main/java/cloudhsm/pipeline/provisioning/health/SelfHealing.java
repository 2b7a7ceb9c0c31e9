package cloudhsm.pipeline.provisioning.health;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * What an execution that the health check has started may do. It looks again, takes the deployment's lock, and counts;
 * what a person wanted, or another execution works on, is left alone. Tells people when a healing begins, when it has
 * ended well, and when a deployment that is not healthy is left alone.
 */
public final class SelfHealing {
    /** So that a zone in which no HSM lasts does not bill for ever. */
    static final int HEALINGS_A_DAY = 2;

    private final Deployments deployments;
    private final HealthCheck healthCheck;
    private final Healings healings;
    private final Notifications notifications;
    private final DeploymentLock lock;
    private final Clock clock;

    /** With the clients of a function. */
    public static SelfHealing ofFunction(StageRuntime runtime) {
        return new SelfHealing(
                Deployments.ofFunction(),
                new HealthCheck(Aws.cloudHsm(), Aws.kms()),
                Healings.ofFunction(),
                Notifications.ofFunction(),
                runtime);
    }

    public SelfHealing(
            Deployments deployments,
            HealthCheck healthCheck,
            Healings healings,
            Notifications notifications,
            StageRuntime runtime) {
        this.deployments = deployments;
        this.healthCheck = healthCheck;
        this.healings = healings;
        this.notifications = notifications;
        this.lock = runtime.lock();
        this.clock = runtime.clock();
    }

    /**
     * Begins a healing, unless the deployment is to be left alone.
     *
     * @return why it is left alone; empty if the execution is to go on, which then holds the deployment's lock
     */
    public Optional<String> begin(String name, String execution) {
        var notRunning = whyNotRunning(deployments.find(name));
        if (notRunning.isPresent()) return leftAlone(name, notRunning.get());
        var holder = lock.take(name, execution);
        if (holder.isPresent()) return leftAlone(name, "it is being worked on by " + holder.get() + ".");
        // Whoever had the lock until a moment ago may have paused the deployment, or taken it down.
        var deployment = deployments.find(name);
        var notRunningNow = whyNotRunning(deployment);
        return notRunningNow.isPresent() ? leftAlone(name, notRunningNow.get()) : look(deployment.get(), execution);
    }

    private static Optional<String> whyNotRunning(Optional<Deployment> deployment) {
        if (deployment.isEmpty()) return Optional.of("the pipeline knows no such deployment.");
        var phase = deployment.get().phase();
        return phase == Phase.RUNNING
                ? Optional.empty()
                : Optional.of("it is " + phase + " since " + deployment.get().since() + ", not RUNNING.");
    }

    private Optional<String> look(Deployment deployment, String execution) {
        var health = healthCheck.of(deployment);
        var history = healings.of(deployment.name());
        if (!health.isDegraded()) return leftAlone(deployment.name(), health.inWords());
        if (health.isClusterOrKeyStoreGone()) {
            return tell(health, history, "its cluster or its key store does not exist any more", Instant.MAX, """
                Nothing was changed. Next: if the cluster is gone by mistake, start a provisioning execution with the \
                deployment's name, which makes another from its newest backup; otherwise run the teardown, which ends \
                the watch over this deployment.\
                """);
        }
        if (health.isDisconnected() && !history.reconnecting()) {
            return tell(health, history, "a person disconnected its key store", Instant.MAX, """
                Nothing was changed: what a person disconnects is left alone until it is connected again. Next: \
                none; or start a provisioning execution with the deployment's name, which connects it.\
                """);
        }
        // Run again, or redriven: it has been counted and told.
        if (history.starts().containsKey(execution)) return Optional.empty();
        var now = clock.instant();
        if (history.since(now) >= HEALINGS_A_DAY) {
            return tell(
                    health,
                    history,
                    "it was healed " + HEALINGS_A_DAY + " times within " + Healings.PERIOD.toHours() + " hours",
                    history.nextAfter(now),
                    """
                    That is the most, so that HSMs that do not last do not bill for ever. Nothing was changed; the \
                    pipeline tries again a day after the first of them. Next: look at the executions of the state \
                    machine named provision for what keeps going wrong, then start one with the deployment's name, \
                    which repairs it at once.\
                    """);
        }
        healings.put(deployment.name(), history.begun(execution, now, health.isOutOfUse()), now);
        notifications.publish("CloudHSM pipeline heals " + deployment.name(), """
            Deployment %s is not healthy. %s

            The pipeline now brings its HSMs back%s, proves kmsuser on each, and proves the encryption of an upload. \
            That takes about a quarter of an hour, more if the key store has to be connected; a new HSM bills from the \
            moment it is created, in place of the one that is missing. You will be told how it ended. Next: nothing.

            Execution: %s
            """.formatted(
                        deployment.name(),
                        health.inWords(),
                        health.mustReconnect() ? ", connects the key store again" : "",
                        execution));
        return Optional.empty();
    }

    /** Tells that the execution has ended well, and forgets what the healing was about. */
    public void ended(String deployment, String execution, Duration took, String before) {
        healings.put(deployment, healings.of(deployment).ended(), clock.instant());
        notifications.publish("CloudHSM pipeline has healed " + deployment, """
            Deployment %s is healthy again after %d minutes.%s

            Before: %s Next: nothing.

            Execution: %s
            """.formatted(
                        deployment,
                        took.toMinutes(),
                        deployments
                                .find(deployment)
                                .map(healthCheck::of)
                                .map(now -> " " + now.inWords())
                                .orElse(""),
                        before,
                        execution));
    }

    private static Optional<String> leftAlone(String deployment, String why) {
        return Optional.of("Deployment " + deployment + ": " + why);
    }

    /**
     * Left alone although it is not healthy, which a person has to hear of, but not every few minutes.
     *
     * @param until when the reason ends by itself; MAX for never
     */
    private Optional<String> tell(
            DeploymentHealth health, Healings.History history, String why, Instant until, String next) {
        var now = clock.instant();
        if (!history.wasTold(why, now)) {
            notifications.publish("CloudHSM pipeline leaves " + health.deployment() + " alone", """
                Deployment %s is not healthy, and is left alone because %s. %s

                %s
                """.formatted(
                            health.deployment(), why, health.inWords(), next));
        }
        healings.put(health.deployment(), history.leftAlone(why, now, health, until), now);
        return leftAlone(health.deployment(), why + ". " + health.inWords());
    }
}
