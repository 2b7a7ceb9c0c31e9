package cloudhsm.pipeline.provisioning.pause;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.report.Notifications;
import cloudhsm.pipeline.provisioning.report.Words;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.math.BigDecimal;
import java.time.Clock;
import java.util.Objects;
import java.util.Optional;

/** Marks the deployment RUNNING again, and tells what bills from now on. */
public final class ReportResumed extends StageHandler<ReportResumed.Input> {
    /** @param hourlyCostUsd of the HSMs */
    public record Input(String deployment, String clusterId, String bucket, BigDecimal hourlyCostUsd) {
        public Input {
            Objects.requireNonNull(deployment, "deployment");
            Objects.requireNonNull(clusterId, "clusterId");
            Objects.requireNonNull(bucket, "bucket");
            Objects.requireNonNull(hourlyCostUsd, "hourlyCostUsd");
        }
    }

    public record Output(String deployment, String message) {}

    private final Deployments deployments;
    private final Notifications notifications;
    private final HsmPrice price;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public ReportResumed() {
        this(Deployments.ofFunction(), Notifications.ofFunction(), HsmPrice.ofFunction(), StageRuntime.ofFunction());
    }

    ReportResumed(Deployments deployments, Notifications notifications, HsmPrice price, StageRuntime runtime) {
        super(Input.class, runtime);
        this.deployments = deployments;
        this.notifications = notifications;
        this.price = price;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        deployments.enter(input.deployment(), Phase.RUNNING, clock.instant());
        var message = "The deployment \"" + input.deployment() + "\" runs again: cluster " + input.clusterId()
                + " has two HSMs in two zones, restored from its newest backup, the key store is connected, and an"
                + " upload to s3://" + input.bucket() + " was put under the key. The HSMs bill "
                + Words.usd(input.hourlyCostUsd()) + " an hour until they are deleted. " + price.basis();
        notifications.publish("CloudHSM pipeline: \"" + input.deployment() + "\" runs again", message);
        return new Outcome.Done(new Output(input.deployment(), message));
    }
}
