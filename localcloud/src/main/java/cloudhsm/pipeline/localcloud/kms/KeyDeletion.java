package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.time.SimulatedTime.Scheduled;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Schedules the deletion of keys and carries it out.
 *
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html">Delete an AWS KMS key</a>
 */
final class KeyDeletion {
    /** Days; the API's shape allows 1 to 365, the service enforces these [KMS:deleting-keys]. */
    private static final int SHORTEST_WINDOW = 7;

    private static final int LONGEST_WINDOW = 30;

    /** How much later than the window's end KMS may delete [KMS:deleting-keys]. */
    private static final Duration LATEST = Duration.ofHours(24);

    private final Account account;
    private final Keys keys;
    private final KeyStoreClusters clusters;
    private final Access access;
    private final EventBridgeService events;
    private final Map<KmsKey, Scheduled> scheduled = new HashMap<>();
    private final List<String> orphaned = new ArrayList<>();

    KeyDeletion(Account account, Keys keys, KeyStoreClusters clusters, Access access, EventBridgeService events) {
        this.account = account;
        this.keys = keys;
        this.clusters = clusters;
        this.access = access;
        this.events = events;
    }

    /** ARNs of deleted keys whose material KMS could not delete, because it had no connection to an HSM. */
    List<String> orphaned() {
        return List.copyOf(orphaned);
    }

    JsonNode schedule(ObjectNode input, AwsRequest request) {
        var keyId = Members.keyId(input);
        var days = Members.number(input, "PendingWindowInDays", SHORTEST_WINDOW, LONGEST_WINDOW)
                .orElse(LONGEST_WINDOW);
        var key = keys.findWithoutAlias(keyId);
        access.require(request.caller(), "kms:ScheduleKeyDeletion", key);
        KeyOperations.requireNotPendingDeletion(key);
        var window = Duration.ofDays(days);
        var date = account.time().now().plus(window);
        key.scheduleDeletion(date);
        var delay = window.plus(account.between(Duration.ZERO, LATEST));
        scheduled.put(key, account.time().schedule(delay, "KMS deletes key " + key.keyId(), () -> delete(key)));
        return Json.object()
                .put("KeyId", key.arn())
                .put("DeletionDate", Json.epochSeconds(date))
                .put("KeyState", KeyState.PENDING_DELETION.awsName())
                .put("PendingWindowInDays", days);
    }

    private void delete(KmsKey key) {
        scheduled.remove(key);
        keys.remove(key);
        key.store().ifPresent(store -> {
            // KMS tries once; without a connection the material stays in the HSMs.
            var destroyed = store.state() == ConnectionState.CONNECTED
                    && clusters.find(store.clusterId())
                            .filter(cluster -> cluster.destroyKey(key.arn()))
                            .isPresent();
            if (!destroyed) orphaned.add(key.arn());
        });
        events.publish(
                "aws.kms", "KMS CMK Deletion", List.of(key.arn()), Json.object().put("key-id", key.keyId()));
    }

    JsonNode cancel(ObjectNode input, AwsRequest request) {
        var key = keys.findWithoutAlias(Members.keyId(input));
        access.require(request.caller(), "kms:CancelKeyDeletion", key);
        if (key.state() != KeyState.PENDING_DELETION) {
            throw Cryptography.invalidState(key.arn() + " is not pending deletion.");
        }
        scheduled.remove(key).cancel();
        key.cancelDeletion();
        return Json.object().put("KeyId", key.arn());
    }
}
