package cloudhsm.pipeline.provisioning.deployment;

import java.util.List;
import java.util.Map;

/**
 * How objects leave the keys that a teardown is going to delete.
 *
 * @param execution ARN of the teardown; holds while that has the deployment's lock
 * @param keyIds of the deployment's keys
 * @param returnTo by the bucket's name, the ARN of the key that its objects go under; "" for SSE-S3
 */
public record Release(String execution, List<String> keyIds, Map<String, String> returnTo) {
    public Release {
        keyIds = List.copyOf(keyIds);
        returnTo = Map.copyOf(returnTo);
    }
}
