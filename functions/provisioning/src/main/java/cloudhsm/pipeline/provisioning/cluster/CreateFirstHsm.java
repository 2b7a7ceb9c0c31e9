package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/**
 * Creates the one HSM that a cluster may have before it is activated, and waits for the CSR that this HSM makes. In an
 * ACTIVE cluster the HSMs are {@link CreateHsms}'s.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/create-hsm.html">Create an HSM</a>
 */
public final class CreateFirstHsm extends StageHandler<CreateFirstHsm.Input> {
    /** @param zones where the HSM may be, in the order to try */
    public record Input(String clusterId, List<String> zones) {
        public Input {
            zones = List.copyOf(zones);
        }
    }

    /** @param activated whether the cluster has been activated, long ago */
    public record Output(boolean activated) {}

    private final CloudHsmV2Client cloudHsm;
    private final Clusters clusters;

    /** Called by Lambda, once per execution environment. */
    public CreateFirstHsm() {
        this(Aws.cloudHsm(), StageRuntime.ofFunction());
    }

    public CreateFirstHsm(CloudHsmV2Client cloudHsm, StageRuntime runtime) {
        super(Input.class, runtime);
        this.cloudHsm = cloudHsm;
        this.clusters = new Clusters(cloudHsm);
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        return clusters.find(input.clusterId())
                .map(cluster -> switch (cluster.state()) {
                    case UNINITIALIZED -> beforeInitialization(cluster, input, awaited);
                    case INITIALIZE_IN_PROGRESS, INITIALIZED ->
                        active(cluster)
                                .<Outcome>map(hsm -> new Outcome.Done(new Output(false)))
                                .orElseGet(
                                        () -> creation(cluster, input, awaited).next(Clusters.hsms(cluster)));
                    case ACTIVE, UPDATE_IN_PROGRESS, MODIFY_IN_PROGRESS, ROLLBACK_IN_PROGRESS ->
                        new Outcome.Done(new Output(true));
                    case CREATE_IN_PROGRESS, DEGRADED, DELETE_IN_PROGRESS, DELETED, UNKNOWN_TO_SDK_VERSION ->
                        ClusterFailures.unusable(cluster, "CreateHsm needs an UNINITIALIZED or ACTIVE cluster");
                })
                .orElseGet(() -> ClusterFailures.notFound(input.clusterId()));
    }

    private Outcome beforeInitialization(Cluster cluster, Input input, Optional<Resource> awaited) {
        var active = active(cluster);
        if (active.isEmpty()) return creation(cluster, input, awaited).next(Clusters.hsms(cluster));
        if (Clusters.csr(cluster).isPresent()) return new Outcome.Done(new Output(false));
        if (Clusters.hsms(cluster).size() > 1) return twoHsms(cluster);
        return new Outcome.Waiting(
                Resource.clusterCsr(cluster.clusterId()), Set.of(Resource.ABSENT), Clusters.CSR_BUDGET);
    }

    private HsmCreation creation(Cluster cluster, Input input, Optional<Resource> awaited) {
        return new HsmCreation(cloudHsm, cluster, input.zones(), awaited, this::settle);
    }

    private static Optional<Hsm> active(Cluster cluster) {
        return Clusters.hsms(cluster).stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .findFirst();
    }

    /** Two CreateHsm at once on a fresh cluster may both be accepted; then no CSR ever appears. */
    private static Outcome twoHsms(Cluster cluster) {
        var ids = Clusters.hsms(cluster).stream().map(Hsm::hsmId).toList();
        return new Outcome.Failed(
                "TWO_HSMS_BEFORE_INITIALIZATION",
                "Cluster " + cluster.clusterId() + " is " + ClusterState.UNINITIALIZED + " and has the HSMs " + ids
                        + ": two CreateHsm calls ran at once, and AWS then never offers a CSR. Nothing was changed;"
                        + " each HSM bills by the hour. Next: delete both HSMs, then the cluster, which nothing depends"
                        + " on yet; then start a new execution, which creates another.");
    }
}
