package cloudhsm.pipeline.provisioning.keystore;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreInvalidStateException;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;

/**
 * Disconnects the key store: a FAILED one cannot be connected again, nor told another password, before that. The
 * keys in it cannot be used until it is connected again; nothing is lost.
 *
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/fix-keystore.html">Troubleshooting a key
 *     store</a>
 */
public final class DisconnectKeyStore extends StageHandler<DisconnectKeyStore.Input> {
    /** AWS names no duration; about 10 minutes have been seen, and a field report allows 30. */
    private static final Duration BUDGET = Duration.ofMinutes(40);

    /** Right after the call the store may still read as it did before. */
    private static final Set<String> NOT_YET = Set.of("FAILED", "CONNECTED", "CONNECTING", "DISCONNECTING");

    public record Input(String keyStoreId) {}

    /** @param state DISCONNECTED */
    public record Output(String state) {}

    private final KmsClient kms;
    private final KeyStores keyStores;

    /** Called by Lambda, once per execution environment. */
    public DisconnectKeyStore() {
        this(Aws.kms(), StageRuntime.ofFunction());
    }

    DisconnectKeyStore(KmsClient kms, StageRuntime runtime) {
        super(Input.class, runtime);
        this.kms = kms;
        this.keyStores = new KeyStores(kms);
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var store = keyStores.find(input.keyStoreId());
        if (store.isEmpty()) return KeyStores.gone(input.keyStoreId());
        return toBeDone(kms, store.get()).orElseGet(() -> new Outcome.Done(new Output("DISCONNECTED")));
    }

    /** Asks for the disconnection, and says what is waited for; empty once the store is DISCONNECTED. */
    static Optional<Outcome> toBeDone(KmsClient kms, CustomKeyStoresListEntry store) {
        return switch (store.connectionState()) {
            case DISCONNECTED -> Optional.empty();
            case DISCONNECTING -> Optional.of(waiting(store));
            case FAILED, CONNECTED, CONNECTING -> Optional.of(disconnect(kms, store));
            case UNKNOWN_TO_SDK_VERSION -> Optional.of(KeyStores.unknown(store));
        };
    }

    private static Outcome disconnect(KmsClient kms, CustomKeyStoresListEntry store) {
        try {
            kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(store.customKeyStoreId()));
        } catch (CustomKeyStoreInvalidStateException alreadyOnItsWay) {
            // The state just read was an old one: KMS refuses DISCONNECTING and DISCONNECTED, and nothing else.
            return waiting(store);
        }
        return waiting(store);
    }

    private static Outcome waiting(CustomKeyStoresListEntry store) {
        return new Outcome.Waiting(Resource.keyStore(store.customKeyStoreId()), NOT_YET, BUDGET);
    }
}
