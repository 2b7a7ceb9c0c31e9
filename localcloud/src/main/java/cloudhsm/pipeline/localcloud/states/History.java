package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The events of one execution, as GetExecutionHistory shows them. */
final class History {
    /** Of a Standard execution [SFN:service-quotas]. */
    static final int MAXIMUM_EVENTS = 25_000;

    private static final Set<String> EXECUTION_DATA = Set.of(
            "input",
            "inputDetails",
            "output",
            "outputDetails",
            "parameters",
            "assignedVariables",
            "assignedVariablesDetails");

    private final List<ObjectNode> events = new ArrayList<>();

    /**
     * Appends one event.
     *
     * @param detailsName the member that carries the details, for example {@code stateEnteredEventDetails}; empty for
     *     events without
     * @return the event; its id counts from 1
     */
    ObjectNode add(Instant now, String type, long previousEventId, String detailsName, ObjectNode details) {
        var event = Json.object()
                .put("timestamp", Json.epochSeconds(now))
                .put("type", type)
                .put("id", events.size() + 1)
                .put("previousEventId", previousEventId);
        if (!detailsName.isEmpty()) event.set(detailsName, details);
        events.add(event);
        return event;
    }

    int size() {
        return events.size();
    }

    /** A copy, oldest first. */
    List<ObjectNode> events() {
        return List.copyOf(events);
    }

    /** The event without what states were given, computed or assigned, as logs show it. */
    static ObjectNode withoutExecutionData(ObjectNode event) {
        return without(EXECUTION_DATA, event);
    }

    /** The same for a task's parameters, which the answer's own model requires [API:states:TaskScheduledEventDetails]. */
    static ObjectNode withoutInputAndOutput(ObjectNode event) {
        var removed = new HashSet<>(EXECUTION_DATA);
        removed.remove("parameters");
        return without(removed, event);
    }

    private static ObjectNode without(Set<String> removed, ObjectNode event) {
        var copy = event.deepCopy();
        copy.properties().forEach(member -> {
            if (member.getValue() instanceof ObjectNode details) details.remove(removed);
        });
        return copy;
    }
}
