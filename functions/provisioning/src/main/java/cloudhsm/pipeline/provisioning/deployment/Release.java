package cloudhsm.pipeline.provisioning.deployment;

import java.util.List;

/**
 * How objects leave the keys that a teardown is going to delete.
 *
 * @param execution ARN of the teardown; holds while that has the deployment's lock
 * @param buckets names of the deployment's buckets
 * @param keyIds of the deployment's keys
 * @param returnTo ARN of the key that objects go under; "" for SSE-S3
 */
public record Release(String execution, List<String> buckets, List<String> keyIds, String returnTo) {
    public Release {
        buckets = List.copyOf(buckets);
        keyIds = List.copyOf(keyIds);
    }
}
