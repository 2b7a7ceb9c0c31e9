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
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;

/**
 * Connects the key store. KMS logs in to the cluster as {@code kmsuser} and changes its password to one only KMS
 * knows. A store that has FAILED ends the stage under KMS's own error code; it must be disconnected before it can be
 * connected again.
 */
public final class ConnectKeyStore extends StageHandler<ConnectKeyStore.Input> {
    /** AWS says up to 20 minutes; 30 have been seen. */
    private static final Duration BUDGET = Duration.ofMinutes(40);

    /** Right after the call the store may still read DISCONNECTED. */
    private static final Set<String> CONNECTING = Set.of("CONNECTING", "DISCONNECTED");

    private static final Set<String> DISCONNECTING = Set.of("DISCONNECTING");

    public record Input(String keyStoreId) {}

    /**
     * @param state CONNECTED
     * @param connected whether this execution has connected it
     */
    public record Output(String state, boolean connected) {}

    private final KmsClient kms;
    private final KeyStores keyStores;

    /** Called by Lambda, once per execution environment. */
    public ConnectKeyStore() {
        this(Aws.kms(), StageRuntime.ofFunction());
    }

    ConnectKeyStore(KmsClient kms, StageRuntime runtime) {
        super(Input.class, runtime);
        this.kms = kms;
        this.keyStores = new KeyStores(kms);
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var store = keyStores.find(input.keyStoreId());
        if (store.isEmpty()) return KeyStores.gone(input.keyStoreId());
        return switch (store.get().connectionState()) {
            case CONNECTED -> new Outcome.Done(new Output("CONNECTED", awaited.isPresent()));
            case CONNECTING -> waiting(input, CONNECTING);
            case DISCONNECTED -> connect(input);
            case DISCONNECTING -> waiting(input, DISCONNECTING);
            case FAILED -> failed(store.get());
            case UNKNOWN_TO_SDK_VERSION -> KeyStores.unknown(store.get());
        };
    }

    /** Does no harm to a store that reads DISCONNECTED and is CONNECTING already. */
    private Outcome connect(Input input) {
        kms.connectCustomKeyStore(request -> request.customKeyStoreId(input.keyStoreId()));
        return waiting(input, CONNECTING);
    }

    private static Outcome waiting(Input input, Set<String> whileIn) {
        return new Outcome.Waiting(Resource.keyStore(input.keyStoreId()), whileIn, BUDGET);
    }

    private static Outcome failed(CustomKeyStoresListEntry store) {
        var code = Objects.requireNonNullElse(store.connectionErrorCodeAsString(), "INTERNAL_ERROR");
        var error = ConnectionError.of(code);
        return new Outcome.Failed(
                code,
                "Key store " + store.customKeyStoreId() + " (" + store.customKeyStoreName() + ") of cluster "
                        + store.cloudHsmClusterId() + " is FAILED with " + code + ": " + error.meaning()
                        + ". Its keys cannot be used. Next: "
                        + error.next("disconnects the store, repairs what needs no person, and connects it again")
                        + ".");
    }
}
