package cloudhsm.pipeline.provisioning.cluster;

import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterMode;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

class RestoreHsmsTest {
    private static final String ZONE_A = "eu-central-1a";
    private static final String ZONE_B = "eu-central-1b";

    private final TestAccount aws = new TestAccount();
    private final RestoreHsms stage = new RestoreHsms(aws.cloudHsm, aws.runtime);
    private final TestAccount.InitializedCluster cluster = aws.clusterForKms("kmsPassword1");
    private final String clusterId = cluster.id();
    private final long createdBefore = aws.cloud.calls("CreateHsm");
    private final RestoreHsms.Input input = new RestoreHsms.Input(clusterId, List.of(ZONE_A, ZONE_B));

    @AfterEach
    void close() {
        aws.close();
    }

    private Outcome runToEnd() {
        return aws.runToEnd(RestoreHsms.Input.class, input, stage::run);
    }

    private List<Hsm> hsms() {
        return Clusters.hsms(aws.cluster(clusterId));
    }

    private long created() {
        return aws.cloud.calls("CreateHsm") - createdBefore;
    }

    private void delete(String zone) {
        var hsm = hsms().stream()
                .filter(each -> each.availabilityZone().equals(zone))
                .findFirst()
                .orElseThrow();
        aws.cloudHsm.deleteHsm(request -> request.clusterId(clusterId).hsmId(hsm.hsmId()));
        aws.waitUntil(() -> hsms().stream().noneMatch(each -> each.hsmId().equals(hsm.hsmId())));
    }

    private static Set<String> zones(RestoreHsms.Output output) {
        return output.hsms().stream()
                .map(RestoreHsms.RestoredHsm::availabilityZone)
                .collect(Collectors.toSet());
    }

    private RestoreHsms.Output restored() {
        var output = done(runToEnd(), RestoreHsms.Output.class);
        assertEquals(Set.of(ZONE_A, ZONE_B), zones(output));
        assertTrue(
                hsms().stream()
                        .noneMatch(hsm -> Set.of(HsmState.DEGRADED, HsmState.CREATE_IN_PROGRESS)
                                .contains(hsm.state())),
                () -> "whatever else is there bills in vain: " + hsms());
        return output;
    }

    @Test
    void twoActiveHsmsAreLeftAlone() {
        var output = restored();
        assertEquals(0, output.created());
        assertEquals(0, created());
        assertEquals(0, aws.cloud.calls("DeleteHsm"));
    }

    @Test
    void missingHsmIsCreatedInTheZoneItWasIn() {
        delete(ZONE_A);
        assertEquals(1, restored().created());
        assertEquals(1, created());
    }

    @Test
    void clusterWithoutHsmsComesBackFromItsBackupOneHsmAtATime() {
        delete(ZONE_A);
        delete(ZONE_B);
        assertEquals(2, restored().created());
        assertEquals(2, created());
        var users = aws.toolsOn(cluster).cli("", "user", "list");
        assertTrue(users.contains("kmsuser"), () -> "users come with the backup: " + users);
        assertTrue(users.contains("\"cluster-coverage\": \"full\""), users);
    }

    @Test
    void lostAnswerDoesNotBuyAThirdHsm() {
        delete(ZONE_B);
        aws.cloud.faults().add("cloudhsm", "CreateHsm", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, () -> stage.run(input, Optional.empty()), "the state machine tries again");
        restored();
        assertEquals(1, created());
    }

    @Test
    void degradedHsmIsDeletedAndItsZoneTriedAgainWhereThereIsNoOther() {
        delete(ZONE_B);
        aws.cloud.cloudHsm().nextHsmDegrades(ZONE_B);
        var output = restored();
        assertEquals(2, output.created());
        assertEquals(1, output.deleted());
        assertTrue(aws.mostHsms() <= RestoreHsms.MOST_HSMS, () -> aws.mostHsms() + " HSMs at once");
    }

    @Test
    void zoneThatDegradesItsHsmIsLeftForTheOtherFirst() {
        delete(ZONE_A);
        delete(ZONE_B);
        aws.cloud.cloudHsm().nextHsmDegrades(ZONE_A);
        var output = restored();
        assertEquals(3, output.created());
        assertEquals(1, output.deleted());
    }

