package cloudhsm.pipeline.provisioning.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Tag;

class CreateClusterTest {
    private final EmbeddedAws aws = new EmbeddedAws();
    private final CreateCluster stage = new CreateCluster(aws.cloudHsm, aws.deployments(), aws.runtime());

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
        assertEquals(Set.of("CREATE_IN_PROGRESS", "ABSENT", "INITIALIZE_IN_PROGRESS"), waiting.whileIn());
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
        var waiting = assertInstanceOf(Outcome.Waiting.class, run());
        assertEquals(1, aws.cloud.calls("CreateCluster"), "the open intent has found it");
        assertEquals(List.of(waiting.resource().id()), demo().made(Made.CLUSTER));
        assertEquals(Optional.empty(), demo().intent(Made.CLUSTER));
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
        var input =
                new CreateCluster.Input(EmbeddedAws.DEPLOYMENT, "hsm2m.medium", "NON_FIPS", "", 90, aws.subnetIds());
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

    private Deployment demo() {
        return aws.deployments().find(EmbeddedAws.DEPLOYMENT).orElseThrow();
    }

    private String foreignCluster(String tag, String value) {
        return aws.cloudHsm
                .createCluster(request -> request.hsmType("hsm2m.medium")
                        .mode("FIPS")
                        .subnetIds(aws.subnetIds())
                        .tagList(Tag.builder().key(tag).value(value).build()))
                .cluster()
                .clusterId();
    }

    @Test
    void foreignClusterWithTheForgedTagOfTheDeploymentIsNotAdopted() {
        var foreign = foreignCluster(Clusters.DEPLOYMENT_TAG, EmbeddedAws.DEPLOYMENT);
        var waiting = assertInstanceOf(Outcome.Waiting.class, run());
        assertNotEquals(foreign, waiting.resource().id());
        assertEquals(List.of(waiting.resource().id()), demo().made(Made.CLUSTER));
    }

    @Test
    void foreignClusterThatCopiesTheValueOfAnOpenIntentIsNotAdopted() {
        var foreign = foreignCluster("owner", "finance");
        aws.cloud.advance(Duration.ofMinutes(1));
        aws.cloud.faults().add("cloudhsm", "CreateCluster", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, this::run);
        var value = demo().intent(Made.CLUSTER).orElseThrow();
        aws.cloudHsm.tagResource(request -> request.resourceId(foreign)
                .tagList(Tag.builder().key(Deployments.INTENT_TAG).value(value).build()));
        var waiting = assertInstanceOf(Outcome.Waiting.class, run());
        assertNotEquals(foreign, waiting.resource().id());
        assertEquals(2, aws.cloud.calls("CreateCluster"), "the foreign one and that of the intent");
    }

    @Test
    void foreignClusterThatCopiesTheValueOfAClosedIntentIsNotAdopted() {
        var first = aws.givenCluster();
        var value = aws.cluster(first).tagList().stream()
                .filter(tag -> tag.key().equals(Deployments.INTENT_TAG))
                .findFirst()
                .orElseThrow()
                .value();
        aws.cloudHsm.deleteCluster(request -> request.clusterId(first));
        var foreign = foreignCluster(Deployments.INTENT_TAG, value);
        assertNotEquals(
                foreign,
                assertInstanceOf(Outcome.Waiting.class, run()).resource().id());
    }

    @Test
    void twoDeploymentsWhoseNamesBeginAlikeHaveAClusterEach() {
        PipelineTable.provisioning(
                aws.deployments(), "demo-2", Map.of(), aws.cloud.time().now());
        var other = new CreateCluster.Input("demo-2", "hsm2m.medium", "FIPS", "", 90, aws.subnetIds());
        var ofOther = assertInstanceOf(Outcome.Waiting.class, stage.run(other, Optional.empty()));
        assertNotEquals(ofOther, run());
        assertEquals(2, aws.cloud.calls("CreateCluster"));
    }

    @Test
    void oldestOfTwoClustersOfTheRecordIsTheDeployments() {
        var first = aws.givenCluster();
        aws.deployments().made(EmbeddedAws.DEPLOYMENT, Made.CLUSTER, foreignCluster("owner", "a person"));
        assertEquals(
                Optional.of(first),
                Clusters.ofDeployment(demo(), new Clusters(aws.cloudHsm).all()).map(Cluster::clusterId),
                "every run must choose the same one");
    }
}
