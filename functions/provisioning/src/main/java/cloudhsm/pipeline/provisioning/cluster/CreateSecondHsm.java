package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/**
 * Creates an HSM in another zone than any ACTIVE one: a KMS key store needs two ACTIVE HSMs in two zones. Only an
 * activated cluster accepts it.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/add-hsm.html">Add an HSM</a>
 */
public final class CreateSecondHsm extends StageHandler<CreateSecondHsm.Input> {
    /**
     * @param zones where HSMs may be, in the order to try; the first HSM's among them is left out
     * @param firstZone where the first HSM is, which need not be the first of the zones; null where it does not matter
     *     which of two is the second
     */
    public record Input(String clusterId, List<String> zones, String firstZone) {
        public Input {
            zones = List.copyOf(zones);
        }

        Input(String clusterId, List<String> zones) {
            this(clusterId, zones, null);
        }
    }

    /** @param eniId stays when AWS replaces the HSM under a new id */
    public record Output(String availabilityZone, String hsmId, String eniId) {}

    private final CloudHsmV2Client cloudHsm;
    private final Clusters clusters;

    /** Called by Lambda, once per execution environment. */
    public CreateSecondHsm() {
        this(Aws.cloudHsm(), StageRuntime.ofFunction());
    }

    public CreateSecondHsm(CloudHsmV2Client cloudHsm, StageRuntime runtime) {
        super(Input.class, runtime);
        this.cloudHsm = cloudHsm;
        this.clusters = new Clusters(cloudHsm);
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        return clusters.find(input.clusterId())
                .map(cluster -> switch (cluster.state()) {
                    case ACTIVE, UPDATE_IN_PROGRESS, MODIFY_IN_PROGRESS, ROLLBACK_IN_PROGRESS ->
                        add(cluster, input, awaited);
                    case CREATE_IN_PROGRESS,
                            UNINITIALIZED,
                            INITIALIZE_IN_PROGRESS,
                            INITIALIZED,
                            DEGRADED,
                            DELETE_IN_PROGRESS,
                            DELETED,
                            UNKNOWN_TO_SDK_VERSION ->
                        ClusterFailures.unusable(cluster, "A second HSM needs an ACTIVE cluster");
                })
                .orElseGet(() -> ClusterFailures.notFound(input.clusterId()));
    }

    private Outcome add(Cluster cluster, Input input, Optional<Resource> awaited) {
        var hsms = Clusters.hsms(cluster);
        var active = hsms.stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .sorted(Comparator.comparingInt(hsm -> position(input, hsm)))
                .toList();
        if (active.isEmpty()) return firstIsGone(cluster, hsms);
        var first = active.getFirst();
        var second = active.stream()
                .filter(hsm -> !hsm.availabilityZone().equals(first.availabilityZone()))
                .findFirst();
        if (second.isPresent()) return done(second.get());
        // Another one in the first HSM's zone does not help, except that a DEGRADED one there has to go as well.
        var others = hsms.stream()
                .filter(hsm -> hsm.state() != HsmState.ACTIVE)
                .filter(hsm -> hsm.state() == HsmState.DEGRADED
                        || !hsm.availabilityZone().equals(first.availabilityZone()))
                .toList();
        var zones = input.zones().stream()
                .filter(zone -> !zone.equals(first.availabilityZone()))
                .toList();
        return new HsmCreation(cloudHsm, cluster, zones, awaited).next(others);
    }

    /** The first HSM's zone comes first; those that the request does not name come last. */
    private static int position(Input input, Hsm hsm) {
        if (hsm.availabilityZone().equals(input.firstZone())) return -1;
        var position = input.zones().indexOf(hsm.availabilityZone());
        return position < 0 ? input.zones().size() : position;
    }

    private static Outcome done(Hsm hsm) {
        return new Outcome.Done(new Output(hsm.availabilityZone(), hsm.hsmId(), hsm.eniId()));
    }

    private static Outcome firstIsGone(Cluster cluster, List<Hsm> hsms) {
        var seen = hsms.stream()
                .map(hsm -> hsm.hsmId() + " (" + hsm.availabilityZone() + ") " + hsm.stateAsString())
                .toList();
        return new Outcome.Failed(
                "FIRST_HSM_GONE",
                "Cluster " + cluster.clusterId() + " is " + cluster.stateAsString() + " but has no ACTIVE HSM; it has "
                        + (seen.isEmpty() ? "none at all" : seen) + ". Somebody deleted the first one, or AWS is"
                        + " replacing it. Nothing was changed. Next: start a new execution; it creates the first HSM"
                        + " again from the newest backup.");
    }
}
