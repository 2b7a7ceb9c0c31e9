package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/**
 * Sees to it that an ACTIVE cluster has the wanted number of ACTIVE HSMs, in two zones at least, as KMS needs them:
 * deletes DEGRADED ones and asks for all that are missing, one after the other where AWS refuses to make several at once.
 * CloudHSM builds the first HSM of a cluster that has none from the newest backup, with the users and keys of that time.
 * HSMs are waited for by id, because a zone may have several.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/add-hsm.html">Add an HSM</a>
 */
public final class CreateHsms extends StageHandler<CreateHsms.Input> {
    /** A KMS key store needs ACTIVE HSMs in two zones. */
    private static final int FEWEST_ZONES = 2;

    /** Each HSM has a second try. */
    private static final int TRIES = 2;

    /**
     * The first run has the first three only.
     *
     * @param zones where HSMs may be, in the order to try
     * @param count how many HSMs are to be ACTIVE: 2 at least
     * @param notShown those that this stage has created and DescribeClusters has not shown yet
     * @param degradedIn the zone of each HSM that turned DEGRADED since this stage began
     * @param created how many this stage has created so far
     * @param deleted how many DEGRADED ones it has deleted so far
     */
    public record Input(
            String clusterId,
            List<String> zones,
            int count,
            @JsonSetter(nulls = Nulls.AS_EMPTY) List<NewHsm> notShown,
            @JsonSetter(nulls = Nulls.AS_EMPTY) List<String> degradedIn,
            int created,
            int deleted) {
        public Input {
            if (count < FEWEST_ZONES) {
                throw new IllegalArgumentException("count must be at least " + FEWEST_ZONES + ", not " + count);
            }
            zones = List.copyOf(zones);
            notShown = List.copyOf(notShown);
            degradedIn = List.copyOf(degradedIn);
        }

        /** The input of a first run. */
        public Input(String clusterId, List<String> zones, int count) {
            this(clusterId, zones, count, List.of(), List.of(), 0, 0);
        }

        private Input afterLook(Cluster cluster) {
            var unseen = notShown.stream()
                    .filter(hsm -> cluster.hsms().stream()
                            .noneMatch(shown -> shown.hsmId().equals(hsm.hsmId())))
                    .toList();
            return new Input(clusterId, zones, count, unseen, degradedIn, created, deleted);
        }

        private Input afterCreation(Hsm hsm) {
            var unseen = Stream.concat(notShown.stream(), Stream.of(new NewHsm(hsm.hsmId(), hsm.availabilityZone())))
                    .toList();
            return new Input(clusterId, zones, count, unseen, degradedIn, created + 1, deleted);
        }

        private Input afterDeletion(List<Hsm> degraded, boolean ours) {
            var failures = ours ? degraded.stream().map(Hsm::availabilityZone) : Stream.<String>empty();
            return new Input(
                    clusterId,
                    zones,
                    count,
                    notShown,
                    Stream.concat(degradedIn.stream(), failures).toList(),
                    created,
                    deleted + degraded.size());
        }
    }

    /** An HSM that AWS has begun to make. */
    public record NewHsm(String hsmId, String availabilityZone) {
        private Hsm asShown() {
            return Hsm.builder()
                    .hsmId(hsmId)
                    .availabilityZone(availabilityZone)
                    .state(HsmState.CREATE_IN_PROGRESS)
                    .build();
        }
    }

    /** @param eniId stays when AWS replaces the HSM under a new id */
    public record ActiveHsm(String hsmId, String eniId, String availabilityZone) {}

    /**
     * @param hsms every ACTIVE one: the first of each zone, in the order of the zones, then the others, so that the first
     *     two are in two zones
     * @param created how many HSMs were created for that
     * @param deleted how many DEGRADED HSMs were deleted
     */
    public record Output(List<ActiveHsm> hsms, int created, int deleted) {
        public Output {
            hsms = List.copyOf(hsms);
        }
    }

    private final CloudHsmV2Client cloudHsm;
    private final Clusters clusters;

    /** Called by Lambda, once per execution environment. */
    public CreateHsms() {
        this(Aws.cloudHsm(), StageRuntime.ofFunction());
    }

