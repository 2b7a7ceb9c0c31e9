package cloudhsm.pipeline.provisioning.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;

class CreateFirstHsmTest {
    private final EmbeddedAws aws = new EmbeddedAws();
    private final CreateFirstHsm stage = new CreateFirstHsm(aws.cloudHsm, aws.runtime());
    private final String clusterId = aws.givenCluster();
    private final CreateFirstHsm.Input input = new CreateFirstHsm.Input(clusterId, EmbeddedAws.ZONES);

    @AfterEach
    void close() {
        aws.close();
    }

    private Outcome run() {
        return stage.run(input, Optional.empty());
    }

    private Outcome runToEnd() {
        return aws.runToEnd(awaited -> stage.run(input, awaited));
    }

    /** The only one: a DEGRADED one beside it may bill. */
    private Hsm hsm() {
        var hsms = Clusters.hsms(aws.cluster(clusterId));
        assertEquals(1, hsms.size(), hsms::toString);
        return hsms.getFirst();
    }

    /** The cluster is not activated yet. */
    private void done() {
        assertEquals(
                new CreateFirstHsm.Output(false),
                assertInstanceOf(Outcome.Done.class, runToEnd()).output());
    }

    @Test
    void firstRunWaitsForAnHsmInTheFirstZone() {
        var waiting = assertInstanceOf(Outcome.Waiting.class, run());
        assertEquals(Resource.hsm(clusterId, EmbeddedAws.ZONE_A), waiting.resource());
        assertEquals(Set.of("CREATE_IN_PROGRESS", "ABSENT"), waiting.whileIn());
        assertEquals(Duration.ofMinutes(30), waiting.budget());
    }

    @Test
    void runningTheStageAgainWaitsForTheSameHsm() {
        assertEquals(run(), run());
        assertEquals(1, aws.cloud.calls("CreateHsm"), "a second HSM would be billed by the hour");
    }

    @Test
    void isDoneOnceTheCsrIsThere() {
        done();
        assertEquals(EmbeddedAws.ZONE_A, hsm().availabilityZone());
        assertTrue(Clusters.csr(aws.cluster(clusterId)).isPresent(), "the next stages read it");
        assertEquals(1, aws.cloud.calls("CreateHsm"));
    }

    @Test
    void lostAnswerDoesNotBuyASecondHsm() {
        aws.cloud.faults().add("cloudhsm", "CreateHsm", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, this::run);
        assertInstanceOf(Outcome.Done.class, runToEnd());
        assertEquals(1, aws.cloud.calls("CreateHsm"));
    }

    @Test
    void staleAnswerDoesNotBuyASecondHsm() {
        aws.cloud.cloudHsm().answerNextDescribesFromNow(2);
        run();
        var failed = assertInstanceOf(Outcome.Failed.class, run());
        assertEquals("TransientAwsFailure", failed.reason(), "the state machine looks again");
        assertEquals(1, Clusters.hsms(aws.cluster(clusterId)).size());
    }

    @Test
    void degradedHsmIsDeletedAndTheOtherZoneTried() {
        aws.cloud.cloudHsm().nextHsmDegrades(EmbeddedAws.ZONE_A);
        done();
        assertEquals(EmbeddedAws.ZONE_B, hsm().availabilityZone());
    }

    @Test
    void degradedInEveryZoneEndsTheStageWithAwssOwnWords() {
        aws.cloud.cloudHsm().nextHsmDegrades(EmbeddedAws.ZONE_A);
        aws.cloud.cloudHsm().nextHsmDegrades(EmbeddedAws.ZONE_B);
        var failed = assertInstanceOf(Outcome.Failed.class, runToEnd());
        assertEquals("HSM_DEGRADED", failed.reason());
        assertTrue(
                failed.message().contains("AWS says: \"HSM creation failed. Please delete this HSM and try again.\"."),
                failed::message);
        assertEquals(2, aws.cloud.calls("CreateHsm"), "each zone is tried once");
        assertEquals(2, aws.cloud.calls("DeleteHsm"), "no DEGRADED HSM is left billing");
    }

    @Test
    void degradedHsmLeftByAnEarlierExecutionDoesNotEndTheStage() {
        aws.cloud.cloudHsm().nextHsmDegrades(EmbeddedAws.ZONE_B);
        stage.run(new CreateFirstHsm.Input(clusterId, List.of(EmbeddedAws.ZONE_B)), Optional.empty());
        aws.cloud.advance(Duration.ofMinutes(30));
        done();
        assertEquals(EmbeddedAws.ZONE_A, hsm().availabilityZone());
    }

