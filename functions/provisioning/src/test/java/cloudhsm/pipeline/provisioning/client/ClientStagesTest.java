package cloudhsm.pipeline.provisioning.client;

import static cloudhsm.pipeline.provisioning.TestAccount.DEPLOYMENT;
import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static cloudhsm.pipeline.provisioning.TestAccount.waiting;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.TestAccount.InitializedCluster;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

class ClientStagesTest {
    private final ClientScenario scenario = new ClientScenario();
    private final TestAccount aws = scenario.aws;
    private final InitializedCluster cluster = scenario.cluster;

    @AfterEach
    void close() {
        scenario.close();
    }

    private Outcome launch(Optional<Resource> awaited) {
        return scenario.launchClient.run(scenario.launch(), awaited);
    }

    private Outcome activate(String instanceId) {
        return scenario.activateCluster.run(scenario.activation(instanceId), Optional.empty());
    }

    @Test
    void clientIsLaunchedOnceAndAdopted() {
        assertEquals(scenario.client(), scenario.client());
        assertEquals(1, aws.cloud.calls("RunInstances"), "one client serves every stage");
    }

    @Test
    void lostAnswerToTheLaunchMakesNoSecondInstance() {
        aws.cloud.faults().add("ec2", "RunInstances", 1, Faults.Kind.ANSWER_LOST);

        assertThrows(SdkException.class, () -> launch(Optional.empty()));
        scenario.client();
        assertEquals(1, aws.cloud.calls("RunInstances"), "it is found by its intent");
    }

    @Test
    void functionKilledAfterItMadeTheGroupLeavesOne() {
        aws.cloud.faults().add("ec2", "CreateSecurityGroup", 1, Faults.Kind.ANSWER_LOST);

        assertThrows(SdkException.class, () -> launch(Optional.empty()));
        scenario.client();
        assertEquals(1, aws.cloud.calls("CreateSecurityGroup"), "it is found by its intent");
    }

    /** Where the answer came and what was to remember it did not. */
    @Test
    void functionKilledBeforeItRemembersTheInstanceLeavesOneForTheTeardownToo() {
        aws.cloud.faults().add("ec2", "RunInstances", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, () -> launch(Optional.empty()));

        var left = pending();
        assertEquals(left, waiting(terminate(Optional.empty())).resource().id());
        assertEquals("shutting-down", state(left));
    }

    @Test
    void instanceWithForgedTagsIsNeitherUsedNorTerminatedAndTheGenuineOneIsKept() {
        var genuine = scenario.client();
        var forged = forgedInstance();

        assertEquals(genuine, scenario.client());
        assertEquals("running", state(forged));
        assertEquals("running", state(genuine));
        assertEquals(genuine, waiting(terminate(Optional.empty())).resource().id());
        aws.waitUntil(() -> state(genuine).equals("terminated"));
        done(terminate(Optional.of(Resource.instance(genuine))), TerminateClient.Output.class);
        assertEquals("running", state(forged));
    }

    @Test
    void instanceWithForgedTagsIsNotTakenForTheFirstClient() {
        var forged = forgedInstance();

        assertNotEquals(forged, scenario.client(), "it would be handed the admin's password");
        assertEquals("running", state(forged));
    }

    @Test
    void groupWithForgedTagsOrTheClientsNameIsNeitherUsedNorDeleted() {
        var forged = aws.ec2
                .createSecurityGroup(create -> create.groupName("cloudhsm-client-" + DEPLOYMENT)
                        .description("forged")
                        .vpcId(aws.vpcId())
                        .tagSpecifications(TagSpecification.builder()
                                .resourceType(ResourceType.SECURITY_GROUP)
                                .tags(forgedTags())
                                .build()))
                .groupId();
        var client = scenario.client();
        var groups = aws.cloud.ec2().instance(client).orElseThrow().securityGroupIds();
        assertFalse(groups.contains(forged), "somebody else decides what it lets in");

        waiting(terminate(Optional.empty()));
        aws.waitUntil(() -> state(client).equals("terminated"));
        var removed = done(terminate(Optional.of(Resource.instance(client))), TerminateClient.Output.class)
                .removed();
        assertEquals(2, removed.size(), "the instance and its own group: " + removed);
        assertEquals(
                1,
                aws.ec2
                        .describeSecurityGroups(describe -> describe.groupIds(forged))
                        .securityGroups()
                        .size());
        assertEquals(List.of(), aws.deployments().find(DEPLOYMENT).orElseThrow().made(Made.CLIENT));
        assertEquals(List.of(), aws.deployments().find(DEPLOYMENT).orElseThrow().made(Made.SECURITY_GROUP));
    }