    public CreateHsms(CloudHsmV2Client cloudHsm, StageRuntime runtime) {
        super(Input.class, runtime);
        this.cloudHsm = cloudHsm;
        this.clusters = new Clusters(cloudHsm);
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        return clusters.find(input.clusterId())
                .map(cluster -> switch (cluster.state()) {
                    case ACTIVE, UPDATE_IN_PROGRESS, MODIFY_IN_PROGRESS, ROLLBACK_IN_PROGRESS ->
                        complete(cluster, input.afterLook(cluster), awaited);
                    case CREATE_IN_PROGRESS,
                            UNINITIALIZED,
                            INITIALIZE_IN_PROGRESS,
                            INITIALIZED,
                            DEGRADED,
                            DELETE_IN_PROGRESS,
                            DELETED,
                            UNKNOWN_TO_SDK_VERSION ->
                        ClusterFailures.unusable(cluster, "Further HSMs need an ACTIVE cluster");
                })
                .orElseGet(() -> ClusterFailures.notFound(input.clusterId()));
    }

    private Outcome complete(Cluster cluster, Input input, Optional<Resource> awaited) {
        var creation = new HsmCreation(cloudHsm, cluster, input.zones(), awaited, this::settle);
        var hsms = Stream.concat(
                        Clusters.hsms(cluster).stream(),
                        input.notShown().stream().map(NewHsm::asShown))
                .toList();
        var unknown = in(HsmState.UNKNOWN_TO_SDK_VERSION, hsms);
        if (!unknown.isEmpty()) return creation.unexpected(unknown.getFirst());
        var degraded = in(HsmState.DEGRADED, hsms);
        if (!degraded.isEmpty()) {
            degraded.forEach(creation::delete);
            return waitForDeletion(degraded.getFirst(), input.afterDeletion(degraded, awaited.isPresent()));
        }
        var active = in(HsmState.ACTIVE, hsms);
        return isEnough(active, input) ? done(active, input) : create(creation, hsms, input);
    }

    /** Asks for what is missing until nothing is, or AWS refuses. While something is on its way, that is waited for. */
    private static Outcome create(HsmCreation creation, List<Hsm> hsms, Input input) {
        var active = in(HsmState.ACTIVE, hsms);
        var onTheirWay = in(HsmState.CREATE_IN_PROGRESS, hsms);
        var present = Stream.concat(active.stream(), onTheirWay.stream()).toList();
        // The first HSM of a cluster that has none comes from the backup, the others are its copies.
        var mustWait = active.isEmpty() && !onTheirWay.isEmpty();
        if (isEnough(present, input) || mustWait) return waitForCreation(onTheirWay.getFirst(), input);
        // One more than wanted where one is on its way out, or where all share a zone.
        if (hsms.size() > input.count()) return full(hsms, onTheirWay, input);
        if (input.created() >= TRIES * input.count()) return unlessOnItsWay(onTheirWay, input, notCompleted(input));
        try {
            return switch (creation.ask(
                    zonesToTry(creation.zones(), present, input.degradedIn()), !onTheirWay.isEmpty())) {
                case HsmCreation.Answer.Begun(var hsm) ->
                    create(
                            creation,
                            Stream.concat(hsms.stream(), Stream.of(hsm)).toList(),
                            input.afterCreation(hsm));
                case HsmCreation.Answer.Refused(var end) -> unlessOnItsWay(onTheirWay, input, end);
            };
        } catch (CloudHsmInvalidRequestException refused) {
            // Perhaps because of the one on its way: AWS does not say whether it makes two at once.
            if (onTheirWay.isEmpty()) throw refused;
            return waitForCreation(onTheirWay.getFirst(), input);
        } catch (SdkException failure) {
            // A failure would forget what this stage has created and DescribeClusters does not show yet.
            if (input.notShown().isEmpty()) throw failure;
            return waitForCreation(onTheirWay.getFirst(), input);
        }
    }

    private static Outcome unlessOnItsWay(List<Hsm> onTheirWay, Input input, Outcome.Failed end) {
        return onTheirWay.isEmpty() ? end : waitForCreation(onTheirWay.getFirst(), input);
    }

    private static Outcome full(List<Hsm> hsms, List<Hsm> onTheirWay, Input input) {
        if (!onTheirWay.isEmpty()) return waitForCreation(onTheirWay.getFirst(), input);
        var leaving = in(HsmState.DELETE_IN_PROGRESS, hsms);
        return leaving.isEmpty() ? tooMany(hsms, input) : waitForDeletion(leaving.getFirst(), input);
    }