    @Test
    void zoneWithoutCapacityIsLeftForTheOther() {
        aws.cloud.cloudHsm().zoneIsFull(EmbeddedAws.ZONE_A, true);
        done();
        assertEquals(EmbeddedAws.ZONE_B, hsm().availabilityZone());
        assertEquals(2, aws.cloud.calls("CreateHsm"));
    }

    @Test
    void capacityNowhereEndsTheStageByNameWithAwssOwnWords() {
        aws.cloud.cloudHsm().zoneIsFull(EmbeddedAws.ZONE_A, true);
        aws.cloud.cloudHsm().zoneIsFull(EmbeddedAws.ZONE_B, true);
        var failed = assertInstanceOf(Outcome.Failed.class, runToEnd());
        assertEquals("NO_HSM_CAPACITY", failed.reason());
        assertTrue(
                failed.message().contains("AWS says in eu-central-1a: \"There is insufficient capacity in"),
                failed::message);
        assertTrue(failed.message().contains("; in eu-central-1b: \"There is"), failed::message);
        assertEquals(2, aws.cloud.calls("CreateHsm"), "each zone is asked once");
        assertEquals(0, Clusters.hsms(aws.cluster(clusterId)).size());
    }

    @Test
    void degradedHsmAndAFullZoneEndTheStageWithoutALeftover() {
        aws.cloud.cloudHsm().nextHsmDegrades(EmbeddedAws.ZONE_A);
        aws.cloud.cloudHsm().zoneIsFull(EmbeddedAws.ZONE_B, true);
        done();
        assertEquals(EmbeddedAws.ZONE_A, hsm().availabilityZone(), "the first zone is asked again, once");
        assertEquals(3, aws.cloud.calls("CreateHsm"));
    }

    @Test
    void hsmReplacedWhileWaitingIsFoundByItsZone() {
        done();
        var first = hsm();
        var newId = aws.cloud.cloudHsm().replaceHsm(first.hsmId());
        done();
        assertEquals(newId, hsm().hsmId());
        assertEquals(first.eniId(), hsm().eniId(), "the network interface stays");
        assertEquals(1, aws.cloud.calls("CreateHsm"));
    }

    @Test
    void clusterThatIsActivatedIsLeftAsItIsWithoutAnyHsmToo() {
        try (var account = new TestAccount()) {
            var cluster = account.initializedCluster();
            account.activate(cluster);
            var created = account.cloud.calls("CreateHsm");
            var first = new CreateFirstHsm(account.cloudHsm, account.runtime);
            var given = new CreateFirstHsm.Input(cluster.id(), EmbeddedAws.ZONES);
            assertEquals(
                    new CreateFirstHsm.Output(true),
                    TestAccount.done(first.run(given, Optional.empty()), CreateFirstHsm.Output.class));
            for (var hsm : Clusters.hsms(account.cluster(cluster.id())))
                account.cloudHsm.deleteHsm(
                        delete -> delete.clusterId(cluster.id()).hsmId(hsm.hsmId()));
            account.waitUntil(() -> Clusters.hsms(account.cluster(cluster.id())).isEmpty());
            assertEquals(
                    new CreateFirstHsm.Output(true),
                    TestAccount.done(first.run(given, Optional.empty()), CreateFirstHsm.Output.class));
            assertEquals(created, account.cloud.calls("CreateHsm"));
        }
    }

    @Test
    void clusterDeletedBehindOurBackEndsTheStage() {
        aws.cloudHsm.deleteCluster(request -> request.clusterId(clusterId));
        aws.cloud.advance(Duration.ofHours(2));
        assertEquals(
                "CLUSTER_NOT_FOUND",
                assertInstanceOf(Outcome.Failed.class, run()).reason());
    }

    @Test
    void zoneWithoutASubnetOfTheClusterIsNotTried() {
        var elsewhere = new CreateFirstHsm.Input(clusterId, List.of("eu-central-1c"));
        var failed = assertInstanceOf(Outcome.Failed.class, stage.run(elsewhere, Optional.empty()));
        assertEquals("NO_ZONE_FOR_HSM", failed.reason());
        assertEquals(0, aws.cloud.calls("CreateHsm"));
    }
}
