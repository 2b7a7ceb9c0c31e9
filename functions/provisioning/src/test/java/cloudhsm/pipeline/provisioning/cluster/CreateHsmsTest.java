package cloudhsm.pipeline.provisioning.cluster;

import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static cloudhsm.pipeline.provisioning.TestAccount.waiting;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterMode;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.DescribeClustersResponse;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/** On a cluster with an ACTIVE HSM in zone a. */
class CreateHsmsTest {
    private static final String ZONE_A = "eu-central-1a";
    private static final String ZONE_B = "eu-central-1b";

    /** CreateHsm accepts it, but CloudHSM is not offered there: each HSM comes out DEGRADED. */
    private static final String ZONE_C = "eu-central-1c";

    private final TestAccount aws = new TestAccount();
    private final CreateHsms stage = new CreateHsms(aws.cloudHsm, aws.runtime);
    private final TestAccount.InitializedCluster cluster = activeCluster();
    private final String clusterId = cluster.id();
    private int count = 2;
    private List<String> zones = List.of(ZONE_A, ZONE_B);

    @AfterEach
    void close() {
        aws.close();
    }

    private TestAccount.InitializedCluster activeCluster() {
        var initialized = aws.initializedCluster(ZONE_A, ZONE_B, ZONE_C);
        aws.activate(initialized);
        return initialized;
    }

    private CreateHsms.Input input() {
        return new CreateHsms.Input(clusterId, zones, count);
    }

    private Outcome runToEnd() {
        return aws.runToEnd(CreateHsms.Input.class, input(), stage::run);
    }

    private List<Hsm> hsms() {
        return Clusters.hsms(aws.cluster(clusterId));
    }

    private List<String> zonesOfHsms() {
        return hsms().stream().map(Hsm::availabilityZone).sorted().toList();
    }

    /** How many HSMs the account has been given, refused calls not among them. */
    private int everCreated() {
        return aws.cloud.cloudHsm().everCreated().size();
    }

    private CreateHsms.Output completed() {
        var output = done(runToEnd(), CreateHsms.Output.class);
        assertTrue(
                hsms().stream()
                        .noneMatch(hsm -> Set.of(HsmState.DEGRADED, HsmState.CREATE_IN_PROGRESS)
                                .contains(hsm.state())),
                () -> "whatever else is there bills in vain: " + hsms());
        return output;
    }

    private static List<String> zones(CreateHsms.Output output) {
        return output.hsms().stream()
                .map(CreateHsms.ActiveHsm::availabilityZone)
                .toList();
    }

    private void delete(String zone) {
        var hsm = hsms().stream()
                .filter(each -> each.availabilityZone().equals(zone))
                .findFirst()
                .orElseThrow();
        aws.cloudHsm.deleteHsm(request -> request.clusterId(clusterId).hsmId(hsm.hsmId()));
        aws.waitUntil(() -> hsms().stream().noneMatch(each -> each.hsmId().equals(hsm.hsmId())));
    }

