package cloudhsm.pipeline.provisioning.healing;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.health.DeploymentHealth;
import cloudhsm.pipeline.provisioning.health.Healings;
import cloudhsm.pipeline.provisioning.health.HealthCheck;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.report.Notifications;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/** Looks once more, says that a deployment is healthy again, and forgets what the healing was about. */
public final class ReportHealing extends StageHandler<ReportHealing.Input> {
    /**
     * @param startTime of the execution
     * @param seen what was wrong, for a person
     */
    public record Input(String execution, Instant startTime, String deployment, String seen) {
        public Input {
            Objects.requireNonNull(execution, "execution");
            Objects.requireNonNull(startTime, "startTime");
            Objects.requireNonNull(deployment, "deployment");
            Objects.requireNonNull(seen, "seen");
        }
    }

    /**
     * @param action HEALED
     * @param took from the execution's start, ISO-8601
     */
    public record Output(String action, String deployment, Duration took, DeploymentHealth health) {}

    private final Deployments deployments;
    private final HealthCheck healthCheck;
    private final Healings healings;
    private final Notifications notifications;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public ReportHealing() {
        this(
                Deployments.ofFunction(),
                new HealthCheck(Aws.cloudHsm(), Aws.kms()),
                Healings.ofFunction(),
                Notifications.ofFunction(),
                StageRuntime.ofFunction());
    }

    ReportHealing(
            Deployments deployments,
            HealthCheck healthCheck,
            Healings healings,
            Notifications notifications,
            StageRuntime runtime) {
        super(Input.class, runtime);
        this.deployments = deployments;
        this.healthCheck = healthCheck;
        this.healings = healings;
        this.notifications = notifications;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var deployment = deployments.find(input.deployment());
        if (deployment.isEmpty()) {
            return new Outcome.Failed(
                    "DEPLOYMENT_UNKNOWN",
                    "The record of deployment " + input.deployment()
                            + " went away while it was healed. Its HSMs were restored and bill. Next: start the"
                            + " provisioning with the same input, which remembers it again, or the teardown.");
        }
        var health = healthCheck.of(deployment.get());
        var now = clock.instant();
        if (health.isDegraded()) return notHealthy(input, health, now);
        var took = Duration.between(input.startTime(), now);
        healings.put(input.deployment(), healings.of(input.deployment()).ended(), now);
        notifications.publish("CloudHSM pipeline has healed " + input.deployment(), """
            Deployment %s is healthy again after %d minutes. %s

            Before: %s Next: nothing.

            Execution: %s
            """.formatted(
                        input.deployment(), took.toMinutes(), health.inWords(), input.seen(), input.execution()));
        return new Outcome.Done(new Output("HEALED", input.deployment(), took, health));
    }

    private Outcome notHealthy(Input input, DeploymentHealth health, Instant now) {
        var history = healings.of(input.deployment());
        var next = history.since(now) < CheckHealth.HEALINGS_A_DAY
                ? "none where self-healing is enabled: the next health check starts another healing. Where it is not,"
                        + " start this state machine again with the same input."
                : "find out what takes it away; as there were " + CheckHealth.HEALINGS_A_DAY + " healings within "
                        + Healings.PERIOD.toHours() + " hours, neither the health check nor a person can start"
                        + " another before " + history.nextAfter(now) + ".";
        return new Outcome.Failed(
                "NOT_HEALED",
                "Deployment " + input.deployment() + " was healed, and something else has gone wrong meanwhile. "
                        + health.inWords()
                        + " Next: " + next);
    }
}
