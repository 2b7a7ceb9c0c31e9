package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupState;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;

/**
 * Deletes the clusters once they have no HSM. Their backups outlive them, and get the deployment's tag before, so that a
 * person sees whose they are when the cluster, which carries it, is gone.
 */
public final class DeleteCluster extends StageHandler<DeleteCluster.Input> {
    // Assumed: cluster-deletion
    private static final Duration BUDGET = Duration.ofMinutes(30);

    public record Input(String deployment, List<String> clusterIds) {
        public Input {
            clusterIds = List.copyOf(clusterIds);
        }
    }

    private final CloudHsmV2Client cloudHsm;
    private final Clusters clusters;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public DeleteCluster() {
        this(Aws.cloudHsm(), StageRuntime.ofFunction());
    }

    DeleteCluster(CloudHsmV2Client cloudHsm, StageRuntime runtime) {
        super(Input.class, runtime);
        this.cloudHsm = cloudHsm;
        this.clusters = new Clusters(cloudHsm);
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        for (var clusterId : input.clusterIds()) {
            var cluster = clusters.listed(clusterId);
            if (cluster.filter(shown -> shown.state() != ClusterState.DELETED).isPresent()) {
                return next(input.deployment(), cluster.get());
            }
            if (awaited.isPresent()) {
                settle(
                        Question.DELETED_STAYS_LISTED,
                        "cluster: " + (cluster.isPresent() ? "listed as DELETED" : "not listed any more"));
            }
        }
        return Removal.done(
                clock.instant(),
                input.clusterIds().stream().map(id -> "cluster " + id).toList());
    }

    private Outcome next(String deployment, Cluster cluster) {
        return switch (cluster.state()) {
            case DELETE_IN_PROGRESS -> waiting(cluster, ClusterState.DELETE_IN_PROGRESS);
            case CREATE_IN_PROGRESS,
                    INITIALIZE_IN_PROGRESS,
                    UPDATE_IN_PROGRESS,
                    MODIFY_IN_PROGRESS,
                    ROLLBACK_IN_PROGRESS -> waiting(cluster, cluster.state());
            case UNINITIALIZED, INITIALIZED, ACTIVE, DEGRADED, DELETED, UNKNOWN_TO_SDK_VERSION ->
                delete(deployment, cluster);
        };
    }

    private Outcome delete(String deployment, Cluster cluster) {
        tagBackups(deployment, cluster.clusterId());
        cloudHsm.deleteCluster(request -> request.clusterId(cluster.clusterId()));
        return new Outcome.Waiting(
                Resource.cluster(cluster.clusterId()),
                Set.of(cluster.stateAsString(), ClusterState.DELETE_IN_PROGRESS.toString()),
                BUDGET);
    }

    private void tagBackups(String deployment, String clusterId) {
        cloudHsm.describeBackupsPaginator(request -> request.filters(Map.of("clusterIds", List.of(clusterId)))).stream()
                .flatMap(page -> page.backups().stream())
                .filter(backup -> backup.backupState() == BackupState.READY)
                .forEach(backup -> cloudHsm.tagResource(request -> request.resourceId(backup.backupId())
                        .tagList(Tag.builder()
                                .key(Clusters.DEPLOYMENT_TAG)
                                .value(deployment)
                                .build())));
    }

    private static Outcome waiting(Cluster cluster, ClusterState state) {
        return new Outcome.Waiting(Resource.cluster(cluster.clusterId()), Set.of(state.toString()), BUDGET);
    }
}
