package cloudhsm.pipeline.provisioning.pause;

import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.Settled;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;

/** Tells in plain words what the pause means: nothing bills by the hour, and nothing under the key can be read. */
public final class ReportPaused extends StageHandler<ReportPaused.Input> {
    /** AWS's price of one KMS key, whatever it is used for. */
    private static final BigDecimal KEY_PER_MONTH = BigDecimal.ONE;

    /**
     * @param clusterId "" if the deployment had none
     * @param ownersHsms how many HSMs stay, as an adopted cluster came with them
     * @param newestBackupId "" if there is none
     * @param buckets none if the deployment had not come that far
     * @param interrupted ARN of the execution that the pause stopped, or ""
     * @param tearingDown whether its keys are to be deleted, so that there is nothing to come back to
     */
    public record Input(
            String deployment,
            String clusterId,
            int ownersHsms,
            String newestBackupId,
            List<String> buckets,
            String interrupted,
            boolean tearingDown) {
        public Input {
            buckets = List.copyOf(buckets);
        }
    }

    /**
     * What the deployment is billed from now on, in USD: nothing by the hour for HSMs, and the key by the month.
     *
     * @param observations what the execution has settled of the questions in docs/limits.md
     */
    public record Output(
            String deployment,
            String clusterId,
            String newestBackupId,
            BigDecimal hsmCostPerHourUsd,
            BigDecimal keyCostPerMonthUsd,
            String message,
            List<Settled> observations) {}

    private final Notifications notifications;

    /** Called by Lambda, once per execution environment. */
    public ReportPaused() {
        this(Notifications.ofFunction(), StageRuntime.ofFunction());
    }

    ReportPaused(Notifications notifications, StageRuntime runtime) {
        super(Input.class, runtime);
        this.notifications = notifications;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var message = message(input);
        notifications.publish("CloudHSM pipeline: \"" + input.deployment() + "\" is paused", message);
        return new Outcome.Done(new Output(
                input.deployment(),
                input.clusterId(),
                input.newestBackupId(),
                BigDecimal.ZERO,
                input.buckets().isEmpty() ? BigDecimal.ZERO : KEY_PER_MONTH,
                message,
                settledSoFar()));
    }

    private static String message(Input input) {
        var hsms = input.clusterId().isEmpty()
                ? "It had no cluster yet, so nothing was deleted."
                : "Cluster " + input.clusterId()
                        + (input.ownersHsms() == 0
                                ? " has no HSMs any more: 0.00 USD an hour for HSMs."
                                : " came with HSMs when it was adopted, and as many are left: " + input.ownersHsms()
                                        + ". They bill on, as they did before.")
                        + (input.newestBackupId().isEmpty()
                                ? " There is no backup, because no HSM had been activated: there were no users and no"
                                        + " keys yet."
                                : " Users and keys are in the backup " + input.newestBackupId()
                                        + ", which CloudHSM keeps as the cluster's newest.");
        var objects = input.tearingDown()
                ? "It is being torn down: its keys are to be deleted. Next: start the teardown again, which removes"
                        + " what is left."
                : input.buckets().isEmpty()
                        ? "It had no bucket yet. Next: start a new provisioning execution; it continues from here."
                        : "Objects in s3://" + String.join(", s3://", input.buckets())
                                + (input.ownersHsms() == 0
                                        ? " under the key cannot be read or written while it is paused: S3 answers"
                                                + " KMS.KMSInvalidStateException."
                                        : " under the key stay readable as long as KMS reaches the HSMs that are left.")
                                + " Nothing is lost. What is left to pay is the key (1"
                                + " USD a month), S3 storage, and a client instance where one was kept or was in use"
                                + " (about 0.02 USD an hour; terminate it if you like, another is launched where one is"
                                + " needed). Next: to bring it back, start a provisioning execution with"
                                + " {\"deployment\": \"" + input.deployment() + "\"}.";
        var interrupted = input.interrupted().isEmpty()
                ? ""
                : " The execution " + input.interrupted() + " was at work and has been stopped.";
        return "The deployment \"" + input.deployment() + "\" is paused." + interrupted + " " + hsms + " " + objects;
    }
}
