package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.lambda.Resource;
import java.util.Map;

/**
 * What AWS said of a resource at one moment.
 *
 * @param state see {@link Resource.Type}
 * @param message AWS's own StateMessage, or empty
 * @param ids what the resource is known by: clusterId, hsmId, eniId, keyStoreId, deployment, …
 */
record Observation(Resource resource, String state, String message, Map<String, String> ids) {
    Observation {
        ids = Map.copyOf(ids);
    }

    static Observation of(Resource resource, String state) {
        return new Observation(resource, state, "", Map.of());
    }
}
