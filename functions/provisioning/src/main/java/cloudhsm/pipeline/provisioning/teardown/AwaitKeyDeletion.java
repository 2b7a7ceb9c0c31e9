package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.KeyMetadata;
import software.amazon.awssdk.services.kms.model.KeyState;
import software.amazon.awssdk.services.kms.model.NotFoundException;

/**
 * Waits, for days, until KMS has deleted the keys. KMS's own event ends the wait; the schedule of minutes looks as well,
 * since that event is sent as best it can be. Whoever cancels a key's deletion in the meantime ends the teardown: the
 * key is enabled again, and nothing more is removed.
 */
public final class AwaitKeyDeletion extends StageHandler<AwaitKeyDeletion.Input> {
    /** KMS may delete up to a day after the window; another day for whatever we do not know. */
    private static final Duration LATER = Duration.ofDays(2);

    /** @param hsmsKept whether an HSM and the connection were kept */
    public record Input(String deployment, List<String> keyIds, int pendingWindowInDays, boolean hsmsKept) {
        public Input {
            keyIds = List.copyOf(keyIds);
        }
    }

    private final KmsClient kms;
    private final Deployments deployments;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public AwaitKeyDeletion() {
        this(Aws.kms(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    AwaitKeyDeletion(KmsClient kms, Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.kms = kms;
        this.deployments = deployments;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var gone = new ArrayList<String>();
        var pending = new ArrayList<KeyMetadata>();
        var cancelled = new ArrayList<KeyMetadata>();
        for (var keyId : input.keyIds()) {
            var key = find(keyId);
            if (key.isEmpty()) {
                gone.add("key " + keyId + " and its aliases");
            } else if (key.get().keyState() == KeyState.PENDING_DELETION) {
                pending.add(key.get());
            } else {
                cancelled.add(key.get());
            }
        }
        if (!cancelled.isEmpty()) return cancelled(input, cancelled.getFirst(), pending);
        if (awaited.isPresent() && !gone.isEmpty()) {
            settle(
                    Question.KMS_CMK_DELETION_EVENT,
                    "aws.kms".equals(source()) ? "came" : "the health check saw it first");
        }
        if (pending.isEmpty()) return Removal.done(clock.instant(), gone);
        return new Outcome.Waiting(
                Resource.key(pending.getFirst().keyId()),
                Set.of(KeyState.PENDING_DELETION.toString()),
                budget(pending.getFirst(), input));
    }

    /** An earlier execution may have asked for a longer window than this one. */
    private Duration budget(KeyMetadata key, Input input) {
        var window = Duration.ofDays(input.pendingWindowInDays());
        var left = key.deletionDate() == null ? window : Duration.between(clock.instant(), key.deletionDate());
        return (left.compareTo(window) > 0 ? left : window).plus(LATER);
    }

    private Optional<KeyMetadata> find(String keyId) {
        try {
            return Optional.of(kms.describeKey(request -> request.keyId(keyId)).keyMetadata());
        } catch (NotFoundException gone) {
            return Optional.empty();
        }
    }

    private Outcome cancelled(Input input, KeyMetadata key, List<KeyMetadata> pending) {
        // KMS leaves a key whose deletion was cancelled Disabled, which Unavailable hides while the store is away.
        if (key.keyState() != KeyState.ENABLED) kms.enableKey(request -> request.keyId(key.keyId()));
        deployments.enter(input.deployment(), input.hsmsKept() ? Phase.RUNNING : Phase.PAUSED, clock.instant());
        var state = input.hsmsKept()
                ? "The key store is still connected and one HSM runs, so what is under the key can be read again."
                : "The key store was disconnected and the HSMs were deleted, so nothing under the key can be read until"
                        + " HSMs exist again; CloudHSM has backups of them.";
        var others = pending.isEmpty()
                ? ""
                : " KMS still deletes, unless that is cancelled as well: "
                        + String.join(
                                ", ", pending.stream().map(KeyMetadata::keyId).toList())
                        + ".";
        return new Outcome.Failed(
                "KEY_DELETION_CANCELLED",
                "Somebody cancelled the deletion of key " + key.keyId()
                        + ", so the teardown of \"" + input.deployment() + "\" stopped; the key was enabled. " + state
                        + others
                        + " The cluster, its backups, the key store and the secrets are untouched. Next: start the"
                        + " provisioning with the input it had; it makes what is missing. Or start another teardown.");
    }
}
