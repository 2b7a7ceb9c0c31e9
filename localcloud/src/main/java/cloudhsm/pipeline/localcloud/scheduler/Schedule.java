package cloudhsm.pipeline.localcloud.scheduler;

import cloudhsm.pipeline.localcloud.time.SimulatedTime.Scheduled;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.Optional;

/** One schedule of the default group: its definition as it was sent, and when it is due. */
final class Schedule {
    final String name;
    final String arn;
    final Instant created;
    final String clientToken;
    ObjectNode definition;
    Instant modified;
    Optional<Scheduled> due = Optional.empty();

    Schedule(String name, String arn, Instant created, String clientToken, ObjectNode definition) {
        this.name = name;
        this.arn = arn;
        this.created = created;
        this.modified = created;
        this.clientToken = clientToken;
        this.definition = definition;
    }

    boolean enabled() {
        return definition.path("State").asText("ENABLED").equals("ENABLED");
    }

    void cancel() {
        due.ifPresent(Scheduled::cancel);
        due = Optional.empty();
    }
}