    @Test
    void functionKilledAfterItMadeASecretLeavesOne() {
        var client = scenario.client();
        aws.cloud.faults().add("secretsmanager", "CreateSecret", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, () -> activate(client));

        scenario.activated(client);
        assertEquals(1, aws.cloud.calls("CreateSecret"), "it is found by its intent");
    }

    private Outcome terminate(Optional<Resource> awaited) {
        return scenario.terminateClient.run(new TerminateClient.Input(DEPLOYMENT), awaited);
    }

    private String pending() {
        return aws.ec2
                .describeInstances()
                .reservations()
                .getFirst()
                .instances()
                .getFirst()
                .instanceId();
    }

    private String state(String instanceId) {
        return aws.cloud.ec2().instance(instanceId).orElseThrow().state();
    }

    /** An instance of somebody else's that looks like the client in every respect, running in the cluster's group. */
    private String forgedInstance() {
        var imageId =
                aws.cloud.ec2().imageParameter(TestAccount.IMAGE_PARAMETER).orElseThrow();
        var forged = aws.ec2
                .runInstances(run -> run.imageId(imageId)
                        .instanceType("t4g.small")
                        .minCount(1)
                        .maxCount(1)
                        .subnetId(aws.subnetIn("eu-central-1a"))
                        .securityGroupIds(aws.cluster(cluster.id()).securityGroup())
                        .iamInstanceProfile(profile -> profile.name("client"))
                        .tagSpecifications(TagSpecification.builder()
                                .resourceType(ResourceType.INSTANCE)
                                .tags(forgedTags())
                                .build()))
                .instances()
                .getFirst()
                .instanceId();
        aws.waitUntil(() -> state(forged).equals("running"));
        return forged;
    }

    private static List<Tag> forgedTags() {
        return List.of(
                Tag.builder().key("Name").value("cloudhsm-client-" + DEPLOYMENT).build(),
                Tag.builder().key(Clusters.DEPLOYMENT_TAG).value(DEPLOYMENT).build(),
                Tag.builder().key("cloudhsm-pipeline:role").value("client").build(),
                Tag.builder().key(Deployments.INTENT_TAG).value("forged").build());
    }

    @Test
    void stoppedClientIsReplaced() {
        var first = scenario.client();
        aws.ec2.stopInstances(request -> request.instanceIds(first));

        assertNotEquals(first, scenario.client(), "a restarted client has been seen not to work any more");
        aws.waitUntil(() -> aws.cloud
                .ec2()
                .instance(first)
                .filter(instance -> !instance.state().equals("terminated"))
                .isEmpty());
    }

    /** The stage's next run, with what it has remembered of the one before. */
    private Outcome next(Outcome.Waiting waiting) {
        return scenario.launchClient.run(
                (LaunchClient.Input) waiting.nextInput().orElseThrow(), Optional.of(waiting.resource()));
    }

    private void terminate(Outcome.Waiting waiting) {
        aws.ec2.terminateInstances(
                request -> request.instanceIds(waiting.resource().id()));
    }

    @Test
    void clientThatEndsBeforeItIsOnlineIsFollowedByThreeOthers() {
        var waiting = waiting(launch(Optional.empty()));
        for (int lost = 0; lost < LaunchClient.OTHERS; lost++) {
            terminate(waiting);
            var another = waiting(next(waiting));
            assertNotEquals(waiting.resource(), another.resource());
            waiting = another;
        }
        var last = waiting.resource().id();
        terminate(waiting);

        var failed = failed(next(waiting));
        assertEquals(ClientCommand.CLIENT_GONE, failed.reason());
        assertTrue(
                failed.message().startsWith("4 clients in a row ended before they came online: i-"), failed::message);
        assertTrue(
                failed.message()
                        .contains("; " + last
                                + " is shutting-down (AWS says: \"Client.UserInitiatedShutdown: User initiated"
                                + " shutdown\")"),
                failed::message);
        assertEquals(1 + LaunchClient.OTHERS, aws.cloud.calls("RunInstances"));
        assertNotEquals(last, scenario.client(), "a new execution launches another");
    }

