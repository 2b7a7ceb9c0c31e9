package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Reads the stages of an execution from its history, as the Step Functions console does. */
final class ExecutionHistory {
    private final LocalCloud cloud;
    private final String executionArn;

    ExecutionHistory(LocalCloud cloud, String executionArn) {
        this.cloud = cloud;
        this.executionArn = executionArn;
    }

    JsonNode describe() {
        return call("DescribeExecution", null);
    }

    /** Task states in the order in which they were entered; one that ran again counts as a further run. */
    List<StageRun> stages() {
        var stages = new ArrayList<StageRun>();
        var stateOfEvent = new LinkedHashMap<Long, Integer>();
        for (var event : events()) {
            var id = event.path("id").asLong();
            var at = Instant.ofEpochMilli(Math.round(event.path("timestamp").asDouble() * 1000));
            var previous = stateOfEvent.get(event.path("previousEventId").asLong());
            switch (event.path("type").asText()) {
                case "TaskStateEntered" -> {
                    var name =
                            event.path("stateEnteredEventDetails").path("name").asText();
                    stateOfEvent.put(id, stages.size());
                    stages.add(StageRun.entered(name, at));
                }
                case "TaskScheduled" -> update(stages, stateOfEvent, id, previous, StageRun::scheduledOnceMore);
                case "TaskSucceeded" -> {
                    var output = Json.parse(event.path("taskSucceededEventDetails")
                            .path("output")
                            .asText("{}"));
                    update(stages, stateOfEvent, id, previous, stage -> stage.with(output));
                }
                case "TaskFailed" -> {
                    var details = event.path("taskFailedEventDetails");
                    var failure = details.path("error").asText() + ": "
                            + details.path("cause").asText();
                    update(stages, stateOfEvent, id, previous, stage -> stage.failed(failure));
                }
                case "TaskStateExited" -> update(stages, stateOfEvent, id, previous, stage -> stage.endedAt(at));
                default -> {
                    if (previous != null) stateOfEvent.put(id, previous);
                }
            }
        }
        return stages;
    }

    private static void update(
            List<StageRun> stages,
            Map<Long, Integer> stateOfEvent,
            long id,
            Integer stage,
            UnaryOperator<StageRun> change) {
        if (stage == null) return;
        stateOfEvent.put(id, stage);
        stages.set(stage, change.apply(stages.get(stage)));
    }

    private List<JsonNode> events() {
        var events = new ArrayList<JsonNode>();
        String nextToken = null;
        do {
            var page = call("GetExecutionHistory", nextToken);
            page.path("events").forEach(events::add);
            nextToken = page.path("nextToken").asText(null);
        } while (nextToken != null);
        return events;
    }

    private JsonNode call(String operation, String nextToken) {
        var input = Json.object().put("executionArn", executionArn);
        if (operation.equals("GetExecutionHistory")) input.put("maxResults", 1000);
        if (nextToken != null) input.put("nextToken", nextToken);
        return cloud.endpoint().call(cloud.iam().administrator(), "states", operation, input);
    }
}
