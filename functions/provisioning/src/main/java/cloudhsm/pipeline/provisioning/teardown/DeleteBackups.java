package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmResourceNotFoundException;

/**
 * Deletes every backup of the clusters, and with it the last copy of the keys' material. CloudHSM keeps a deleted backup
 * for another 7 days, in which RestoreBackup brings it back; it does not bill.
 */
public final class DeleteBackups extends StageHandler<DeleteBackups.Input> {
    public record Input(List<String> clusterIds) {
        public Input {
            clusterIds = List.copyOf(clusterIds);
        }
    }

    private final CloudHsmV2Client cloudHsm;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public DeleteBackups() {
        this(Aws.cloudHsm(), StageRuntime.ofFunction());
    }

    DeleteBackups(CloudHsmV2Client cloudHsm, StageRuntime runtime) {
        super(Input.class, runtime);
        this.cloudHsm = cloudHsm;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var removed = new ArrayList<String>();
        var notReady = new ArrayList<String>();
        for (var backup : backups(input.clusterIds())) {
            switch (backup.backupState()) {
                case READY -> delete(backup).ifPresent(removed::add);
                case PENDING_DELETION -> removed.add(pending(backup));
                case CREATE_IN_PROGRESS, UNKNOWN_TO_SDK_VERSION -> notReady.add(backup.backupId());
                case DELETED -> {}
            }
        }
        if (notReady.isEmpty()) return Removal.done(clock.instant(), removed);
        return new Outcome.Failed(
                TRANSIENT, "The backups " + notReady + " are being made and cannot be deleted before they are READY.");
    }

    private List<Backup> backups(List<String> clusterIds) {
        if (clusterIds.isEmpty()) return List.of();
        return cloudHsm.describeBackupsPaginator(request -> request.filters(Map.of("clusterIds", clusterIds))).stream()
                .flatMap(page -> page.backups().stream())
                .toList();
    }

    private Optional<String> delete(Backup backup) {
        try {
            return Optional.of(pending(cloudHsm.deleteBackup(request -> request.backupId(backup.backupId()))
                    .backup()));
        } catch (CloudHsmResourceNotFoundException gone) {
            return Optional.empty();
        }
    }

    private static String pending(Backup backup) {
        return "backup " + backup.backupId() + ": CloudHSM deletes it for good at " + backup.deleteTimestamp();
    }
}
