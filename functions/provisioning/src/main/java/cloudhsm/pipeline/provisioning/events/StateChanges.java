package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.healing.DeploymentHealth;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.lambda.Resource;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import software.amazon.awssdk.services.eventbridge.EventBridgeClient;
import software.amazon.awssdk.services.eventbridge.model.PutEventsRequestEntry;

/** Publishes state changes to the default event bus, for ResumeExecution, for alarms and for the user's own rules. */
final class StateChanges {
    /** Source of every event that the pipeline publishes. */
    static final String SOURCE = "cloudhsm.pipeline";

    /** Detail type of a deployment that is not healthy. */
    static final String HEALTH_CHANGE = "Deployment Health Change";

    private final EventBridgeClient eventBridge;

    StateChanges(EventBridgeClient eventBridge) {
        this.eventBridge = eventBridge;
    }

    /** @throws IllegalStateException where EventBridge did not take the event; the next tick publishes it again */
    void publish(Observation observation, String previous, Instant observedAt) {
        var detail = Json.MAPPER.createObjectNode();
        observation.ids().forEach(detail::put);
        detail.put("resourceType", observation.resource().type().name())
                .put("resourceId", observation.resource().id())
                .put("previous", previous)
                .put("current", observation.state())
                .put("message", observation.message())
                .put("observedAt", observedAt.toString());
        publish(
                detailType(observation.resource().type()),
                detail,
                observation.resource().toString());
    }

    /** Says that a deployment is not healthy; repeated by every health check until it is. */
    void publish(DeploymentHealth health, Instant observedAt) {
        ObjectNode detail = Json.MAPPER.valueToTree(health);
        detail.put("observedAt", observedAt.toString());
        publish(HEALTH_CHANGE, detail, "the health of deployment " + health.deployment());
    }

    private void publish(String detailType, ObjectNode detail, String what) {
        var entry = PutEventsRequestEntry.builder()
                .source(SOURCE)
                .detailType(detailType)
                .detail(detail.toString())
                .build();
        var answer = eventBridge.putEvents(request -> request.entries(entry));
        if (answer.failedEntryCount() > 0) {
            var failed = answer.entries().getFirst();
            throw new IllegalStateException("EventBridge did not take the change of " + what + ": " + failed.errorCode()
                    + ", " + failed.errorMessage());
        }
    }

    static String detailType(Resource.Type type) {
        return switch (type) {
            case CLUSTER -> "Cluster State Change";
            case CLUSTER_CSR -> "Cluster CSR State Change";
            case HSM -> "HSM State Change";
            case KEY_STORE -> "Key Store State Change";
            case CLIENT -> "Client State Change";
            case COMMAND -> "Command State Change";
            case KEY -> "Key State Change";
            case INSTANCE -> "Instance State Change";
            case OBJECT -> "Object Encryption Change";
        };
    }
}
