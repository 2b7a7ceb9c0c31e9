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
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

class DeleteHsmsTest {
    private final EmbeddedAws aws = new EmbeddedAws();
    private final DeleteHsms stage = new DeleteHsms(aws.cloudHsm, aws.runtime());

    @AfterEach
    void close() {
        aws.close();
    }

    private Outcome run(String clusterId) {
        return stage.run(new DeleteHsms.Input(clusterId, 0, List.of()), Optional.empty());
    }

    private DeleteHsms.Output runToEnd(String clusterId) {
        var outcome = aws.runToEnd(awaited -> stage.run(new DeleteHsms.Input(clusterId, 0, List.of()), awaited));
        return TestAccount.done(outcome, DeleteHsms.Output.class);
    }

    @Test
    void everyHsmGoesAndABackupStays() {
        try (var account = new TestAccount()) {
            var clusterId = account.clusterForKms("kmsuserPassword1").id();
            var both = new DeleteHsms(account.cloudHsm, account.runtime);
            var input = new DeleteHsms.Input(clusterId, 0, List.of());
            TestAccount.waiting(both.run(input, Optional.empty()));
            assertEquals(
                    Set.of(HsmState.DELETE_IN_PROGRESS),
                    account.cluster(clusterId).hsms().stream().map(Hsm::state).collect(Collectors.toSet()),
                    "both at once: each minute of either bills");
            account.waitUntil(() -> account.cluster(clusterId).hsms().isEmpty());
            var output = TestAccount.done(both.run(input, Optional.empty()), DeleteHsms.Output.class);
            assertTrue(output.newestBackupId().startsWith("backup-"), "the users and keys are in it");
        }
    }

    @Test
    void theOtherOfAZoneGoesWhileOneOfItIsKept() {
        var clusterId = aws.givenCluster();
        aws.cloud.cloudHsm().acceptConcurrentFirstHsms(true);
        for (var each = 0; each < 2; each++) {
            aws.cloudHsm.createHsm(request -> request.clusterId(clusterId).availabilityZone(EmbeddedAws.ZONE_A));
        }
        aws.cloud.advance(Duration.ofMinutes(20));
        var input = new DeleteHsms.Input(clusterId, 1, List.of());
        TestAccount.done(aws.runToEnd(awaited -> stage.run(input, awaited)), DeleteHsms.Output.class);
        assertEquals(
                List.of(HsmState.ACTIVE),
                Clusters.hsms(aws.cluster(clusterId)).stream().map(Hsm::state).toList());
    }

    @Test
    void clusterThatIsGoneOrNeverHadHsmsIsDone() {
        assertEquals("", runToEnd("cluster-aaaaaaaaaaa").newestBackupId());
        assertEquals("", runToEnd(aws.givenCluster()).newestBackupId());
        assertEquals(0, aws.cloud.calls("DeleteHsm"));
    }

    @Test
    void hsmInCreationIsWaitedForAndThenDeleted() {
        var clusterId = aws.givenCluster();
        new CreateFirstHsm(aws.cloudHsm, aws.runtime())
                .run(new CreateFirstHsm.Input(clusterId, EmbeddedAws.ZONES), Optional.empty());
        var waiting = assertInstanceOf(Outcome.Waiting.class, run(clusterId));
        var hsm = Clusters.hsms(aws.cluster(clusterId)).getFirst();
        assertEquals(Resource.oneHsm(clusterId, hsm.hsmId()), waiting.resource());
        assertEquals(Set.of("CREATE_IN_PROGRESS"), waiting.whileIn());
        runToEnd(clusterId);
        assertEquals(List.of(), Clusters.hsms(aws.cluster(clusterId)));
    }

    @Test
    void degradedHsmGoesToo() {
        aws.cloud.cloudHsm().nextHsmDegrades(EmbeddedAws.ZONE_A);
        var clusterId = aws.givenCluster();
        new CreateFirstHsm(aws.cloudHsm, aws.runtime())
                .run(new CreateFirstHsm.Input(clusterId, EmbeddedAws.ZONES), Optional.empty());
        runToEnd(clusterId);
        assertEquals(List.of(), Clusters.hsms(aws.cluster(clusterId)), "it may bill");
    }

    @Test
    void lostAnswerIsLookedAtAgain() {
        var clusterId = aws.givenFirstHsm();
        aws.cloud.faults().add("cloudhsm", "DeleteHsm", 1, Faults.Kind.ANSWER_LOST);
        assertThrows(SdkException.class, () -> run(clusterId));
        runToEnd(clusterId);
        assertEquals(1, aws.cloud.calls("DeleteHsm"));
    }

    @Test
    void staleListIsLookedAtAgain() {
        var clusterId = aws.givenFirstHsm();
        aws.cloud.cloudHsm().answerNextDescribesFromNow(2);
        run(clusterId);
        var failed = assertInstanceOf(Outcome.Failed.class, run(clusterId));
        assertEquals("TransientAwsFailure", failed.reason());
        assertTrue(failed.message().contains("DELETE_IN_PROGRESS"), failed::message);
        runToEnd(clusterId);
    }
}
