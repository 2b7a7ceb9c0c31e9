package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;

/**
 * KMS's request rates, once switched on. Off at first, because simulated time stands still while a test sends its
 * requests, and all of them would fall into the same second.
 *
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html">Request quotas</a>
 */
final class Throttle {
    /** Each operation on custom key stores, per second. */
    private static final int STORE_OPERATIONS_PER_SECOND = 5;

    /** All cryptographic operations under the keys of one CloudHSM key store together, per second. */
    private static final int CRYPTOGRAPHY_PER_SECOND = 1_800;

    private final Clock clock;
    private final Map<String, TokenBucket> buckets = new HashMap<>();
    private boolean on;

    Throttle(Clock clock) {
        this.clock = clock;
    }

    void set(boolean on) {
        this.on = on;
        buckets.clear();
    }

    /** @throws AwsException ThrottlingException */
    void admitStoreOperation(String operation) {
        admit(operation, STORE_OPERATIONS_PER_SECOND);
    }

    /** @throws AwsException ThrottlingException */
    void admitCryptography(KmsKey key) {
        key.store().ifPresent(store -> admit(store.id(), CRYPTOGRAPHY_PER_SECOND));
    }

    private void admit(String what, int perSecond) {
        if (!on
                || buckets.computeIfAbsent(what, any -> new TokenBucket(clock, perSecond))
                        .take()) return;
        throw AwsException.badRequest(
                "ThrottlingException",
                "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.");
    }
}
