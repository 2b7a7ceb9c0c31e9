package cloudhsm.pipeline.localcloud.ssm;

import java.time.Instant;

/** One command on one instance. */
final class Invocation {
    final Command command;
    final String instanceId;

    /** False until the agent's side knows of it: until then GetCommandInvocation does not. */
    boolean visible;

    Status status = Status.PENDING;
    String step = "";
    Instant started;
    Instant ended;
    int responseCode = -1;
    String standardOutput = "";
    String standardError = "";

    /** Statuses with the details that go with them. */
    enum Status {
        PENDING("Pending", "Pending"),
        IN_PROGRESS("InProgress", "InProgress"),
        SUCCESS("Success", "Success"),
        FAILED("Failed", "Failed"),
        CANCELLED("Cancelled", "Cancelled"),
        DELIVERY_TIMED_OUT("TimedOut", "DeliveryTimedOut"),
        EXECUTION_TIMED_OUT("TimedOut", "ExecutionTimedOut");

        private final String text;
        private final String details;

        Status(String text, String details) {
            this.text = text;
            this.details = details;
        }

        String text() {
            return text;
        }

        String details() {
            return details;
        }

        boolean isFinal() {
            return this != PENDING && this != IN_PROGRESS;
        }
    }

    Invocation(Command command, String instanceId) {
        this.command = command;
        this.instanceId = instanceId;
    }
}
