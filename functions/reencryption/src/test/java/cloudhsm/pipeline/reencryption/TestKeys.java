package cloudhsm.pipeline.reencryption;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** KMS keys of the embedded AWS. This module has no KMS client, so they are made from inside the account. */
final class TestKeys {
    private final LocalCloud cloud;

    TestKeys(LocalCloud cloud) {
        this.cloud = cloud;
    }

    /** The new key's ARN. */
    String create() {
        return call("CreateKey", Json.object()).path("KeyMetadata").path("Arn").asText();
    }

    void disable(String keyArn) {
        call("DisableKey", Json.object().put("KeyId", keyArn));
    }

    void enable(String keyArn) {
        call("EnableKey", Json.object().put("KeyId", keyArn));
    }

    void scheduleDeletion(String keyArn) {
        call("ScheduleKeyDeletion", Json.object().put("KeyId", keyArn).put("PendingWindowInDays", 7));
    }

    private com.fasterxml.jackson.databind.JsonNode call(String operation, ObjectNode input) {
        return cloud.endpoint().call(cloud.iam().administrator(), "kms", operation, input);
    }
}
