package cloudhsm.pipeline.provisioning.keystore;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreInvalidStateException;

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

    public record Input(String keyStoreId) {
        public Input {
            Objects.requireNonNull(keyStoreId, "keyStoreId");
        }
    }

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
        return switch (store.get().connectionState()) {
            case DISCONNECTED -> new Outcome.Done(new Output("DISCONNECTED"));
            case DISCONNECTING -> waiting(input);
            case FAILED, CONNECTED, CONNECTING -> disconnect(input);
            case UNKNOWN_TO_SDK_VERSION -> KeyStores.unknown(store.get());
        };
    }

    private Outcome disconnect(Input input) {
        try {
            kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(input.keyStoreId()));
        } catch (CustomKeyStoreInvalidStateException alreadyOnItsWay) {
            // The state just read was an old one: KMS refuses DISCONNECTING and DISCONNECTED, and nothing else.
            return waiting(input);
        }
        return waiting(input);
    }

    private static Outcome waiting(Input input) {
        return new Outcome.Waiting(Resource.keyStore(input.keyStoreId()), NOT_YET, BUDGET);
    }
}