    @Test
    void clientOnItsWayOutIsNotTakenForTheOneThatWasAskedFor() {
        terminate(waiting(launch(Optional.empty())));
        aws.cloud.advance(Duration.ofMinutes(60));
        var second = waiting(launch(Optional.empty()));
        // EC2 forgets the first one: it shows one client as it did before the second, whose token comes up again.
        aws.cloud.advance(Duration.ofSeconds(90));
        terminate(second);

        assertNotEquals(second.resource(), waiting(next(second)).resource());
    }

    @Test
    void clientThatIsStoppedBeforeItIsOnlineIsReplaced() {
        var waiting = waiting(launch(Optional.empty()));
        var stopped = waiting.resource().id();
        aws.waitUntil(() -> aws.cloud.ec2().instance(stopped).orElseThrow().isRunning());
        aws.ec2.stopInstances(request -> request.instanceIds(stopped));

        assertNotEquals(stopped, waiting(next(waiting)).resource().id());
        assertEquals(
                "shutting-down", aws.cloud.ec2().instance(stopped).orElseThrow().state());
    }

    @Test
    void defaultKeyOfTheAccountThatTheClientCannotUseDoesNotEndIt() {
        var key = aws.kms.createKey().keyMetadata().keyId();
        aws.kms.disableKey(request -> request.keyId(key));
        aws.ec2.modifyEbsDefaultKmsKeyId(request -> request.kmsKeyId(key));

        scenario.client();
        assertEquals(1, aws.cloud.calls("RunInstances"));
    }

    @Test
    void commandForAClientThatIsGoneSaysSo() {
        assertEquals(
                ClientCommand.CLIENT_GONE,
                failed(activate("i-0123456789abcdef0")).reason());
    }

    @Test
    void clusterIsActivatedUnderAPasswordStoredBefore() {
        var client = scenario.client();
        var secret = scenario.activated(client);

        assertEquals(
                secret, done(activate(client), ActivateCluster.Output.class).adminSecretArn());
        assertEquals(1, aws.cloud.calls("SendCommand"), "an active cluster is left alone");
    }

    @Test
    void activeClusterWithoutItsSecretHasAnUnknownPassword() {
        var tools = aws.toolsOn(cluster);
        tools.cli("", "cluster", "activate", "--password", TestAccount.ADMIN_PASSWORD);
        aws.waitUntil(() -> aws.cluster(cluster.id()).state() == ClusterState.ACTIVE);

        assertEquals(
                "ADMIN_PASSWORD_UNKNOWN",
                failed(activate("i-0123456789abcdef0")).reason());
    }

    @Test
    void anHsmInCreationIsWaitedForBesideAnActiveOneOfItsZone() {
        aws.activate(cluster);
        var made = aws.cloudHsm
                .createHsm(request -> request.clusterId(cluster.id()).availabilityZone("eu-central-1a"))
                .hsm();
        var input = new CreateKmsUser.Input(DEPLOYMENT, cluster.id(), "i-1", cluster.trustAnchor(), "secret");
        assertEquals(
                Resource.oneHsm(cluster.id(), made.hsmId()),
                waiting(scenario.createKmsUser.run(input, Optional.empty())).resource());
    }

    @Test
    void kmsUserIsMadeOnEveryHsmAndProven() {
        var client = scenario.client();
        var secret = scenario.activated(client);
        aws.addHsm(cluster.id(), "eu-central-1b");
        var input = new CreateKmsUser.Input(DEPLOYMENT, cluster.id(), client, cluster.trustAnchor(), secret);

        var output = done(
                scenario.afterCommands(awaited -> scenario.createKmsUser.run(input, awaited)),
                CreateKmsUser.Output.class);

        assertEquals(2, output.hsms().size(), "KMS may log in to any HSM");
        assertTrue(output.hsms().getFirst().kmsuser().contains("coverage full"), output.toString());
    }
}
