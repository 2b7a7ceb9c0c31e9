package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The account's custom key stores. */
final class CustomKeyStores {
    private final Map<String, CustomKeyStore> byId = new LinkedHashMap<>();

    void add(CustomKeyStore store) {
        byId.put(store.id(), store);
    }

    void remove(CustomKeyStore store) {
        byId.remove(store.id());
    }

    /** In the order of their creation. */
    Collection<CustomKeyStore> all() {
        return byId.values();
    }

    Optional<CustomKeyStore> byName(String name) {
        return byId.values().stream().filter(store -> store.name().equals(name)).findFirst();
    }

    /** @throws AwsException CustomKeyStoreNotFoundException */
    CustomKeyStore find(String id) {
        var store = byId.get(id);
        if (store == null) throw notFound(id);
        return store;
    }

    static AwsException notFound(String idOrName) {
        return AwsException.badRequest(
                "CustomKeyStoreNotFoundException", "Custom key store " + idOrName + " does not exist.");
    }

    static AwsException invalidState(CustomKeyStore store, String operation, String needed) {
        return AwsException.badRequest(
                "CustomKeyStoreInvalidStateException",
                "Custom key store " + store.id() + " is " + store.state() + "; " + operation + " needs it to be "
                        + needed + ".");
    }
}
