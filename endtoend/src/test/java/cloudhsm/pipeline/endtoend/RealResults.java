package cloudhsm.pipeline.endtoend;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.states.Execution;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;

/** What the functions answered in the executions of this JVM: the members of their results. */
final class RealResults implements BiConsumer<Execution, ObjectNode> {
    /** By function, without "Function". */
    static final Map<String, Set<String>> MEMBERS = new ConcurrentHashMap<>();

    /** Which function an event of an execution belongs to: each event of a task follows the one before it. */
    private final Map<String, String> functions = new HashMap<>();

    @Override
    public void accept(Execution execution, ObjectNode event) {
        var id = execution.arn() + " " + event.path("id").asLong();
        var before = functions.get(
                execution.arn() + " " + event.path("previousEventId").asLong());
        switch (event.path("type").asText()) {
            case "TaskScheduled" -> {
                var scheduled = event.path("taskScheduledEventDetails").path("parameters");
                functions.put(id, MockedMachine.function(Json.parse(scheduled.asText())));
            }
            case "TaskStarted", "TaskSubmitted" -> functions.put(id, before);
            case "TaskSucceeded" -> {
                var output = Json.parse(
                        event.path("taskSucceededEventDetails").path("output").asText());
                var members = MEMBERS.computeIfAbsent(before, function -> new TreeSet<>());
                (output.has("Payload") ? output.get("Payload") : output)
                        .fieldNames()
                        .forEachRemaining(members::add);
            }
            default -> {}
        }
    }
}
