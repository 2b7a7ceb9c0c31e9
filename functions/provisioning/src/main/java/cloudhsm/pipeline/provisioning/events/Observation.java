package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What AWS said of a resource at one moment.
 *
 * @param state see {@link Resource.Type}
 * @param message AWS's own StateMessage, or empty
 * @param ids what the resource is known by: clusterId, hsmId, eniId, keyStoreId, deployment, …
 */
public record Observation(Resource resource, String state, String message, Map<String, String> ids) {
    public Observation {
        ids = Map.copyOf(ids);
    }

    /** Names the deployment that the resource belongs to, also where nothing but its id is left of it. */
    public Observation within(List<Deployment> deployments) {
        var all = new HashMap<>(ids);
        deployments.stream()
                .filter(this::isPartOf)
                .findFirst()
                .ifPresent(deployment -> all.put("deployment", deployment.name()));
        return new Observation(resource, state, message, all);
    }

    private boolean isPartOf(Deployment deployment) {
        var clusterId = deployment.resources().at("/cluster/clusterId").asText();
        var keyStoreId = deployment.resources().at("/keyStore/keyStoreId").asText();
        return switch (resource.type()) {
            case CLUSTER -> resource.id().equals(clusterId);
            case HSM -> resource.parent().equals(clusterId);
            case KEY_STORE -> resource.id().equals(keyStoreId);
            case CLUSTER_CSR, CLIENT, COMMAND, KEY, INSTANCE, OBJECT -> false;
        };
    }

    /** Nothing but its state is known of the resource. */
    public static Observation of(Resource resource, String state) {
        return new Observation(resource, state, "", Map.of());
    }
}
