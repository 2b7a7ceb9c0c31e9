package cloudhsm.pipeline.provisioning.keystore;

import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.util.Optional;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreNotFoundException;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;

/** Finds a key store, and says what the stages say alike when there is none or none that they know how to treat. */
public record KeyStores(KmsClient kms) {
    /** The key store of this id. */
    public Optional<CustomKeyStoresListEntry> find(String keyStoreId) {
        try {
            return kms
                    .describeCustomKeyStores(request -> request.customKeyStoreId(keyStoreId))
                    .customKeyStores()
                    .stream()
                    .findFirst();
        } catch (CustomKeyStoreNotFoundException absent) {
            return Optional.empty();
        }
    }

    static Outcome unknown(CustomKeyStoresListEntry store) {
        return new Outcome.Failed(
                "KEY_STORE_STATE_UNKNOWN",
                "Key store " + store.customKeyStoreId() + " is " + store.connectionStateAsString()
                        + ", a state this pipeline does not know. Nothing was changed. Next: look at it in the KMS"
                        + " console, then start a new execution.");
    }

    static Outcome gone(String keyStoreId) {
        return new Outcome.Failed(
                "KEY_STORE_GONE",
                "Key store " + keyStoreId + " does not exist any more; somebody deleted it during this execution."
                        + " Nothing was changed. Next: start a new execution, which makes another one.");
    }
}