    @Test
    void fourCreationsAreTheMost() {
        delete(ZONE_B);
        var failure = failed(aws.runToEnd(RestoreHsms.Input.class, input, (next, awaited) -> {
            aws.cloud.cloudHsm().nextHsmDegrades(ZONE_B);
            return stage.run(next, awaited);
        }));
        assertEquals("HSM_DEGRADED", failure.reason());
        assertTrue(failure.message().contains("after 4 were created; 4 turned DEGRADED"), failure::message);
        assertEquals(4, created());
        assertEquals(1, hsms().size(), "no DEGRADED HSM is left billing");
    }

    @Test
    void degradedHsmBesideTwoActiveOnesIsDeleted() {
        aws.cloud.cloudHsm().nextHsmDegrades(ZONE_B);
        aws.cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(ZONE_B));
        aws.waitUntil(() -> hsms().stream().anyMatch(hsm -> hsm.state() == HsmState.DEGRADED));
        assertEquals(1, restored().deleted());
        assertEquals(1, created(), "only the one of this test");
    }

    @Test
    void zoneWithoutCapacityEndsTheStageByNameAndNothingIsLost() {
        delete(ZONE_B);
        aws.cloud.cloudHsm().zoneIsFull(ZONE_B, true);
        var failure = failed(runToEnd());
        assertEquals("NO_HSM_CAPACITY", failure.reason());
        assertEquals(1, hsms().size(), "the other HSM serves KMS meanwhile");
        aws.cloud.cloudHsm().zoneIsFull(ZONE_B, false);
        assertEquals(1, restored().created());
    }

    @Test
    void quotaOfTheAccountEndsTheStageByNameUntilAnHsmOfAnotherClusterIsDeleted() {
        delete(ZONE_B);
        aws.cloud.cloudHsm().acceptConcurrentFirstHsms(true);
        var others = Stream.of(List.of(ZONE_A, ZONE_B), List.of(ZONE_A, ZONE_B), List.of(ZONE_A))
                .map(this::anotherCluster)
                .toList();
        var failure = failed(runToEnd());
        assertEquals("HSM_QUOTA_REACHED", failure.reason());
        assertTrue(failure.message().contains("already has 6 HSMs, which is its limit"), failure::message);
        assertEquals(1, hsms().size(), "the other HSM serves KMS meanwhile");

        var spare = Clusters.hsms(aws.cluster(others.getLast())).getFirst();
        aws.cloudHsm.deleteHsm(request -> request.clusterId(others.getLast()).hsmId(spare.hsmId()));
        aws.waitUntil(() -> Clusters.hsms(aws.cluster(others.getLast())).isEmpty());
        assertEquals(1, restored().created());
    }

    /** With an HSM in each of the zones. */
    private String anotherCluster(List<String> zones) {
        var id = aws.cloudHsm
                .createCluster(request -> request.hsmType("hsm2m.medium")
                        .mode(ClusterMode.FIPS)
                        .subnetIds(aws.cluster(clusterId).subnetMapping().values()))
                .cluster()
                .clusterId();
        aws.waitUntil(() -> aws.cluster(id).state() == ClusterState.UNINITIALIZED);
        for (var zone : zones)
            aws.cloudHsm.createHsm(request -> request.clusterId(id).availabilityZone(zone));
        aws.waitUntil(() -> Clusters.hsms(aws.cluster(id)).stream().allMatch(hsm -> hsm.state() == HsmState.ACTIVE));
        return id;
    }

    @Test
    void threeHsmsInOneZoneAreNotJoinedByAFourth() {
        delete(ZONE_B);
        aws.addHsm(clusterId, ZONE_A);
        aws.addHsm(clusterId, ZONE_A);
        assertEquals("TOO_MANY_HSMS", failed(runToEnd()).reason());
        assertEquals(2, created(), "only those of this test");
        delete(ZONE_A);
        assertEquals(1, restored().created(), "once one of those that share a zone is gone");
    }

    @Test
    void clusterDeletedBehindOurBackEndsTheStage() {
        delete(ZONE_A);
        delete(ZONE_B);
        aws.cloudHsm.deleteCluster(request -> request.clusterId(clusterId));
        aws.cloud.advance(Duration.ofHours(2));
        assertEquals("CLUSTER_NOT_FOUND", failed(runToEnd()).reason());
    }

    @Test
    void theFirstRunNeedsNoCounts() throws Exception {
        var read = Json.MAPPER.readValue(
                "{\"clusterId\": \"" + clusterId + "\", \"zones\": [\"" + ZONE_A + "\"]}", RestoreHsms.Input.class);
        assertEquals(new RestoreHsms.Input(clusterId, List.of(ZONE_A)), read);
    }
}
