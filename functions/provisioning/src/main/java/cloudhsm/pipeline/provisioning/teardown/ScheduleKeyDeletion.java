package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Phase;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.KeyState;
import software.amazon.awssdk.services.kms.model.NotFoundException;

/**
 * Asks KMS to delete the keys of the key store. From now on nothing under them can be read; until KMS deletes them, days
 * later, that can be taken back with CancelKeyDeletion.
 */
public final class ScheduleKeyDeletion extends StageHandler<ScheduleKeyDeletion.Input> {
    /** @param pendingWindowInDays of keys whose deletion nobody has asked for yet */
    public record Input(String deployment, List<String> keyIds, int pendingWindowInDays) {
        public Input {
            keyIds = List.copyOf(keyIds);
        }
    }

    private final KmsClient kms;
    private final Deployments deployments;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public ScheduleKeyDeletion() {
        this(Aws.kms(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    ScheduleKeyDeletion(KmsClient kms, Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.kms = kms;
        this.deployments = deployments;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        // Until here a teardown that fails leaves a deployment that works, or can be resumed.
        deployments.enter(input.deployment(), Phase.TEARING_DOWN, clock.instant());
        var scheduled = new ArrayList<String>();
        for (var keyId : input.keyIds())
            schedule(keyId, input.pendingWindowInDays()).ifPresent(scheduled::add);
        return Removal.done(clock.instant(), scheduled);
    }

    private Optional<String> schedule(String keyId, int days) {
        try {
            var key = kms.describeKey(request -> request.keyId(keyId)).keyMetadata();
            var date = key.keyState() == KeyState.PENDING_DELETION
                    ? key.deletionDate()
                    : kms.scheduleKeyDeletion(request -> request.keyId(keyId).pendingWindowInDays(days))
                            .deletionDate();
            return Optional.of("key " + keyId + ": KMS deletes it within a day after " + date);
        } catch (NotFoundException gone) {
            return Optional.empty();
        }
    }
}
