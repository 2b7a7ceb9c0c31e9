package cloudhsm.pipeline.provisioning.healing;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.health.DeploymentHealth;
import cloudhsm.pipeline.provisioning.health.Healings;
import cloudhsm.pipeline.provisioning.health.HealthCheck;
import cloudhsm.pipeline.provisioning.input.Fields;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.report.Notifications;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.time.Clock;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * Decides whether a deployment is to be healed: looks again, takes the deployment's lock, and counts. What a person
 * wanted, or another execution works on, is left alone.
 */
public final class CheckHealth extends StageHandler<CheckHealth.Input> {
    /** So that a zone in which no HSM lasts does not bill for ever. */
    static final int HEALINGS_A_DAY = 2;

    /**
     * @param execution ARN of the execution that wants to heal
     * @param request the execution input as it is
     */
    public record Input(String execution, JsonNode request) {
        public Input {
            Objects.requireNonNull(execution, "execution");
            request = request == null ? JsonNodeFactory.instance.objectNode() : request;
        }
    }

    /** What comes of it. */
    public enum Action {
        HEAL,
        NOTHING_TO_DO,
        LEFT_ALONE
    }

    /**
     * @param reason for a person
     * @param diagnose whether the key store has FAILED, so that there is a reason to be looked for
     * @param reconnect whether the key store has to be disconnected and connected again
     * @param mayReconnect whether it may be, should its keys not work: only if they cannot be used now
     * @param plan of the deployment; empty unless it is to be healed, like {@code resources}
     */
    public record Output(
            Action action,
            String deployment,
            String reason,
            boolean diagnose,
            boolean reconnect,
            boolean mayReconnect,
            JsonNode plan,
            JsonNode resources) {}

    private final Deployments deployments;
    private final DeploymentLock lock;
    private final HealthCheck healthCheck;
    private final Healings healings;
    private final Notifications notifications;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public CheckHealth() {
        this(
                Deployments.ofFunction(),
                new HealthCheck(Aws.cloudHsm(), Aws.kms()),
                Healings.ofFunction(),
                Notifications.ofFunction(),
                StageRuntime.ofFunction());
    }

    CheckHealth(
            Deployments deployments,
            HealthCheck healthCheck,
            Healings healings,
            Notifications notifications,
            StageRuntime runtime) {
        super(Input.class, runtime);
        this.deployments = deployments;
        this.lock = runtime.lock();
        this.healthCheck = healthCheck;
        this.healings = healings;
        this.notifications = notifications;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var problems = new Problems();
        var fields = Fields.of(input.request(), problems);
        var name = fields.deployment();
        if (name.isEmpty() && !problems.concern("deployment"))
            problems.add("deployment", "is missing: the name of the deployment to heal");
        fields.refuseOthers();
        return problems.isEmpty()
                ? check(name.orElseThrow(), input.execution())
                : problems.invalidInput("The execution input does not fit", "changed");
    }

    private Outcome check(String name, String execution) {
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

    private Outcome look(Deployment deployment, String execution) {
        var health = healthCheck.of(deployment);
        var history = healings.of(deployment.name());
        if (!health.isDegraded()) {
            return new Outcome.Done(output(Action.NOTHING_TO_DO, deployment.name(), health.inWords()));
        }
        if (health.isClusterOrKeyStoreGone()) {
            return tell(
                    deployment.name(), health, history, "its cluster or its key store does not exist any more", """
                    Nothing was changed. Next: if that was a mistake, restore the cluster from its newest backup, as the \
                    runbook says under "The cluster is gone"; otherwise run the teardown, which ends the watch over this \
                    deployment.\
                    """);
        }
        if (health.isDisconnected() && !history.reconnecting()) {
            return tell(deployment.name(), health, history, "a person disconnected its key store", """
                Nothing was changed: what a person disconnects is left alone until it is connected again. Next: \
                none; or connect the key store in the KMS console, which KMS refuses while no HSM is ACTIVE: then \
                start a provisioning execution with the deployment's input instead.\
                """);
        }
        // Run again, or redriven: it has been counted and told.
        if (history.starts().containsKey(execution)) return heal(deployment, health);
        var now = clock.instant();
        if (history.since(now) >= HEALINGS_A_DAY) {
            return tell(
                    deployment.name(),
                    health,
                    history,
                    "it was healed " + HEALINGS_A_DAY + " times within " + Healings.PERIOD.toHours() + " hours",
                    history.nextAfter(now),
                    """
                    That is the most, so that HSMs that do not last do not bill for ever. Nothing was changed; the \
                    pipeline tries again a day after the first of them. Next: look at the executions of the state \
                    machine named heal for what keeps going wrong, then start a provisioning execution with the \
                    deployment's input, which repairs it at once.\
                    """);
        }
        healings.put(deployment.name(), history.begun(execution, now, health.isOutOfUse()), now);
        notifications.publish("CloudHSM pipeline heals " + deployment.name(), """
            Deployment %s is not healthy. %s

            The pipeline now restores two HSMs in two zones%s, proves kmsuser on each, and proves the encryption \
            of an upload. That takes about half an hour; a new HSM bills from the moment it is created, in place \
            of the one that is missing. You will be told how it ended. Next: nothing.

            Execution: %s
            """.formatted(
                        deployment.name(),
                        health.inWords(),
                        health.mustReconnect() ? ", connects the key store again" : "",
                        execution));
        return heal(deployment, health);
    }

    private static Outcome heal(Deployment deployment, DeploymentHealth health) {
        return new Outcome.Done(new Output(
                Action.HEAL,
                deployment.name(),
                health.inWords(),
                health.hasFailed(),
                health.mustReconnect(),
                health.isOutOfUse(),
                deployment.plan(),
                deployment.resources()));
    }

    private static Outcome leftAlone(String deployment, String why) {
        return new Outcome.Done(output(Action.LEFT_ALONE, deployment, "Deployment " + deployment + ": " + why));
    }

    /** Left alone although it is not healthy, which a person has to hear of, but not every few minutes. */
    private Outcome tell(
            String deployment, DeploymentHealth health, Healings.History history, String why, String next) {
        return tell(deployment, health, history, why, Instant.MAX, next);
    }

    /** @param until when the reason ends by itself; MAX for never */
    private Outcome tell(
            String deployment,
            DeploymentHealth health,
            Healings.History history,
            String why,
            Instant until,
            String next) {
        var now = clock.instant();
        if (!history.wasTold(why, now)) {
            notifications.publish("CloudHSM pipeline leaves " + deployment + " alone", """
                Deployment %s is not healthy, and is left alone because %s. %s

                %s
                """.formatted(
                            deployment, why, health.inWords(), next));
        }
        healings.put(deployment, history.leftAlone(why, now, health, until), now);
        return leftAlone(deployment, why + ". " + health.inWords());
    }

    private static Output output(Action action, String deployment, String reason) {
        var none = JsonNodeFactory.instance.objectNode();
        return new Output(action, deployment, reason, false, false, false, none, none);
    }
}
