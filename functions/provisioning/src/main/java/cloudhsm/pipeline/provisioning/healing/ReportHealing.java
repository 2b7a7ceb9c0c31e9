package cloudhsm.pipeline.provisioning.healing;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Outcome;
import cloudhsm.pipeline.provisioning.lambda.Resource;
import cloudhsm.pipeline.provisioning.lambda.StageHandler;
import cloudhsm.pipeline.provisioning.lambda.StageRuntime;
import cloudhsm.pipeline.provisioning.report.Notifications;
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
                new Deployments(Aws.dynamoDb(), Aws.environment("TABLE_NAME")),
                new HealthCheck(Aws.cloudHsm(), Aws.kms()),
                new Healings(Aws.dynamoDb(), Aws.environment("TABLE_NAME")),
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
        if (health.isDegraded()) return notHealthy(input, health);
        var now = clock.instant();
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

    private static Outcome notHealthy(Input input, DeploymentHealth health) {
        return new Outcome.Failed(
                "NOT_HEALED",
                "Deployment " + input.deployment() + " was healed, and something else has gone wrong meanwhile. "
                        + health.inWords()
                        + " Next: none; the next health check starts another healing. After "
                        + CheckHealth.HEALINGS_A_DAY + " within a day it does not: then start a provisioning execution"
                        + " with the deployment's input.");
    }
}
