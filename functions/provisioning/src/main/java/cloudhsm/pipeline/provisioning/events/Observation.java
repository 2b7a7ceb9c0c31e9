package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.util.Map;

/**
 * What AWS said of a resource at one moment.
 *
 * @param state see {@link Resource.Type}
 * @param message AWS's own StateMessage, or empty
 * @param clusterState of an HSM: the state of its cluster; of anything else empty
 * @param ids what the resource is known by: clusterId, hsmId, eniId, keyStoreId, …
 */
public record Observation(
        Resource resource, String state, String message, String clusterState, Map<String, String> ids) {
    public Observation {
        ids = Map.copyOf(ids);
    }

    /** Whether the deployment's record names the resource, of which nothing but its id may be left. */
    boolean isPartOf(Deployment deployment) {
        var clusters = deployment.clusterIds();
        return switch (resource.type()) {
            case CLUSTER -> clusters.contains(resource.id());
            case HSM, ONE_HSM -> clusters.contains(resource.parent());
            case KEY_STORE -> deployment.made(Made.KEY_STORE).contains(resource.id());
            case CLUSTER_CSR, CLIENT, COMMAND, KEY, INSTANCE, OBJECT -> false;
        };
    }

    /** Nothing but its state is known of the resource. */
    public static Observation of(Resource resource, String state) {
        return new Observation(resource, state, "", "", Map.of());
    }
}
