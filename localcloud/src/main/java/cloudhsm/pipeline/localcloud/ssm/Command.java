package cloudhsm.pipeline.localcloud.ssm;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A command that was sent, and what became of it on each instance. */
final class Command {
    final String commandId;
    final Document document;
    final Map<String, List<String>> parameters;
    final String comment;
    final Instant requested;

    /** How long the command waits for an instance to take it. */
    final Duration deliveryTimeout;

    final List<Invocation> invocations = new ArrayList<>();

    Command(
            String commandId,
            Document document,
            Map<String, List<String>> parameters,
            String comment,
            Instant requested,
            Duration deliveryTimeout,
            List<String> instanceIds) {
        this.commandId = commandId;
        this.document = document;
        this.parameters = parameters;
        this.comment = comment;
        this.requested = requested;
        this.deliveryTimeout = deliveryTimeout;
        instanceIds.forEach(instanceId -> invocations.add(new Invocation(this, instanceId)));
    }

    Instant expires() {
        return requested.plus(deliveryTimeout);
    }

    /** The worst that came of it once all is over; in progress as soon as something runs. */
    Invocation.Status status() {
        var statuses = invocations.stream().map(invocation -> invocation.status).toList();
        if (!statuses.stream().allMatch(Invocation.Status::isFinal)) {
            return statuses.stream().allMatch(status -> status == Invocation.Status.PENDING)
                    ? Invocation.Status.PENDING
                    : Invocation.Status.IN_PROGRESS;
        }
        return statuses.stream()
                .filter(status -> status != Invocation.Status.SUCCESS)
                .findFirst()
                .orElse(Invocation.Status.SUCCESS);
    }
}
