package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmResourceNotFoundException;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/**
 * Deletes every HSM of the cluster, so that nothing bills by the hour any more; of an adopted one all but as many as it came
 * with. CloudHSM takes a backup of an HSM before it deletes it; users and keys come back with the next HSM that is created. A
 * cluster that is gone has no HSMs.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/delete-hsm.html">Remove an HSM</a>
 */
public final class DeleteHsms extends StageHandler<DeleteHsms.Input> {
    /** Those that bill and can be deleted come first. */
    private static final List<HsmState> WAITED_FOR_FIRST =
            List.of(HsmState.ACTIVE, HsmState.DEGRADED, HsmState.CREATE_IN_PROGRESS, HsmState.DELETE_IN_PROGRESS);

    /**
     * @param keep how many of the ACTIVE HSMs stay, as KMS needs one to delete key material in it; usually 0
     * @param ownersHsmIds those that an adopted cluster came with: they stay, or another in the place of one that is gone
     */
    public record Input(String clusterId, int keep, List<String> ownersHsmIds) {
        public Input {
            ownersHsmIds = List.copyOf(ownersHsmIds);
        }
    }

    /**
     * @param newestBackupId of the cluster's READY backups; "" if it has none, as before its first HSM was activated
     * @param hsms how many HSMs the deployment has from {@code at} on
     * @param ownersHsms how many are left besides, as an adopted cluster came with as many
     */
    public record Output(String clusterId, String newestBackupId, int hsms, int ownersHsms, Instant at) {}

    private final CloudHsmV2Client cloudHsm;
    private final Clusters clusters;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public DeleteHsms() {
        this(Aws.cloudHsm(), StageRuntime.ofFunction());
    }

    public DeleteHsms(CloudHsmV2Client cloudHsm, StageRuntime runtime) {
        super(Input.class, runtime);
        this.cloudHsm = cloudHsm;
        this.clusters = new Clusters(cloudHsm);
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var cluster = clusters.find(input.clusterId());
        var all = cluster.map(Clusters::hsms).orElse(List.of());
        var kept = kept(all, input);
        var hsms = all.stream().filter(hsm -> !kept.contains(hsm)).toList();
        if (hsms.isEmpty()) {
            if (awaited.isPresent()) {
                var listed = cluster.filter(shown -> shown.hsms().size() > all.size())
                        .isPresent();
                settle(Question.DELETED_STAYS_LISTED, "HSM: " + (listed ? "listed as DELETED" : "not listed any more"));
            }
            var owners = Math.min(kept.size(), input.ownersHsmIds().size());
            return new Outcome.Done(new Output(
                    input.clusterId(), newestBackup(input.clusterId()), kept.size() - owners, owners, clock.instant()));
        }
        if (cluster.get().state() == ClusterState.INITIALIZE_IN_PROGRESS) return untilInitialized(cluster.get());
        var unknown = hsms.stream()
                .filter(hsm -> hsm.state() == HsmState.UNKNOWN_TO_SDK_VERSION)
                .findFirst();
        return unknown.map(hsm -> unexpected(input, hsm)).orElseGet(() -> delete(input, hsms));
    }

    /** The same ones in every run, as long as AWS does not replace them. */
    private static List<Hsm> kept(List<Hsm> hsms, Input input) {
        Predicate<Hsm> owners = hsm -> input.ownersHsmIds().contains(hsm.hsmId());
        return hsms.stream()
                .filter(owners.or(hsm -> hsm.state() == HsmState.ACTIVE))
                .filter(hsm -> hsm.state() != HsmState.DELETE_IN_PROGRESS)
                .sorted(Comparator.comparing(owners::test).reversed().thenComparing(Hsm::availabilityZone))
                .limit(Math.max(input.keep(), input.ownersHsmIds().size()))
                .toList();
    }

    /** Requests what can be requested now, then waits for one HSM at a time: the others go on in the meantime. */
    private Outcome delete(Input input, List<Hsm> hsms) {
        for (var hsm : hsms) {
            if (hsm.state() != HsmState.ACTIVE && hsm.state() != HsmState.DEGRADED) continue;
            try {
                cloudHsm.deleteHsm(
                        request -> request.clusterId(input.clusterId()).hsmId(hsm.hsmId()));
            } catch (CloudHsmResourceNotFoundException gone) {
                // That is what was wanted.
            } catch (CloudHsmInvalidRequestException refused) {
                return notNow(input, hsm, refused);
            }
        }
        return waitFor(
                input,
                hsms.stream()
                        .min(Comparator.comparingInt(hsm -> WAITED_FOR_FIRST.indexOf(hsm.state())))
                        .orElseThrow());
    }

    /** An HSM that is being created cannot be deleted; once it is ACTIVE or DEGRADED it can. */
    private static Outcome waitFor(Input input, Hsm hsm) {
        var resource = Resource.oneHsm(input.clusterId(), hsm.hsmId());
        if (hsm.state() == HsmState.CREATE_IN_PROGRESS) {
            return new Outcome.Waiting(
                    resource, Set.of(HsmState.CREATE_IN_PROGRESS.toString()), HsmCreation.CREATION_BUDGET);
        }
        // Right after the call an HSM may still be listed as it was before.
        return new Outcome.Waiting(
                resource,
                Set.of(
                        HsmState.ACTIVE.toString(),
                        HsmState.DEGRADED.toString(),
                        HsmState.DELETE_IN_PROGRESS.toString()),
                HsmCreation.DELETION_BUDGET);
    }

    private static Outcome untilInitialized(Cluster cluster) {
        return new Outcome.Waiting(
                Resource.cluster(cluster.clusterId()),
                Set.of(ClusterState.INITIALIZE_IN_PROGRESS.toString()),
                Duration.ofMinutes(20));
    }

    /** DescribeClusters may lag behind, and AWS refuses while it takes a backup: both pass. */
    private static Outcome notNow(Input input, Hsm hsm, CloudHsmInvalidRequestException refused) {
        return new Outcome.Failed(
                StageHandler.TRANSIENT,
                "AWS does not delete HSM " + hsm.hsmId() + " (" + hsm.availabilityZone() + ", listed as "
                        + hsm.stateAsString() + ") of cluster " + input.clusterId() + " now: " + refused.getMessage()
                        + ". It may still bill. Next: look again a little later.");
    }

    private static Outcome unexpected(Input input, Hsm hsm) {
        return new Outcome.Failed(
                "HSM_STATE_UNEXPECTED",
                "HSM " + hsm.hsmId() + " (" + hsm.availabilityZone() + ") of cluster " + input.clusterId()
                        + " is in the state " + hsm.stateAsString() + ", in which nothing can be done with it."
                        + Clusters.awsSays(hsm.stateMessage())
                        + " No HSM was deleted in this run. Next: look at the HSM in the console, then start a new"
                        + " execution; if AWS has given HSMs a new state, update the pipeline.");
    }

    private String newestBackup(String clusterId) {
        return cloudHsm
                .describeBackupsPaginator(request -> request.filters(
                        Map.of("clusterIds", List.of(clusterId), "states", List.of(BackupState.READY.toString()))))
                .stream()
                .flatMap(page -> page.backups().stream())
                .max(Comparator.comparing(Backup::createTimestamp))
                .map(Backup::backupId)
                .orElse("");
    }
}
