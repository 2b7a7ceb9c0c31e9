package cloudhsm.pipeline.provisioning.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;

class CreateClusterTest {
    private final EmbeddedAws aws = new EmbeddedAws();
    private final CreateCluster stage = new CreateCluster(aws.cloudHsm, aws.runtime());

    @AfterEach
    void close() {
        aws.close();
    }

    private Outcome run() {
        return stage.run(aws.clusterInput(), Optional.empty());
    }

    @Test
    void firstRunWaitsForTheClusterItCreated() {
        var waiting = assertInstanceOf(Outcome.Waiting.class, run());
        assertEquals(Resource.Type.CLUSTER, waiting.resource().type());
        assertEquals(Set.of("CREATE_IN_PROGRESS", "ABSENT"), waiting.whileIn());
        assertEquals(Duration.ofMinutes(15), waiting.budget());
    }

    @Test
    void anotherExecutionWaitsForTheSameCluster() {
        assertEquals(run(), run());
        assertEquals(1, aws.cloud.calls("CreateCluster"), "CreateCluster has no client token");
    }

    @Test
    void doneNamesTheSecurityGroupThatCloudHsmMade() {
        var done =
                assertInstanceOf(Outcome.Done.class, aws.runToEnd(awaited -> stage.run(aws.clusterInput(), awaited)));
        var output = (CreateCluster.Output) done.output();
        var cluster = aws.cluster(output.clusterId());
        assertEquals("UNINITIALIZED", cluster.stateAsString());
        assertTrue(output.securityGroupId().startsWith("sg-"), output::toString);
        assertEquals(cluster.vpcId(), output.vpcId());
        assertEquals("90", cluster.backupRetentionPolicy().value());
    }

    @Test
    void lostAnswerDoesNotMakeASecondCluster() {
        aws.cloud.faults().add("cloudhsm", "CreateCluster", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, this::run, "the state machine runs the stage again");
        assertInstanceOf(Outcome.Waiting.class, run());
        assertEquals(1, aws.cloud.calls("CreateCluster"));
    }

    @Test
    void clusterDeletedBehindOurBackEndsTheStage() {
        var waiting = assertInstanceOf(Outcome.Waiting.class, run());
        aws.cloud.advance(Duration.ofMinutes(15));
        aws.cloudHsm.deleteCluster(
                request -> request.clusterId(waiting.resource().id()));
        aws.cloud.advance(Duration.ofHours(2));
        var failed =
                assertInstanceOf(Outcome.Failed.class, stage.run(aws.clusterInput(), Optional.of(waiting.resource())));
        assertEquals("CLUSTER_NOT_FOUND", failed.reason());
    }

    @Test
    void clusterBeingDeletedIsNotAdopted() {
        var first = aws.givenCluster();
        aws.cloudHsm.deleteCluster(request -> request.clusterId(first));
        var waiting = assertInstanceOf(Outcome.Waiting.class, run());
        assertTrue(!waiting.resource().id().equals(first), "a new cluster takes its place");
    }

    @Test
    void clusterInAnotherModeIsNotAdoptedSilently() {
        var clusterId = aws.givenCluster();
        var input = new CreateCluster.Input(EmbeddedAws.DEPLOYMENT, "hsm2m.medium", "NON_FIPS", 90, aws.subnetIds());
        var failed = assertInstanceOf(Outcome.Failed.class, stage.run(input, Optional.empty()));
        assertEquals("CLUSTER_DIFFERS", failed.reason());
        assertEquals(
                "Cluster " + clusterId
                        + " of the deployment \"demo\" is hsm2m.medium in mode FIPS, but the request asks"
                        + " for hsm2m.medium in mode NON_FIPS, and neither can be changed. Nothing was changed. Next:"
                        + " ask for what is there, or choose another deployment name.",
                failed.message());
    }

    @Test
    void throttledCallChangesNothing() {
        aws.cloud.faults().add("cloudhsm", "CreateCluster", 1, Faults.Kind.THROTTLED);
        assertThrows(SdkException.class, this::run);
        assertEquals(0, new Clusters(aws.cloudHsm).all().size());
    }

    @Test
    void oldestOfTwoClustersIsTheDeployments() {
        var first = aws.givenCluster();
        // What a stale DescribeClusters after a lost answer leads to.
        aws.cloudHsm.createCluster(request -> request.hsmType("hsm2m.medium")
                .mode("FIPS")
                .subnetIds(aws.subnetIds())
                .tagList(Tag.builder()
                        .key(Clusters.DEPLOYMENT_TAG)
                        .value(EmbeddedAws.DEPLOYMENT)
                        .build()));
        assertEquals(
                Optional.of(first),
                new Clusters(aws.cloudHsm).ofDeployment(EmbeddedAws.DEPLOYMENT).map(Cluster::clusterId),
                "every run must choose the same one");
    }
}
