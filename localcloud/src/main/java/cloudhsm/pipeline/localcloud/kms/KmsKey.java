package cloudhsm.pipeline.localcloud.kms;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import javax.crypto.SecretKey;

/** A KMS key: symmetric, for encryption. */
final class KmsKey {
    private final String arn;
    private final Instant creationDate;
    private final String description;
    private final boolean managedByAws;
    private final CustomKeyStore store;
    private final SecretKey secretKey;
    private final TreeMap<String, String> tags = new TreeMap<>();
    private KeyPolicy policy;
    private boolean enabled = true;
    private Instant deletionDate;

    /**
     * Exactly one of the last two is null.
     *
     * @param store in whose cluster the key's material is, under the key's ARN as label
     * @param secretKey the material of a key with the origin AWS_KMS
     */
    KmsKey(
            String arn,
            Instant creationDate,
            String description,
            boolean managedByAws,
            KeyPolicy policy,
            CustomKeyStore store,
            SecretKey secretKey) {
        this.arn = arn;
        this.creationDate = creationDate;
        this.description = description;
        this.managedByAws = managedByAws;
        this.policy = policy;
        this.store = store;
        this.secretKey = secretKey;
    }

    String keyId() {
        return arn.substring(arn.lastIndexOf('/') + 1);
    }

    String arn() {
        return arn;
    }

    Instant creationDate() {
        return creationDate;
    }

    String description() {
        return description;
    }

    boolean managedByAws() {
        return managedByAws;
    }

    Optional<CustomKeyStore> store() {
        return Optional.ofNullable(store);
    }

    /** Empty for a key of a custom key store. */
    Optional<SecretKey> secretKey() {
        return Optional.ofNullable(secretKey);
    }

    /** By tag key; the live map. */
    Map<String, String> tags() {
        return tags;
    }

    KeyPolicy policy() {
        return policy;
    }

    void setPolicy(KeyPolicy policy) {
        this.policy = policy;
    }

    /** While a store is disconnected the wish is kept and shows once it is connected again. */
    void setEnabled(boolean enabled) {
        this.enabled = enabled;
    }

    KeyState state() {
        if (deletionDate != null) return KeyState.PENDING_DELETION;
        if (store != null && store.state() != ConnectionState.CONNECTED) return KeyState.UNAVAILABLE;
        return enabled ? KeyState.ENABLED : KeyState.DISABLED;
    }

    Optional<Instant> deletionDate() {
        return Optional.ofNullable(deletionDate);
    }

    void scheduleDeletion(Instant date) {
        deletionDate = date;
    }

    /** The key comes back disabled, as AWS has it. */
    void cancelDeletion() {
        deletionDate = null;
        enabled = false;
    }
}