    private void addDegraded(String zone) {
        aws.cloud.cloudHsm().nextHsmDegrades(zone);
        aws.cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(zone));
        aws.waitUntil(() -> hsms().stream()
                .anyMatch(hsm -> hsm.availabilityZone().equals(zone) && hsm.state() == HsmState.DEGRADED));
    }

    @Test
    void theSecondIsMadeInTheOtherZone() {
        var output = completed();
        assertEquals(List.of(ZONE_A, ZONE_B), zones(output));
        assertEquals(1, output.created());
        assertEquals(2, everCreated());
        assertTrue(output.hsms().getLast().eniId().startsWith("eni-"), output::toString);
    }

    @Test
    void asManyAsAreWantedAreLeftAlone() {
        aws.addHsm(clusterId, ZONE_B);
        var output = completed();
        assertEquals(0, output.created());
        assertEquals(2, everCreated());
        assertEquals(0, aws.cloud.calls("DeleteHsm"));
    }

    @Test
    void surplusHsmsAreLeftAloneAndTheFirstTwoNamedAreInTwoZones() {
        aws.addHsm(clusterId, ZONE_A);
        aws.addHsm(clusterId, ZONE_B);
        zones = List.of(ZONE_B, ZONE_A);
        assertEquals(List.of(ZONE_B, ZONE_A, ZONE_A), zones(completed()));
        assertEquals(0, aws.cloud.calls("DeleteHsm"));
        assertEquals(3, everCreated());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void threeAreSpreadOverTwoZones(boolean atOnce) {
        aws.cloud.cloudHsm().acceptConcurrentHsms(atOnce);
        count = 3;
        var output = completed();
        assertEquals(List.of(ZONE_A, ZONE_B, ZONE_A), zones(output));
        assertEquals(2, output.created());
        assertEquals(3, everCreated());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void sixAreThreeInEachOfTwoZones(boolean atOnce) {
        aws.cloud.cloudHsm().acceptConcurrentHsms(atOnce);
        count = 6;
        var output = completed();
        assertEquals(List.of(ZONE_A, ZONE_B), zones(output).subList(0, 2));
        assertEquals(List.of(ZONE_A, ZONE_A, ZONE_A, ZONE_B, ZONE_B, ZONE_B), zonesOfHsms());
        assertEquals(5, output.created());
        assertEquals(6, everCreated());
    }

    @Test
    void allThatAreMissingAreOnTheirWayAfterOneRunWhereAwsMakesSeveralAtOnce() {
        aws.cloud.cloudHsm().acceptConcurrentHsms(true);
        count = 4;
        waiting(stage.run(input(), Optional.empty()));
        assertEquals(List.of(ZONE_A, ZONE_A, ZONE_B, ZONE_B), zonesOfHsms());
    }

    @Test
    void aSecondThatAwsRefusesWhileTheFirstIsOnItsWayIsAskedForAgainWhenThatIsActive() {
        count = 3;
        var first = waiting(stage.run(input(), Optional.empty()));
        assertEquals(2, hsms().size());
        var made = hsms().stream()
                .filter(hsm -> hsm.state() == HsmState.CREATE_IN_PROGRESS)
                .findFirst()
                .orElseThrow();
        assertEquals(Resource.oneHsm(clusterId, made.hsmId()), first.resource());
        assertEquals(Set.of("CREATE_IN_PROGRESS", "ABSENT"), first.whileIn());
        assertEquals(Duration.ofMinutes(30), first.budget());
        assertEquals(List.of(ZONE_A, ZONE_B, ZONE_A), zones(completed()));
        assertEquals(3, everCreated());
    }

    @Test
    void aRefusalBecauseOfAnHsmThatSomebodyElseHasMadeIsWaitedFor() {
        count = 3;
        aws.cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(ZONE_B));
        var output = completed();
        assertEquals(1, output.created());
        assertEquals(3, everCreated());
    }

    @Test
    void aRefusalWithNothingOnItsWayEndsTheStageUnderAwssOwnCode() {
        aws.cloud.cloudHsm().answerNextDescribesFromNow(1);
        aws.cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(ZONE_B));
        assertThrows(CloudHsmInvalidRequestException.class, () -> stage.run(input(), Optional.empty()));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void clusterWithoutHsmsComesBackFromItsBackupTheFirstOneAlone(boolean atOnce) {
        aws.cloud.cloudHsm().acceptConcurrentHsms(atOnce);
        aws.toolsOn(cluster).createKmsUser("kmsPassword1");
        delete(ZONE_A);
        count = 3;
        var before = aws.cloud.calls("CreateHsm");
        waiting(stage.run(input(), Optional.empty()));
        assertEquals(before + 1, aws.cloud.calls("CreateHsm"), "no second one is asked for before it is ACTIVE");
        var output = completed();
        assertEquals(2, output.created(), "beside the one of the first run");
        assertEquals(List.of(ZONE_A, ZONE_B, ZONE_A), zones(output));
        var users = aws.toolsOn(cluster).cli("", "user", "list");
        assertTrue(users.contains("kmsuser"), () -> "users come with the backup: " + users);
        assertTrue(users.contains("\"cluster-coverage\": \"full\""), users);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void runThatWasKilledAfterCreateHsmIsRepeatedWithoutAnotherHsm(boolean atOnce) {
        aws.cloud.cloudHsm().acceptConcurrentHsms(atOnce);
        aws.cloud.faults().add("cloudhsm", "CreateHsm", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, () -> stage.run(input(), Optional.empty()), "the state machine tries again");
        assertEquals(0, completed().created());
        assertEquals(2, everCreated());
    }

    @Test
    void lostAnswerToTheSecondOfARunForgetsNeither() {
        aws.cloud.cloudHsm().acceptConcurrentHsms(true);
        aws.cloud.faults().add("cloudhsm", "CreateHsm", 2, Faults.Kind.ANSWER_LOST);
        count = 3;
        var output = completed();
        assertEquals(1, output.created(), "the other one was never answered for");
        assertEquals(3, everCreated());
    }

    @Test
    void staleAnswersBuyNoOtherHsm() {
        aws.cloud.cloudHsm().acceptConcurrentHsms(true);
        aws.cloud.cloudHsm().answerNextDescribesFromNow(2);
        var first = waiting(stage.run(input(), Optional.empty()));
        var second =
                waiting(stage.run((CreateHsms.Input) first.nextInput().orElseThrow(), Optional.of(first.resource())));
        assertEquals(first, second, "what it has created is not shown yet");
        assertEquals(2, everCreated());
    }

    @Test
    void degradedHsmIsDeletedAndItsZoneTriedAgainWhereThereIsNoOther() {
        aws.cloud.cloudHsm().nextHsmDegrades(ZONE_B);
        var output = completed();
        assertEquals(2, output.created());
        assertEquals(1, output.deleted());
        assertTrue(aws.mostHsms() <= count + 1, () -> aws.mostHsms() + " HSMs at once");
    }

    @Test
    void zoneThatDegradesItsHsmIsLeftForAnother() {
        zones = List.of(ZONE_A, ZONE_C, ZONE_B);
        var output = completed();
        assertEquals(List.of(ZONE_A, ZONE_B), zones(output));
        assertEquals(2, output.created());
        assertEquals(List.of(ZONE_A, ZONE_B), zonesOfHsms(), "the DEGRADED one may bill");
    }

    @Test
    void zoneThatDegradesItsHsmIsTriedLastEvenWhereItHasTheFewest() {
        zones = List.of(ZONE_A, ZONE_C, ZONE_B);
        count = 4;
        var output = completed();
        assertEquals(List.of(ZONE_A, ZONE_A, ZONE_B, ZONE_B), zonesOfHsms());
        assertEquals(1, output.deleted(), "zone c degrades whatever is made there");
    }

    @Test
    void allDegradedOnesAreDeletedAtOnce() {
        addDegraded(ZONE_A);
        addDegraded(ZONE_B);
        waiting(stage.run(input(), Optional.empty()));
        assertEquals(2, aws.cloud.calls("DeleteHsm"));
        assertEquals(1, completed().created());
        assertEquals(List.of(ZONE_A, ZONE_B), zonesOfHsms());
    }

    @Test
    void degradedHsmBesideAsManyAsAreWantedIsDeleted() {
        aws.addHsm(clusterId, ZONE_B);
        addDegraded(ZONE_B);
        var output = completed();
        assertEquals(1, output.deleted());
        assertEquals(0, output.created());
    }

    @Test
    void twiceAsManyAsAreWantedAreTheMostCreationsUntilANewExecutionTriesAgain() {
        var failure = failed(aws.runToEnd(CreateHsms.Input.class, input(), (next, awaited) -> {
            aws.cloud.cloudHsm().nextHsmDegrades(ZONE_B);
            return stage.run(next, awaited);
        }));
        assertEquals("HSM_DEGRADED", failure.reason());
        assertTrue(failure.message().contains("after 4 were created; 4 turned DEGRADED"), failure::message);
        assertEquals(5, everCreated());
        assertEquals(List.of(ZONE_A), zonesOfHsms(), "no DEGRADED HSM is left billing");
        assertEquals(List.of(ZONE_A, ZONE_B), zones(completed()));
    }

    @Test
    void degradedZoneIsTriedAgainByANewExecution() {
        addDegraded(ZONE_B);
        assertEquals(List.of(ZONE_A, ZONE_B), zones(completed()));
    }

    @Test
    void zoneWithoutCapacityIsLeftForTheNext() {
        zones = List.of(ZONE_A, ZONE_C, ZONE_B);
        aws.cloud.cloudHsm().zoneIsFull(ZONE_C, true);
        var output = completed();
        assertEquals(List.of(ZONE_A, ZONE_B), zones(output));
        assertEquals(1, output.created());
    }

    @Test
    void capacityInNoOtherZoneEndsTheStageByNameAndNothingIsBoughtInVain() {
        count = 3;
        aws.cloud.cloudHsm().zoneIsFull(ZONE_B, true);
        var failure = failed(runToEnd());
        assertEquals("NO_HSM_CAPACITY", failure.reason());
        assertTrue(failure.message().contains("AWS says in eu-central-1b: \"There is"), failure::message);
        assertEquals(List.of(ZONE_A), zonesOfHsms(), "a second one in zone a would not help KMS");
        aws.cloud.cloudHsm().zoneIsFull(ZONE_B, false);
        assertEquals(2, completed().created());
    }

    @Test
    void capacityIsAskedForAgainWhenWhatIsOnItsWayIsActive() {
        aws.cloud.cloudHsm().acceptConcurrentHsms(true);
        count = 4;
        aws.addHsm(clusterId, ZONE_B);
        aws.cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(ZONE_A));
        for (var zone : zones) aws.cloud.cloudHsm().zoneIsFull(zone, true);
        waiting(stage.run(input(), Optional.empty()));
        for (var zone : zones) aws.cloud.cloudHsm().zoneIsFull(zone, false);
        assertEquals(1, completed().created());
        assertEquals(4, everCreated());
    }

    @Test
    void quotaOfTheAccountEndsTheStageByNameUntilAnHsmOfAnotherClusterIsDeleted() {
        aws.cloud.cloudHsm().acceptConcurrentFirstHsms(true);
        var others = Stream.of(List.of(ZONE_A, ZONE_B), List.of(ZONE_A, ZONE_B), List.of(ZONE_A))
                .map(this::anotherCluster)
                .toList();
        var failure = failed(runToEnd());
        assertEquals("HSM_QUOTA_REACHED", failure.reason());
        assertTrue(failure.message().contains("already has 6 HSMs, which is its limit"), failure::message);
        assertEquals(1, hsms().size());

        var spare = Clusters.hsms(aws.cluster(others.getLast())).getFirst();
        aws.cloudHsm.deleteHsm(request -> request.clusterId(others.getLast()).hsmId(spare.hsmId()));
        aws.waitUntil(() -> Clusters.hsms(aws.cluster(others.getLast())).isEmpty());
        assertEquals(1, completed().created());
    }

    /** With an HSM in each of the zones. */
    private String anotherCluster(List<String> zonesOfIt) {
        var id = aws.cloudHsm
                .createCluster(request -> request.hsmType("hsm2m.medium")
                        .mode(ClusterMode.FIPS)
                        .subnetIds(aws.subnetIn(ZONE_A), aws.subnetIn(ZONE_B)))
                .cluster()
                .clusterId();
        aws.waitUntil(() -> aws.cluster(id).state() == ClusterState.UNINITIALIZED);
        for (var zone : zonesOfIt)
            aws.cloudHsm.createHsm(request -> request.clusterId(id).availabilityZone(zone));
        aws.waitUntil(() -> Clusters.hsms(aws.cluster(id)).stream().allMatch(hsm -> hsm.state() == HsmState.ACTIVE));
        return id;
    }

    @Test
    void twoInOneZoneAreJoinedByOneInAnother() {
        aws.addHsm(clusterId, ZONE_A);
        assertEquals(List.of(ZONE_A, ZONE_B, ZONE_A), zones(completed()));
        assertEquals(3, everCreated());
    }

    @Test
    void oneMoreThanWantedInOneZoneIsNotJoinedByAnother() {
        aws.addHsm(clusterId, ZONE_A);
        aws.addHsm(clusterId, ZONE_A);
        assertEquals("TOO_MANY_HSMS", failed(runToEnd()).reason());
        assertEquals(3, everCreated(), "only those of this test");
        delete(ZONE_A);
        assertEquals(1, completed().created(), "once one of those that share a zone is gone");
    }

    @Test
    void oneThatIsOnItsWayOutIsWaitedForBeforeThereWouldBeTooMany() {
        for (var each = 0; each < 2; each++) aws.addHsm(clusterId, ZONE_B);
        hsms().stream()
                .filter(hsm -> hsm.availabilityZone().equals(ZONE_B))
                .forEach(hsm -> aws.cloudHsm.deleteHsm(
                        request -> request.clusterId(clusterId).hsmId(hsm.hsmId())));
        var wait = waiting(stage.run(input(), Optional.empty()));
        assertEquals(Set.of("DEGRADED", "DELETE_IN_PROGRESS"), wait.whileIn());
        assertEquals(3, everCreated());
        assertEquals(1, completed().created());
        assertEquals(count + 1, aws.mostHsms());
    }

    @Test
    void hsmThatAwsReplacesIsKnownByItsNetworkInterface() {
        var before = completed().hsms().getLast();
        aws.cloud.cloudHsm().replaceHsm(before.hsmId());
        var after = completed().hsms().getLast();
        assertNotEquals(before.hsmId(), after.hsmId());
        assertEquals(before.eniId(), after.eniId());
        assertEquals(2, everCreated(), "another one would be billed by the hour");
    }

    @Test
    void zoneWithoutASubnetOfTheClusterIsNotTried() {
        zones = List.of("eu-central-1d", ZONE_A);
        var failure = failed(runToEnd());
        assertEquals("NO_ZONE_FOR_HSM", failure.reason());
        assertEquals(1, everCreated());
        zones = List.of("eu-central-1d", ZONE_A, ZONE_B);
        assertEquals(List.of(ZONE_A, ZONE_B), zones(completed()));
    }

    @Test
    void stateThatTheSdkDoesNotKnowEndsTheStageBeforeAnythingIsChanged() {
        addDegraded(ZONE_B);
        var calls = aws.cloud.calls("CreateHsm");
        try (var client = aws.client(CloudHsmV2Client.builder(), new StateOfTheFuture())) {
            var failure = failed(new CreateHsms(client, aws.runtime).run(input(), Optional.empty()));
            assertEquals("HSM_STATE_UNEXPECTED", failure.reason());
            assertTrue(failure.message().contains("is in the state HIBERNATING"), failure::message);
        }
        assertEquals(0, aws.cloud.calls("DeleteHsm"));
        assertEquals(calls, aws.cloud.calls("CreateHsm"));
    }

    /** What an SDK as old as this one makes of a state that AWS gives HSMs later. */
    private static final class StateOfTheFuture implements ExecutionInterceptor {
        @Override
        public SdkResponse modifyResponse(Context.ModifyResponse context, ExecutionAttributes attributes) {
            if (!(context.response() instanceof DescribeClustersResponse answer)) return context.response();
            return answer.toBuilder()
                    .clusters(answer.clusters().stream()
                            .map(StateOfTheFuture::changed)
                            .toList())
                    .build();
        }

        private static Cluster changed(Cluster cluster) {
            return cluster.toBuilder()
                    .hsms(cluster.hsms().stream()
                            .map(hsm -> hsm.state() == HsmState.ACTIVE
                                    ? hsm.toBuilder().state("HIBERNATING").build()
                                    : hsm)
                            .toList())
                    .build();
        }
    }

    @Test
    void clusterDeletedBehindOurBackEndsTheStage() {
        delete(ZONE_A);
        aws.cloudHsm.deleteCluster(request -> request.clusterId(clusterId));
        aws.cloud.advance(Duration.ofHours(2));
        assertEquals("CLUSTER_NOT_FOUND", failed(runToEnd()).reason());
    }

    @Test
    void theFirstRunNeedsNoCounters() throws JsonProcessingException {
        var read = Json.MAPPER.readValue(
                "{\"clusterId\": \"" + clusterId + "\", \"zones\": [\"" + ZONE_A + "\"], \"count\": 3}",
                CreateHsms.Input.class);
        assertEquals(new CreateHsms.Input(clusterId, List.of(ZONE_A), 3), read);
        assertThrows(
                JsonProcessingException.class,
                () -> Json.MAPPER.readValue(
                        "{\"clusterId\": \"" + clusterId + "\", \"zones\": []}", CreateHsms.Input.class),
                "a deployment with fewer than two HSMs is none");
    }

    @Test
    void whatAStageRemembersOverAWaitIsReadBack() throws JsonProcessingException {
        count = 4;
        var next = waiting(stage.run(input(), Optional.empty())).nextInput().orElseThrow();
        assertEquals(next, Json.MAPPER.readValue(Json.MAPPER.writeValueAsString(next), CreateHsms.Input.class));
    }
}
