package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.stage.Resource;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Clock;
import java.util.Optional;
import software.amazon.awssdk.services.eventbridge.EventBridgeClient;
import software.amazon.awssdk.services.eventbridge.model.PutEventsRequestEntry;

/** Publishes state changes to the default event bus, for ResumeExecution, for alarms and for the user's own rules. */
public final class StateChanges {
    /** Source of every event that the pipeline publishes. */
    private static final String SOURCE = "cloudhsm.pipeline";

    private final EventBridgeClient eventBridge;
    private final SeenStates seenStates;
    private final Deployments deployments;
    private final Clock clock;

    /** @param deployments of which an event names the one that the resource belongs to */
    public StateChanges(EventBridgeClient eventBridge, SeenStates seenStates, Deployments deployments, Clock clock) {
        this.eventBridge = eventBridge;
        this.seenStates = seenStates;
        this.deployments = deployments;
        this.clock = clock;
    }

    /** Publishes the state, unless it is the one in which the resource was last seen. */
    public void publishIfChanged(Observation observation) {
        var previous = seenStates.of(observation.resource());
        if (!previous.equals(Optional.of(observation.state()))) publish(observation, previous);
    }

    /** Publishes the state, be it new or not. */
    void publish(Observation observation) {
        publish(observation, seenStates.of(observation.resource()));
    }

    /** Publishes first and remembers then, so that a change is never lost between the two. */
    private void publish(Observation observation, Optional<String> previous) {
        var now = clock.instant();
        var detail = Json.MAPPER.createObjectNode();
        observation.ids().forEach(detail::put);
        deployments.all().stream()
                .filter(observation::isPartOf)
                .findFirst()
                .ifPresent(deployment -> detail.put("deployment", deployment.name()));
        detail.put("resourceType", observation.resource().type().name())
                .put("resourceId", observation.resource().id())
                .put("previous", previous.orElse(Resource.ABSENT))
                .put("current", observation.state())
                .put("message", observation.message())
                .put("observedAt", now.toString());
        publish(
                detailType(observation.resource().type()),
                detail,
                observation.resource().toString());
        if (!previous.equals(Optional.of(observation.state()))) {
            seenStates.put(observation.resource(), observation.state(), now);
        }
    }

    /**
     * Publishes an event of the pipeline.
     *
     * @param what has changed, for the message if it fails
     * @throws IllegalStateException where EventBridge did not take the event; the next look publishes it again
     */
    public void publish(String detailType, ObjectNode detail, String what) {
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

    private static String detailType(Resource.Type type) {
        return switch (type) {
            case CLUSTER -> "Cluster State Change";
            case CLUSTER_CSR -> "Cluster CSR State Change";
            case HSM, ONE_HSM -> "HSM State Change";
            case KEY_STORE -> "Key Store State Change";
            case CLIENT -> "Client State Change";
            case COMMAND -> "Command State Change";
            case KEY -> "Key State Change";
            case INSTANCE -> "Instance State Change";
            case OBJECT -> "Object Encryption Change";
        };
    }
}
