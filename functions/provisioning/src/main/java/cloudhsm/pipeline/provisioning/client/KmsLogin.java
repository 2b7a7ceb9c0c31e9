package cloudhsm.pipeline.provisioning.client;

import java.util.Optional;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;

/** Whether KMS is logged in to a cluster as {@code kmsuser}, under a password that only KMS knows. */
record KmsLogin(KmsClient kms) {
    /** The cluster's key store, if KMS is logged in through it, or is about to be, or to log out. */
    Optional<CustomKeyStoresListEntry> in(String clusterId) {
        return kms.describeCustomKeyStoresPaginator(request -> request.limit(100)).customKeyStores().stream()
                .filter(store -> clusterId.equals(store.cloudHsmClusterId()))
                .filter(store -> switch (store.connectionState()) {
                    case CONNECTED, CONNECTING, DISCONNECTING -> true;
                    case DISCONNECTED, FAILED, UNKNOWN_TO_SDK_VERSION -> false;
                })
                .findFirst();
    }
}
