package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreHasCmKsException;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreNotFoundException;
import software.amazon.awssdk.services.kms.model.KeyListEntry;
import software.amazon.awssdk.services.kms.model.NotFoundException;

/** Deletes the disconnected key store once no key is in it. The cluster, its users and its backups stay. */
public final class DeleteKeyStore extends StageHandler<DeleteKeyStore.Input> {
    public record Input(String keyStoreId) {}

    private final KmsClient kms;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public DeleteKeyStore() {
        this(Aws.kms(), StageRuntime.ofFunction());
    }

    DeleteKeyStore(KmsClient kms, StageRuntime runtime) {
        super(Input.class, runtime);
        this.kms = kms;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        try {
            kms.deleteCustomKeyStore(request -> request.customKeyStoreId(input.keyStoreId()));
        } catch (CustomKeyStoreNotFoundException gone) {
            // That is what was wanted.
        } catch (CustomKeyStoreHasCmKsException notEmpty) {
            return stillHasKeys(input.keyStoreId());
        }
        return Removal.done(clock.instant(), List.of("key store " + input.keyStoreId()));
    }

    private Outcome stillHasKeys(String keyStoreId) {
        var keys = kms.listKeysPaginator().keys().stream()
                .map(KeyListEntry::keyId)
                .filter(keyId -> isIn(keyStoreId, keyId))
                .toList();
        if (keys.isEmpty()) {
            return new Outcome.Failed(
                    TRANSIENT, "KMS still sees a key in " + keyStoreId + " that it does not list any more.");
        }
        return new Outcome.Failed(
                "KEY_STORE_HAS_KEYS",
                "Key store " + keyStoreId + " cannot be deleted, because it has the keys " + keys
                        + "; somebody made them during this execution. Next: delete them or start a new teardown with"
                        + " \"evenIfShared\": true.");
    }

    private boolean isIn(String keyStoreId, String keyId) {
        try {
            return keyStoreId.equals(kms.describeKey(request -> request.keyId(keyId))
                    .keyMetadata()
                    .customKeyStoreId());
        } catch (NotFoundException gone) {
            return false;
        }
    }
}
