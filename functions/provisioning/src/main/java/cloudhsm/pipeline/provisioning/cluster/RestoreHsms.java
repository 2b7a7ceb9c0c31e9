package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/**
 * Sees to it that an ACTIVE cluster has two ACTIVE HSMs in two zones, as KMS needs them: deletes DEGRADED ones, and
 * creates what is missing, one at a time. CloudHSM builds the first HSM of a cluster that has none from the newest
 * backup, with the users and keys of that time.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/add-hsm.html">Add an HSM</a>
 */
public final class RestoreHsms extends StageHandler<RestoreHsms.Input> {
    /** Two HSMs, each with a second try. */
    static final int MOST_CREATIONS = 4;

    /** The two that are needed, and one that is on its way out or stands in the wrong zone. */
    static final int MOST_HSMS = 3;

    /**
     * @param zones where HSMs may be, in the order to try
     * @param created how many this stage has created so far; 0 unless it has waited
     * @param deleted how many DEGRADED ones it has deleted so far; 0 unless it has waited
     */
    public record Input(String clusterId, List<String> zones, int created, int deleted) {
        public Input {
            zones = List.copyOf(zones);
        }

        /** The input of a first run. */
        public Input(String clusterId, List<String> zones) {
            this(clusterId, zones, 0, 0);
        }

        private Input afterCreation() {
            return new Input(clusterId, zones, created + 1, deleted);
        }

        private Input afterDeletion() {
            return new Input(clusterId, zones, created, deleted + 1);
        }
    }

    /** @param eniId stays when AWS replaces the HSM under a new id */
    public record RestoredHsm(String hsmId, String eniId, String availabilityZone) {}

    /**
     * @param hsms two ACTIVE HSMs in two zones
     * @param created how many HSMs were created for that
     * @param deleted how many DEGRADED HSMs were deleted
     */
    public record Output(List<RestoredHsm> hsms, int created, int deleted) {
        public Output {
            hsms = List.copyOf(hsms);
        }
    }

    private final CloudHsmV2Client cloudHsm;
    private final Clusters clusters;

    /** Called by Lambda, once per execution environment. */
    public RestoreHsms() {
        this(Aws.cloudHsm(), StageRuntime.ofFunction());
    }

    public RestoreHsms(CloudHsmV2Client cloudHsm, StageRuntime runtime) {
        super(Input.class, runtime);
        this.cloudHsm = cloudHsm;
        this.clusters = new Clusters(cloudHsm);
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        return clusters.find(input.clusterId())
                .map(cluster -> switch (cluster.state()) {
                    case ACTIVE, UPDATE_IN_PROGRESS, MODIFY_IN_PROGRESS, ROLLBACK_IN_PROGRESS ->
                        restore(cluster, input, awaited);
                    case CREATE_IN_PROGRESS,
                            UNINITIALIZED,
                            INITIALIZE_IN_PROGRESS,
                            INITIALIZED,
                            DEGRADED,
                            DELETE_IN_PROGRESS,
                            DELETED,
                            UNKNOWN_TO_SDK_VERSION ->
                        ClusterFailures.unusable(cluster, "Its HSMs can be restored only while it is ACTIVE");
                })
                .orElseGet(() -> ClusterFailures.notFound(input.clusterId()));
    }

    private Outcome restore(Cluster cluster, Input input, Optional<Resource> awaited) {
        var hsms = Clusters.hsms(cluster);
        var kept = inTwoZones(hsms, input.zones());
        var zonesLeft = input.zones().stream()
                .filter(zone ->
                        kept.stream().noneMatch(hsm -> hsm.availabilityZone().equals(zone)))
                .toList();
        var creation = new HsmCreation(cloudHsm, cluster, zonesLeft, awaited);
        var unknown = in(HsmState.UNKNOWN_TO_SDK_VERSION, hsms);
        if (unknown.isPresent()) return creation.unexpected(unknown.get());
        var degraded = in(HsmState.DEGRADED, hsms);
        if (degraded.isPresent()) {
            creation.delete(degraded.get());
            return remembering(creation.waitForDeletion(degraded.get()), input.afterDeletion());
        }
        if (kept.size() == 2) return done(kept, input);
        var onItsWay = in(HsmState.CREATE_IN_PROGRESS, hsms);
        if (onItsWay.isPresent()) {
            return remembering(creation.waitForCreation(onItsWay.get().availabilityZone()), input);
        }
        if (hsms.size() >= MOST_HSMS) {
            return in(HsmState.DELETE_IN_PROGRESS, hsms)
                    .map(leaving -> remembering(creation.waitForDeletion(leaving), input))
                    .orElseGet(() -> tooMany(cluster, hsms));
        }
        if (input.created() >= MOST_CREATIONS) return notRestored(cluster, input);
        return remembering(creation.create(), input.afterCreation());
    }

    /** Of the ACTIVE HSMs at most two, in different zones, the zones asked for first. */
    private static List<Hsm> inTwoZones(List<Hsm> hsms, List<String> zones) {
        var kept = new ArrayList<Hsm>();
        hsms.stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .sorted(Comparator.comparingInt(hsm -> position(zones, hsm)))
                .filter(hsm -> kept.stream()
                        .noneMatch(other -> other.availabilityZone().equals(hsm.availabilityZone())))
                .limit(2)
                .forEachOrdered(kept::add);
        return kept;
    }

    /** HSMs in zones that the request does not name come last. */
    private static int position(List<String> zones, Hsm hsm) {
        var position = zones.indexOf(hsm.availabilityZone());
        return position < 0 ? zones.size() : position;
    }

    private static Optional<Hsm> in(HsmState state, List<Hsm> hsms) {
        return hsms.stream().filter(hsm -> hsm.state() == state).findFirst();
    }

    private static Outcome remembering(Outcome outcome, Input counts) {
        return outcome instanceof Outcome.Waiting waiting ? waiting.then(counts) : outcome;
    }

    private static Outcome done(List<Hsm> hsms, Input counts) {
        var restored = hsms.stream()
                .map(hsm -> new RestoredHsm(hsm.hsmId(), hsm.eniId(), hsm.availabilityZone()))
                .toList();
        return new Outcome.Done(new Output(restored, counts.created(), counts.deleted()));
    }

    private static Outcome tooMany(Cluster cluster, List<Hsm> hsms) {
        var seen = hsms.stream()
                .map(hsm -> hsm.hsmId() + " (" + hsm.availabilityZone() + ") " + hsm.stateAsString())
                .toList();
        return new Outcome.Failed(
                "TOO_MANY_HSMS",
                "Cluster " + cluster.clusterId() + " has " + seen + ", which are enough to bill and yet not in two"
                        + " zones. No further HSM was created. Next: delete one of those that share a zone, then start"
                        + " a new execution.");
    }

    private static Outcome notRestored(Cluster cluster, Input counts) {
        return new Outcome.Failed(
                "HSM_DEGRADED",
                "Cluster " + cluster.clusterId() + " still has no two ACTIVE HSMs in two of the zones " + counts.zones()
                        + " after " + counts.created() + " were created; " + counts.deleted() + " turned DEGRADED and"
                        + " were deleted. Next:"
                        + " look at the AWS"
                        + " Health Dashboard for"
                        + " CloudHSM in these"
                        + " zones, then start a"
                        + " new execution.");
    }
}
