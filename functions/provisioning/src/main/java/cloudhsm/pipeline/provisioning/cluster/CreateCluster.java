package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.BackupRetentionType;
import software.amazon.awssdk.services.cloudhsmv2.model.Certificates;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;

/**
 * Creates the deployment's cluster, without HSMs, unless the deployment's record names one; in the place of one that is gone
 * or can be given no HSMs, from a backup of it. CreateCluster has no client token, so the cluster carries the value of the
 * record's intent until the record has its id.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/create-cluster.html">Create a cluster</a>
 */
public final class CreateCluster extends StageHandler<CreateCluster.Input> {
    /**
     * @param mode FIPS or NON_FIPS; it cannot be changed later
     * @param sourceBackupId the backup that the cluster is to be made from; "" for the cluster that is there, or a new one
     * @param subnetIds of one VPC, at most one in a zone; HSMs can be created in their zones only
     */
    public record Input(
            String deployment,
            String hsmType,
            String mode,
            String sourceBackupId,
            int backupRetentionDays,
            List<String> subnetIds) {
        public Input {
            subnetIds = List.copyOf(subnetIds);
        }
    }

    /**
     * @param securityGroupId made by CloudHSM; whoever is to reach the HSMs must be in it
     * @param sourceBackupId the backup that it was made from, or ""
     */
    public record Output(String clusterId, String securityGroupId, String vpcId, String sourceBackupId) {}

    private final CloudHsmV2Client cloudHsm;
    private final Deployments deployments;
    private final Clusters clusters;

    /** Called by Lambda, once per execution environment. */
    public CreateCluster() {
        this(Aws.cloudHsm(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    CreateCluster(CloudHsmV2Client cloudHsm, Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.cloudHsm = cloudHsm;
        this.deployments = deployments;
        this.clusters = new Clusters(cloudHsm);
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        if (awaited.isPresent()) {
            // Found by id, and never created again: a stale answer without the cluster must not buy a second one.
            var clusterId = awaited.get().id();
            return clusters.find(clusterId)
                    .map(cluster -> settled(input, cluster))
                    .map(cluster -> outcome(input, cluster))
                    .orElseGet(() -> ClusterFailures.notFound(clusterId));
        }
        var record = deployments.find(input.deployment()).orElseThrow();
        return ownCluster(input, record)
                .map(cluster -> outcome(input, cluster))
                .orElseGet(() -> waitFor(create(input, record)));
    }

    /** Where one is to be made from a backup, any other is a former one. */
    private Optional<Cluster> ownCluster(Input input, Deployment record) {
        var own = Clusters.ofDeployment(record, clusters.all())
                .filter(cluster -> input.sourceBackupId().isEmpty()
                        || input.sourceBackupId().equals(cluster.sourceBackupId()));
        own.filter(cluster -> !record.hasCluster(cluster.clusterId()))
                .ifPresent(cluster -> Clusters.remember(deployments, record, cluster));
        return own;
    }

    private Cluster create(Input input, Deployment record) {
        var intent = deployments.intend(input.deployment(), Made.CLUSTER);
        var cluster = cloudHsm.createCluster(request -> request.hsmType(input.hsmType())
                        .mode(input.mode())
                        .sourceBackupId(input.sourceBackupId().isEmpty() ? null : input.sourceBackupId())
                        .backupRetentionPolicy(policy -> policy.type(BackupRetentionType.DAYS)
                                .value(Integer.toString(input.backupRetentionDays())))
                        .subnetIds(input.subnetIds())
                        .tagList(
                                Tag.builder()
                                        .key(Clusters.DEPLOYMENT_TAG)
                                        .value(input.deployment())
                                        .build(),
                                Tag.builder()
                                        .key(Deployments.INTENT_TAG)
                                        .value(intent)
                                        .build(),
                                Tag.builder()
                                        .key("Name")
                                        .value("cloudhsm-" + input.deployment())
                                        .build()))
                .cluster();
        Clusters.remember(deployments, record, cluster);
        return cluster;
    }

    private Cluster settled(Input input, Cluster cluster) {
        settle(
                Question.TAGS_OF_A_NEW_RESOURCE,
                Clusters.isTagged(cluster.tagList(), Clusters.DEPLOYMENT_TAG, input.deployment())
                        ? "cluster: shown once it is " + cluster.stateAsString()
                        : "cluster: not shown when it is " + cluster.stateAsString());
        if (cluster.sourceBackupId() != null && cluster.hsms().isEmpty()) {
            var certificate = Optional.ofNullable(cluster.certificates()).map(Certificates::clusterCertificate);
            settle(
                    Question.CLUSTER_FROM_A_BACKUP,
                    cluster.stateAsString() + (certificate.isPresent() ? ", shows" : ", does not show")
                            + " the cluster's certificate");
        }
        return cluster;
    }

    private static Outcome outcome(Input input, Cluster cluster) {
        if (!input.mode().equals(cluster.modeAsString()) || !input.hsmType().equals(cluster.hsmType())) {
            return differs(input, cluster);
        }
        return switch (cluster.state()) {
            case CREATE_IN_PROGRESS -> waitFor(cluster);
            // One from a backup comes up ACTIVE; whoever initializes another one waits for it himself.
            case INITIALIZE_IN_PROGRESS -> cluster.sourceBackupId() == null ? created(cluster) : waitFor(cluster);
            case UNINITIALIZED, INITIALIZED, ACTIVE, UPDATE_IN_PROGRESS, MODIFY_IN_PROGRESS, ROLLBACK_IN_PROGRESS ->
                created(cluster);
            case DEGRADED, DELETE_IN_PROGRESS, DELETED, UNKNOWN_TO_SDK_VERSION ->
                ClusterFailures.unusable(cluster, "The pipeline needs a working cluster");
        };
    }

    private static Outcome created(Cluster cluster) {
        if (cluster.securityGroup() == null || cluster.securityGroup().isBlank()) {
            return new Outcome.Failed(
                    TRANSIENT,
                    "Cluster " + cluster.clusterId() + " is " + cluster.stateAsString()
                            + ", but DescribeClusters does not show its security group yet. Nothing was changed."
                            + " Next: look again a little later.");
        }
        return new Outcome.Done(new Output(
                cluster.clusterId(),
                cluster.securityGroup(),
                cluster.vpcId(),
                Objects.requireNonNullElse(cluster.sourceBackupId(), "")));
    }

    private static Outcome waitFor(Cluster cluster) {
        return new Outcome.Waiting(
                Resource.cluster(cluster.clusterId()),
                Set.of(
                        ClusterState.CREATE_IN_PROGRESS.toString(),
                        ClusterState.INITIALIZE_IN_PROGRESS.toString(),
                        Resource.ABSENT),
                Clusters.CREATION_BUDGET);
    }

    private static Outcome differs(Input input, Cluster cluster) {
        return new Outcome.Failed(
                "CLUSTER_DIFFERS",
                "Cluster " + cluster.clusterId() + " of the deployment \"" + input.deployment() + "\" is "
                        + cluster.hsmType() + " in mode " + cluster.modeAsString() + ", but the request asks for "
                        + input.hsmType() + " in mode " + input.mode() + ", and neither can be changed. Nothing was"
                        + " changed. Next: ask for what is there, or choose another deployment name.");
    }
}
