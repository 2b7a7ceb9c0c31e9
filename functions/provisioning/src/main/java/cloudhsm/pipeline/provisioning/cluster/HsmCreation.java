package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.Settled;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmResourceNotFoundException;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmV2Exception;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/**
 * Creates one HSM in one of several zones. An HSM whose creation fails turns DEGRADED, never recovers and may bill, so
 * it is deleted, and the next zone is tried. The one HSM of a cluster is waited for by zone, because AWS may replace it
 * under a new id.
 */
final class HsmCreation {
    /** From CreateHsm to ACTIVE: 10 to 20 minutes are usual. */
    static final Duration CREATION_BUDGET = Duration.ofMinutes(30);

    /** From DeleteHsm to its absence. */
    static final Duration DELETION_BUDGET = Duration.ofMinutes(20);

    /** What bills in vain comes first; a state that is not expected here comes before all. */
    private static final List<HsmState> HANDLED_FIRST =
            List.of(HsmState.DEGRADED, HsmState.CREATE_IN_PROGRESS, HsmState.DELETE_IN_PROGRESS);

    private final CloudHsmV2Client cloudHsm;
    private final Cluster cluster;
    private final List<String> zones;
    private final Optional<Resource> awaited;
    private final BiConsumer<Question, String> settle;

    /**
     * @param zones where the HSM may be, in the order to try
     * @param awaited what the stage waited for in the run before this one
     * @param settle takes what CreateHsm answers to open questions
     */
    HsmCreation(
            CloudHsmV2Client cloudHsm,
            Cluster cluster,
            List<String> zones,
            Optional<Resource> awaited,
            BiConsumer<Question, String> settle) {
        this.cloudHsm = cloudHsm;
        this.cluster = cluster;
        this.zones = offered(cluster, zones);
        this.awaited = awaited;
        this.settle = settle;
    }

    /** HSMs can only be in zones in which the cluster has a subnet, whatever an adopted cluster was asked for. */
    private static List<String> offered(Cluster cluster, List<String> zones) {
        return zones.stream().filter(cluster.subnetMapping()::containsKey).toList();
    }

    /**
     * The next step towards an ACTIVE HSM.
     *
     * @param hsms those that the cluster has and that are not ACTIVE
     */
    Outcome next(List<Hsm> hsms) {
        return hsms.stream()
                .min(Comparator.comparingInt(hsm -> HANDLED_FIRST.indexOf(hsm.state())))
                .map(this::next)
                .orElseGet(this::create);
    }

    private Outcome next(Hsm hsm) {
        return switch (hsm.state()) {
            case DEGRADED -> replace(hsm);
            case CREATE_IN_PROGRESS -> waitForCreation(hsm.availabilityZone());
            case DELETE_IN_PROGRESS -> waitForDeletion(hsm);
            case ACTIVE, DELETED, UNKNOWN_TO_SDK_VERSION -> unexpected(hsm);
        };
    }

    /** Asks for the deletion; an HSM that has gone already is as well. */
    void delete(Hsm hsm) {
        try {
            cloudHsm.deleteHsm(request -> request.clusterId(cluster.clusterId()).hsmId(hsm.hsmId()));
        } catch (CloudHsmResourceNotFoundException gone) {
            // That is what was wanted.
        }
    }

    /** Creates an HSM in the zone behind the one that was waited for last, or behind those that AWS refuses. */
    private Outcome create() {
        return switch (ask(zonesToTry(), false)) {
            case Answer.Begun begun -> waitForCreation(begun.hsm().availabilityZone());
            case Answer.Refused refused -> refused.end();
        };
    }

    /** What came of asking for one HSM. */
    sealed interface Answer {
        /** It is on its way. */
        record Begun(Hsm hsm) implements Answer {}

        /** There is none for a reason of its own name. */
        record Refused(Outcome.Failed end) implements Answer {}
    }

    /**
     * Asks for one HSM, in the first of the zones that has room.
     *
     * @param toTry in this order, of {@link #zones()}
     * @param another whether another HSM of the cluster is on its way
     * @throws CloudHsmV2Exception where AWS refuses for another reason than room, quota and an HSM not seen yet
     */
    Answer ask(List<String> toTry, boolean another) {
        if (toTry.isEmpty()) return new Answer.Refused(noZone());
        var refusals = new ArrayList<String>();
        for (var zone : toTry) {
            try {
                var hsm = cloudHsm.createHsm(request ->
                                request.clusterId(cluster.clusterId()).availabilityZone(zone))
                        .hsm();
                if (another) settle.accept(Question.CREATE_HSM_WHILE_ANOTHER_IS_CREATED, "accepted");
                return new Answer.Begun(hsm);
            } catch (CloudHsmV2Exception refused) {
                // DescribeClusters may lag behind: an earlier CreateHsm took effect, and AWS refuses a second HSM.
                if (refused.getMessage().contains("already contains an HSM")) return new Answer.Refused(notSeenYet());
                settle(refused, another);
                if (isQuota(refused)) return new Answer.Refused(quotaReached(refused));
                if (!speaksOf("capacity", refused)) throw refused;
                refusals.add(zone + ": \"" + refused.awsErrorDetails().errorMessage() + "\"");
            }
        }
        return new Answer.Refused(noCapacity(refusals));
    }

    private void settle(CloudHsmV2Exception refused, boolean another) {
        if (Aws.mayPass(refused)) return;
        var room = isQuota(refused) || speaksOf("capacity", refused);
        settle.accept(
                another && !room ? Question.CREATE_HSM_WHILE_ANOTHER_IS_CREATED : Question.CREATE_HSM_REFUSED,
                Settled.refused(refused));
    }