    /**
     * Those in which an HSM turned DEGRADED last, else the one with the fewest HSMs first. Where all HSMs share a zone,
     * another one there would bill and KMS would still lack the second zone, so it is left out.
     */
    private static List<String> zonesToTry(List<String> zones, List<Hsm> present, List<String> degradedIn) {
        var taken = present.stream().map(Hsm::availabilityZone).toList();
        var only = Set.copyOf(taken).size() == 1 ? Set.copyOf(taken) : Set.<String>of();
        return zones.stream()
                .filter(zone -> !only.contains(zone))
                .sorted(Comparator.comparing((String zone) -> degradedIn.contains(zone))
                        .thenComparingInt(zone -> Collections.frequency(taken, zone))
                        .thenComparingInt(zone -> Collections.frequency(degradedIn, zone)))
                .toList();
    }

    private static boolean isEnough(List<Hsm> hsms, Input input) {
        return hsms.size() >= input.count()
                && hsms.stream().map(Hsm::availabilityZone).distinct().count() >= FEWEST_ZONES;
    }

    private static List<Hsm> in(HsmState state, List<Hsm> hsms) {
        return hsms.stream().filter(hsm -> hsm.state() == state).toList();
    }

    /** While DescribeClusters has not shown it, its absence says nothing; later, that AWS has replaced it. */
    private static Outcome waitForCreation(Hsm hsm, Input input) {
        var inProgress = HsmState.CREATE_IN_PROGRESS.toString();
        var isShown = input.notShown().stream().noneMatch(other -> other.hsmId().equals(hsm.hsmId()));
        return new Outcome.Waiting(
                        Resource.oneHsm(input.clusterId(), hsm.hsmId()),
                        isShown ? Set.of(inProgress) : Set.of(inProgress, Resource.ABSENT),
                        HsmCreation.CREATION_BUDGET)
                .then(input);
    }

    private static Outcome waitForDeletion(Hsm hsm, Input input) {
        return new Outcome.Waiting(
                        Resource.oneHsm(input.clusterId(), hsm.hsmId()),
                        Set.of(HsmState.DEGRADED.toString(), HsmState.DELETE_IN_PROGRESS.toString()),
                        HsmCreation.DELETION_BUDGET)
                .then(input);
    }

    private static Outcome done(List<Hsm> active, Input input) {
        var inOrder = active.stream()
                .sorted(Comparator.comparingInt(hsm -> position(input.zones(), hsm)))
                .toList();
        var hsms = inOrder.stream()
                .sorted(Comparator.comparingLong(hsm -> before(hsm, inOrder)))
                .map(hsm -> new ActiveHsm(hsm.hsmId(), hsm.eniId(), hsm.availabilityZone()))
                .toList();
        return new Outcome.Done(new Output(hsms, input.created(), input.deleted()));
    }

    /** HSMs in zones that the request does not name come last. */
    private static int position(List<String> zones, Hsm hsm) {
        var position = zones.indexOf(hsm.availabilityZone());
        return position < 0 ? zones.size() : position;
    }

    /** How many of its zone come before it. */
    private static long before(Hsm hsm, List<Hsm> inOrder) {
        return inOrder.stream()
                .takeWhile(other -> !other.hsmId().equals(hsm.hsmId()))
                .filter(other -> other.availabilityZone().equals(hsm.availabilityZone()))
                .count();
    }

    private static Outcome tooMany(List<Hsm> hsms, Input input) {
        var seen = hsms.stream()
                .map(hsm -> hsm.hsmId() + " (" + hsm.availabilityZone() + ") " + hsm.stateAsString())
                .toList();
        return new Outcome.Failed(
                "TOO_MANY_HSMS",
                "Cluster " + input.clusterId() + " has " + seen + ", which are enough to bill and yet not in two zones."
                        + " No further HSM was created. Next: delete one of those that share a zone, then start a new"
                        + " execution.");
    }

    private static Outcome.Failed notCompleted(Input input) {
        return new Outcome.Failed(
                "HSM_DEGRADED",
                "Cluster " + input.clusterId() + " still has no " + input.count() + " ACTIVE HSMs in two or more of the"
                        + " zones " + input.zones() + " after " + input.created() + " were created; " + input.deleted()
                        + " turned DEGRADED and were deleted. Next: look at the AWS Health Dashboard for CloudHSM in"
                        + " these zones, and for free addresses in the cluster's subnets, then start a new execution;"
                        + " to leave these subnets, " + ClusterFailures.ELSEWHERE + ".");
    }
}
