package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.deployment.DeploymentLock;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.awscore.client.builder.AwsSyncClientBuilder;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.sfn.SfnClient;

/** An embedded AWS for one test, with clients for it, and a way to let a stage wait as the pipeline does. */
public final class EmbeddedAws implements AutoCloseable {
    public static final String ZONE_A = "eu-central-1a";
    public static final String ZONE_B = "eu-central-1b";
    public static final List<String> ZONES = List.of(ZONE_A, ZONE_B);
    public static final String DEPLOYMENT = "demo";

    public final LocalCloud cloud = LocalCloud.start();
    public final CloudHsmV2Client cloudHsm = client(CloudHsmV2Client.builder());

    /** A client that asks once. */
    public <B extends AwsClientBuilder<B, C> & AwsSyncClientBuilder<B, C>, C> C client(B builder) {
        return cloud.client(builder);
    }

    private Deployments deployments;

    /** In the {@link PipelineTable}, with a record of {@link #DEPLOYMENT}. */
    public Deployments deployments() {
        if (deployments == null) {
            deployments = PipelineTable.withRecordOf(DEPLOYMENT, client(DynamoDbClient.builder()), cloud);
        }
        return deployments;
    }

    /** Enough for {@code run}: the clock, and the lock, which is in the {@link PipelineTable}. */
    public StageRuntime runtime() {
        return runtime(cloud.time().clock());
    }

    /** The same by another clock. */
    public StageRuntime runtime(Clock clock) {
        var lock =
                new DeploymentLock(client(DynamoDbClient.builder()), client(SfnClient.builder()), PipelineTable.NAME);
        return new StageRuntime(null, null, lock, null, "stage", "watch", clock);
    }

    public List<String> subnetIds() {
        return cloud.ec2().subnets().stream()
                .filter(subnet -> ZONES.contains(subnet.availabilityZone()))
                .map(Ec2Service.Subnet::subnetId)
                .toList();
    }

    /** Runs the stage again whenever what it waits for has left the pending states, until it has ended. */
    public Outcome runToEnd(Function<Optional<Resource>, Outcome> stage) {
        var outcome = stage.apply(Optional.empty());
        while (outcome instanceof Outcome.Waiting waiting) {
            var deadline = cloud.time().now().plus(waiting.budget());
            while (waiting.whileIn().contains(state(waiting.resource()))) {
                if (cloud.time().now().isAfter(deadline)) throw new AssertionError("took too long: " + waiting);
                cloud.advance(Duration.ofSeconds(15));
            }
            outcome = stage.apply(Optional.of(waiting.resource()));
        }
        return outcome;
    }

    private String state(Resource resource) {
        var clusterId = resource.id().contains("/") ? resource.parent() : resource.id();
        var cluster = find(clusterId);
        return switch (resource.type()) {
            case CLUSTER -> cluster.map(Cluster::stateAsString).orElse(Resource.ABSENT);
            case CLUSTER_CSR ->
                cluster.flatMap(Clusters::csr).map(csr -> Resource.PRESENT).orElse(Resource.ABSENT);
            case HSM, ONE_HSM ->
                cluster.stream()
                        .flatMap(found -> Clusters.hsms(found).stream())
                        .filter(hsm ->
                                Set.of(hsm.hsmId(), hsm.availabilityZone()).contains(resource.child()))
                        .map(Hsm::stateAsString)
                        .findFirst()
                        .orElse(Resource.ABSENT);
            case CLIENT, COMMAND, KEY_STORE, KEY, INSTANCE, OBJECT ->
                throw new IllegalArgumentException(resource.toString());
        };
    }

    public Optional<Cluster> find(String clusterId) {
        return new Clusters(cloudHsm).find(clusterId);
    }

    public Cluster cluster(String clusterId) {
        return find(clusterId).orElseThrow();
    }

    /** A cluster in UNINITIALIZED, made by the stage. */
    public String givenCluster() {
        var stage = new CreateCluster(cloudHsm, deployments(), runtime());
        return ((CreateCluster.Output)
                        ((Outcome.Done) runToEnd(awaited -> stage.run(clusterInput(), awaited))).output())
                .clusterId();
    }

    public CreateCluster.Input clusterInput() {
        return new CreateCluster.Input(DEPLOYMENT, "hsm2m.medium", "FIPS", "", 90, subnetIds());
    }

    /** A cluster with its first HSM and its CSR. */
    public String givenFirstHsm() {
        var clusterId = givenCluster();
        var stage = new CreateFirstHsm(cloudHsm, runtime());
        runToEnd(awaited -> stage.run(new CreateFirstHsm.Input(clusterId, ZONES), awaited));
        return clusterId;
    }

    @Override
    public void close() {
        cloud.close();
    }
}