    private static boolean isQuota(CloudHsmV2Exception refused) {
        return speaksOf("limit", refused) || speaksOf("quota", refused);
    }

    /** Where the HSM may be: the zones asked for in which the cluster has a subnet. */
    List<String> zones() {
        return zones;
    }

    /** Each once, from the one behind that whose HSM was waited for; from the first when there was none. */
    private List<String> zonesToTry() {
        int first = awaitedZone().map(zones::indexOf).orElse(-1) + 1;
        return IntStream.range(first, first + zones.size())
                .mapToObj(number -> zones.get(number % zones.size()))
                .toList();
    }

    /** AWS documents no errors of their own for a full zone and a reached quota, so its words decide. */
    private static boolean speaksOf(String word, CloudHsmV2Exception refused) {
        return refused.statusCode() < 500
                && refused.awsErrorDetails()
                        .errorMessage()
                        .toLowerCase(Locale.ROOT)
                        .contains(word);
    }

    private Optional<String> awaitedZone() {
        return awaited.filter(resource -> resource.type() == Resource.Type.HSM).map(Resource::child);
    }

    /**
     * Deletes the DEGRADED HSM. One that this stage has waited for in the last zone ends the stage; one that an earlier
     * execution left behind does not, so every zone is tried once.
     */
    private Outcome replace(Hsm hsm) {
        delete(hsm);
        var ours = awaitedZone().equals(Optional.of(hsm.availabilityZone()));
        var last = zones.isEmpty() || zones.getLast().equals(hsm.availabilityZone());
        return ours && last ? degraded(hsm) : waitForDeletion(hsm);
    }

    private Outcome waitForCreation(String zone) {
        return new Outcome.Waiting(
                Resource.hsm(cluster.clusterId(), zone),
                Set.of(HsmState.CREATE_IN_PROGRESS.toString(), Resource.ABSENT),
                CREATION_BUDGET);
    }

    private Outcome waitForDeletion(Hsm hsm) {
        return new Outcome.Waiting(
                Resource.hsm(cluster.clusterId(), hsm.availabilityZone()),
                Set.of(HsmState.DEGRADED.toString(), HsmState.DELETE_IN_PROGRESS.toString()),
                DELETION_BUDGET);
    }

    private Outcome degraded(Hsm hsm) {
        return new Outcome.Failed(
                "HSM_DEGRADED",
                "HSM " + hsm.hsmId() + " (" + hsm.availabilityZone() + ") of cluster " + cluster.clusterId()
                        + " turned DEGRADED after CreateHsm, and so did any HSM in the zones tried before, of " + zones
                        + "." + Clusters.awsSays(hsm.stateMessage())
                        + " It never recovers; its deletion was requested. Next: wait until it has gone, then start a"
                        + " new execution; it tries the zones again.");
    }

    Outcome unexpected(Hsm hsm) {
        return new Outcome.Failed(
                "HSM_STATE_UNEXPECTED",
                "HSM " + hsm.hsmId() + " (" + hsm.availabilityZone() + ") of cluster " + cluster.clusterId()
                        + " is in the state " + hsm.stateAsString() + ", in which nothing can be done with it."
                        + Clusters.awsSays(hsm.stateMessage())
                        + " Nothing was changed. Next: look at the HSM in the console, then start a new execution; if"
                        + " AWS has given HSMs a new state, update the pipeline.");
    }

    private Outcome.Failed notSeenYet() {
        return new Outcome.Failed(
                StageHandler.TRANSIENT,
                "Cluster " + cluster.clusterId() + " has an HSM that DescribeClusters does not show yet. No second"
                        + " one was created. Next: look again a little later.");
    }

    private Outcome.Failed noCapacity(List<String> refusals) {
        return new Outcome.Failed(
                "NO_HSM_CAPACITY",
                "AWS has no room for another HSM of cluster " + cluster.clusterId() + " in any zone that was left to"
                        + " try. AWS says in " + String.join("; in ", refusals) + ". Nothing was created. Next: start a"
                        + " new execution later; or ask AWS Support when there will be room. A cluster cannot be given"
                        + " other zones; to leave these, " + elsewhere() + ".");
    }

    /** A cluster without an initialized HSM has no backup, and nothing that depends on it. */
    private String elsewhere() {
        return cluster.state() == ClusterState.UNINITIALIZED
                ? "delete the cluster, which holds nothing yet, and start a new execution with two or more other"
                        + " subnets in network.subnetIds"
                : ClusterFailures.ELSEWHERE;
    }

    private Outcome.Failed quotaReached(CloudHsmV2Exception refused) {
        return new Outcome.Failed(
                "HSM_QUOTA_REACHED",
                "The account has as many HSMs in this Region as its quota allows, so cluster " + cluster.clusterId()
                        + " gets no other. AWS says: \""
                        + refused.awsErrorDetails().errorMessage() + "\" Nothing was"
                        + " created. Next: delete HSMs of other clusters that nobody needs, or have Service Quotas"
                        + " raise the HSMs of CloudHSM in this Region; then start a provisioning execution with the"
                        + " deployment's name.");
    }

    private Outcome.Failed noZone() {
        return new Outcome.Failed(
                "NO_ZONE_FOR_HSM",
                "Cluster " + cluster.clusterId() + " has subnets in "
                        + cluster.subnetMapping().keySet().stream().sorted().toList()
                        + " only, and none of these zones is among those that the request leaves for this HSM. Nothing"
                        + " was changed. Next: ask for the cluster's own subnets, or choose another deployment name.");
    }
}
