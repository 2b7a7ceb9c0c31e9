package cloudhsm.pipeline.provisioning.report;

import cloudhsm.pipeline.provisioning.lambda.JsonHandler;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.Objects;

/**
 * Tells whoever has subscribed to the topic that the re-encryption of an existing bucket failed. It hears of that from
 * Step Functions, after the end: a state of the machine that told it would be where a redrive goes on, instead of the
 * pages that have not succeeded.
 */
public final class ReportFailedReencryption
        extends JsonHandler<ReportFailedReencryption.StatusChange, ReportFailedReencryption.Output> {
    /** The part of Step Functions' event "Step Functions Execution Status Change" that is told. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record StatusChange(Detail detail) {
        public StatusChange {
            Objects.requireNonNull(detail, "detail");
        }
    }

    /**
     * @param status FAILED or TIMED_OUT
     * @param error null where Step Functions names none
     * @param cause null where there is none
     */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Detail(String executionArn, String status, String error, String cause) {
        public Detail {
            Objects.requireNonNull(executionArn, "executionArn");
            Objects.requireNonNull(status, "status");
            error = Objects.requireNonNullElse(error, status);
            cause = Objects.requireNonNullElse(cause, "");
        }
    }

    /** @param error the name it was told under */
    public record Output(String error) {}

    private final Notifications notifications;

    /** Called by Lambda, once per execution environment. */
    public ReportFailedReencryption() {
        this(Notifications.ofFunction());
    }

    ReportFailedReencryption(Notifications notifications) {
        super(StatusChange.class);
        this.notifications = notifications;
    }

    @Override
    protected Output handle(StatusChange change) {
        var ended = change.detail();
        notifications.publish("CloudHSM pipeline failed: " + ended.error(), """
            %s

            %s

            The re-encryption of an existing bucket ended %s. No object was lost; those that it did not reach are as
            they were. Next: do what the runbook says of this error under "Re-encryption of an existing bucket fails",
            then redrive the execution within 14 days, which runs only the pages that have not succeeded, or start a new
            one, which skips what is done.

            Execution: %s
            """.formatted(
                        ended.error(), ended.cause(), ended.status(), ended.executionArn()));
        return new Output(ended.error());
    }
}
