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
import cloudhsm.pipeline.provisioning.client.TerminateClient.Extent;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.ec2.model.IpPermission;
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

        assertThrows(SdkException.class, scenario::launched);
        scenario.client();
        assertEquals(1, aws.cloud.calls("RunInstances"), "it is found by its intent");
    }

    @Test
    void functionKilledAfterItMadeTheGroupLeavesOne() {
        aws.cloud.faults().add("ec2", "CreateSecurityGroup", 1, Faults.Kind.ANSWER_LOST);

        assertThrows(SdkException.class, scenario::launched);
        scenario.client();
        assertEquals(1, aws.cloud.calls("CreateSecurityGroup"), "it is found by its intent");
    }

    /** Where the answer came and what was to remember it did not. */
    @Test
    void functionKilledBeforeItRemembersTheInstanceLeavesOneForTheTeardownToo() {
        aws.cloud.faults().add("ec2", "RunInstances", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, scenario::launched);

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
        assertEquals(List.of(), record().made(Made.CLIENT));
        assertEquals(List.of(), record().made(Made.SECURITY_GROUP));
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
        return scenario.terminateClient.run(new TerminateClient.Input(DEPLOYMENT, Extent.EVERYTHING), awaited);
    }

    /** What TerminateClient removes that does not wait. */
    private List<String> terminated(Extent extent) {
        return done(
                        scenario.terminateClient.run(new TerminateClient.Input(DEPLOYMENT, extent), Optional.empty()),
                        TerminateClient.Output.class)
                .removed();
    }

    private Deployment record() {
        return aws.deployments().find(DEPLOYMENT).orElseThrow();
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

    private void end(String instanceId) {
        aws.ec2.terminateInstances(request -> request.instanceIds(instanceId));
    }

    @Test
    void clientOnItsWayIsLaunchedOnceAndNotWaitedFor() {
        var client = scenario.launched();
        assertEquals("pending", state(client));
        assertEquals(client, scenario.launched(), "it is young enough to come online");
        assertEquals(1, aws.cloud.calls("RunInstances"));
        assertEquals(List.of(client), record().made(Made.CLIENT));
    }

    @Test
    void clientIsAwaitedUntilSystemsManagerReachesIt() {
        var client = scenario.launched();
        var waiting = waiting(scenario.await(client));
        assertEquals(Resource.client(client), waiting.resource());
        assertEquals(Set.of("ABSENT", "ConnectionLost", "Inactive"), waiting.whileIn());
        assertEquals(Duration.ofMinutes(10), waiting.budget());

        aws.waitUntil(() -> new ClientPing(aws.ssm).isOnline(client));
        assertEquals(new AwaitClient.Output(client, true), done(scenario.await(client), AwaitClient.Output.class));
    }

    @Test
    void clientThatEc2DoesNotListYetIsAwaited() {
        assertEquals(
                Resource.client("i-0123456789abcdef0"),
                waiting(scenario.await("i-0123456789abcdef0")).resource());
    }

    @Test
    void clientThatEndsBeforeItIsOnlineIsNamedWithTheReasonAndReplaced() {
        var ended = scenario.launched();
        end(ended);

        var failed = failed(scenario.await(ended));
        assertEquals(ClientCommand.CLIENT_GONE, failed.reason());
        assertTrue(
                failed.message()
                        .startsWith(
                                "The client " + ended + " is shutting-down (AWS says: \"Client.UserInitiatedShutdown:"
                                        + " User initiated shutdown\") and has not come online."),
                failed::message);
        assertTrue(failed.message().contains("Next: "), failed::message);
        assertNotEquals(ended, scenario.client());
        assertEquals(2, aws.cloud.calls("RunInstances"));
    }

    @Test
    void clientThatIsStoppedBeforeItIsOnlineIsGoneAndReplaced() {
        var stopped = scenario.launched();
        aws.waitUntil(() -> state(stopped).equals("running"));
        aws.ec2.stopInstances(request -> request.instanceIds(stopped));

        assertEquals(ClientCommand.CLIENT_GONE, failed(scenario.await(stopped)).reason());
        assertNotEquals(stopped, scenario.launched());
        assertEquals("shutting-down", state(stopped), "its volume bills");
    }

    @Test
    void clientThatNeverComesOnlineIsGivenUpAfterTenMinutesAndReplaced() {
        var silent = scenario.launched();
        letOut(false);
        aws.cloud.advance(Duration.ofMinutes(9));
        waiting(scenario.await(silent));
        assertEquals(silent, scenario.launched());
        aws.cloud.advance(Duration.ofMinutes(2));

        var failed = failed(scenario.await(silent));
        assertEquals("CLIENT_NOT_ONLINE", failed.reason());
        assertTrue(
                failed.message()
                        .startsWith("The client " + silent + " in " + aws.subnetIn("eu-central-1a")
                                + " is running, but has" + " not come online in Systems Manager within 10 min."),
                failed::message);
        letOut(true);
        assertNotEquals(silent, scenario.launched());
        assertEquals("shutting-down", state(silent));
    }

    /** Opens or closes the way out of the client's own security group. */
    private void letOut(boolean open) {
        var groupId = record().made(Made.SECURITY_GROUP).getFirst();
        var everything = IpPermission.builder()
                .ipProtocol("-1")
                .ipRanges(range -> range.cidrIp("0.0.0.0/0"))
                .build();
        if (open) {
            aws.ec2.authorizeSecurityGroupEgress(
                    request -> request.groupId(groupId).ipPermissions(everything));
        } else {
            aws.ec2.revokeSecurityGroupEgress(
                    request -> request.groupId(groupId).ipPermissions(everything));
        }
    }

    @Test
    void clientOnItsWayOutIsNotTakenForTheOneThatWasAskedFor() {
        end(scenario.launched());
        aws.cloud.advance(Duration.ofMinutes(60));
        var second = scenario.launched();
        // EC2 forgets the first one: it shows one client as it did before the second, whose token comes up again.
        aws.cloud.advance(Duration.ofSeconds(90));
        end(second);

        assertNotEquals(second, scenario.launched());
    }

    @Test
    void clientThatIsToStayIsNotLookedFor() {
        var client = scenario.client();
        var described = aws.cloud.calls("DescribeInstances");
        assertEquals(List.of(), terminated(Extent.NOTHING));
        assertEquals("running", state(client));
        assertEquals(described, aws.cloud.calls("DescribeInstances"));
        assertEquals(client, scenario.client());
    }

    @Test
    void clientsEndIsAskedForAndNotWaitedForAndTheNextOneGetsItsGroup() {
        var client = scenario.client();
        var group = record().made(Made.SECURITY_GROUP);
        assertEquals(List.of("instance " + client), terminated(Extent.INSTANCE));
        assertEquals("shutting-down", state(client));
        assertEquals(List.of(client), record().made(Made.CLIENT), "until it has ended");
        assertEquals(group, record().made(Made.SECURITY_GROUP));
        assertEquals(0, aws.cloud.calls("DeleteSecurityGroup"));

        aws.waitUntil(() -> state(client).equals("terminated"));
        assertEquals(List.of(), terminated(Extent.INSTANCE), "there is none any more");
        var next = scenario.client();
        assertEquals(List.of(next), record().made(Made.CLIENT));
        assertEquals(1, aws.cloud.calls("CreateSecurityGroup"));
    }

    @Test
    void clientThatTheRecordDoesNotNameIsNotTerminated() {
        var forged = forgedInstance();
        assertEquals(List.of(), terminated(Extent.INSTANCE));
        assertEquals("running", state(forged));
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
    void clusterThatIsToBeActivatedWithoutAClientSaysThatOneIsNeeded() {
        assertEquals(ClientCommand.CLIENT_GONE, failed(activate("")).reason());
        assertEquals(0, aws.cloud.calls("CreateSecret"));
        var secret = scenario.activated(scenario.client());
        assertEquals(
                secret,
                done(activate(""), ActivateCluster.Output.class).adminSecretArn(),
                "an active cluster needs none");
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
