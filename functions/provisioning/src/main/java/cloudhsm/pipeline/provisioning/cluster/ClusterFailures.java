package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.stage.Outcome;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;

/** Ends of stages that several of them share. */
public final class ClusterFailures {
    private static final String NEXT =
            "Next: start a provisioning execution with the deployment's name: it makes another cluster, from the newest"
                    + " backup of this one where the deployment has a key store.";

    /** How a deployment leaves subnets and zones in which its cluster can be given no HSM. Ends without a full stop. */
    public static final String ELSEWHERE =
            "pause the deployment, which deletes its HSMs and names the newest backup, and start a provisioning"
                    + " execution with \"recovery\": {\"backupId\": \"<that backup>\"} and two or more other subnets in"
                    + " network.subnetIds: it makes another cluster there from the backup, behind the same key store";

    private ClusterFailures() {}

    /** Named as KMS names it in a ConnectionErrorCode: to every part of the pipeline the cluster is not there. */
    public static Outcome.Failed notFound(String clusterId) {
        return new Outcome.Failed(
                "CLUSTER_NOT_FOUND",
                "Cluster " + clusterId
                        + " does not exist any more: somebody deleted it while the pipeline worked on it."
                        + " Nothing was changed. " + NEXT);
    }

    /** @param needed what the stage needs, for example "CreateHsm needs an ACTIVE cluster" */
    static Outcome.Failed unusable(Cluster cluster, String needed) {
        return switch (cluster.state()) {
            case DEGRADED ->
                new Outcome.Failed(
                        "CLUSTER_DEGRADED",
                        describe(cluster) + " " + needed
                                + ". Nothing was changed. Next: open a case with AWS Support, or"
                                + " run the teardown and start a new execution.");
            case DELETE_IN_PROGRESS, DELETED ->
                new Outcome.Failed(
                        "CLUSTER_DELETED",
                        describe(cluster)
                                + " Somebody deleted it while the pipeline worked on it. Nothing was changed. " + NEXT);
            case CREATE_IN_PROGRESS,
                    UNINITIALIZED,
                    INITIALIZE_IN_PROGRESS,
                    INITIALIZED,
                    ACTIVE,
                    UPDATE_IN_PROGRESS,
                    MODIFY_IN_PROGRESS,
                    ROLLBACK_IN_PROGRESS,
                    UNKNOWN_TO_SDK_VERSION ->
                new Outcome.Failed(
                        "CLUSTER_STATE_UNEXPECTED",
                        describe(cluster) + " " + needed + ". Nothing was changed. Next: look at the cluster in the"
                                + " console, then start a new execution; it continues from there.");
        };
    }

    private static String describe(Cluster cluster) {
        return "Cluster " + cluster.clusterId() + " is " + cluster.stateAsString() + "."
                + Clusters.awsSays(cluster.stateMessage());
    }
}
