package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;

/**
 * What Step Functions tells EventBridge of an execution of a Standard state machine.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html">Automating Step
 *     Functions event delivery with EventBridge</a>
 */
final class StatusChanges {
    private final EventBridgeService events;

    StatusChanges(EventBridgeService events) {
        this.events = events;
    }

    /** It runs, for the first time or again; its end is told as well. */
    void running(Execution execution) {
        publish(execution);
        execution.whenEnded(() -> publish(execution));
    }

    private void publish(Execution execution) {
        var status = execution.status().name();
        var detail = Json.object()
                .put("executionArn", execution.arn())
                .put("stateMachineArn", execution.stateMachineArn())
                .put("name", execution.name())
                .put("status", status)
                .put("startDate", execution.started().toEpochMilli())
                .put(
                        "stopDate",
                        execution
                                .stopped()
                                .map(stopped -> stopped.toEpochMilli())
                                .orElse(null))
                .put("input", Json.text(execution.input()))
                .put("output", execution.output().map(Json::text).orElse(null))
                .put("redriveCount", execution.redriveCount())
                .put("error", execution.error().orElse(null))
                .put("cause", execution.cause().orElse(null));
        detail.putObject("inputDetails").put("included", true);
        // Of the execution and what happened to it, so that telling changes no random number of the account.
        var id = execution.arn() + " " + status + " " + execution.redriveCount();
        events.publish(
                UUID.nameUUIDFromBytes(id.getBytes(StandardCharsets.UTF_8)),
                "aws.states",
                "Step Functions Execution Status Change",
                List.of(execution.arn()),
                detail);
    }
}
