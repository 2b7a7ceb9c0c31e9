package cloudhsm.pipeline.provisioning.cluster;

import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;

class CreateSecondHsmTest {
    private static final String ZONE_A = "eu-central-1a";
    private static final String ZONE_B = "eu-central-1b";

    /** CreateHsm accepts it, but CloudHSM is not offered there: each HSM comes out DEGRADED. */
    private static final String ZONE_C = "eu-central-1c";

    private final TestAccount aws = new TestAccount();
    private final CreateSecondHsm stage = new CreateSecondHsm(aws.cloudHsm, aws.runtime);
    private final String clusterId = activeCluster();
    private final long createdBefore = aws.cloud.calls("CreateHsm");

    @AfterEach
    void close() {
        aws.close();
    }

    private String activeCluster() {
        var cluster = aws.initializedCluster(ZONE_A, ZONE_B, ZONE_C);
        aws.activate(cluster);
        return cluster.id();
    }

    private Outcome runToEnd(String... zones) {
        var input = new CreateSecondHsm.Input(clusterId, List.of(zones));
        return aws.runToEnd(CreateSecondHsm.Input.class, input, stage::run);
    }

    private CreateSecondHsm.Output second(String... zones) {
        return done(runToEnd(zones), CreateSecondHsm.Output.class);
    }

    private List<String> zonesOfHsms() {
        return Clusters.hsms(aws.cluster(clusterId)).stream()
                .map(Hsm::availabilityZone)
                .sorted()
                .toList();
    }

    private long created() {
        return aws.cloud.calls("CreateHsm") - createdBefore;
    }

    @Test
    void degradedHsmIsDeletedAndTheOtherZoneTried() {
        assertEquals(ZONE_B, second(ZONE_A, ZONE_C, ZONE_B).availabilityZone());
        assertEquals(List.of(ZONE_A, ZONE_B), zonesOfHsms(), "the DEGRADED one may bill");
        assertEquals(2, created());
        assertEquals(2, aws.mostHsms());
    }

    @Test
    void degradedInEveryZoneEndsTheStageAndANewExecutionTriesAgain() {
        aws.cloud.cloudHsm().nextHsmDegrades(ZONE_B);
        var failed = failed(runToEnd(ZONE_A, ZONE_C, ZONE_B));
        assertEquals("HSM_DEGRADED", failed.reason());
        assertTrue(failed.message().contains("AWS says: \"HSM creation failed."), failed::message);
        assertEquals(2, created(), "each zone is tried once");
        assertEquals(ZONE_B, second(ZONE_A, ZONE_B).availabilityZone());
        assertEquals(List.of(ZONE_A, ZONE_B), zonesOfHsms());
    }

    @Test
    void capacityNowhereElseEndsTheStageByName() {
        aws.cloud.cloudHsm().zoneIsFull(ZONE_B, true);
        assertEquals("NO_HSM_CAPACITY", failed(runToEnd(ZONE_A, ZONE_B)).reason());
        assertEquals(List.of(ZONE_A), zonesOfHsms());
        aws.cloud.cloudHsm().zoneIsFull(ZONE_B, false);
        assertEquals(ZONE_B, second(ZONE_A, ZONE_B).availabilityZone());
    }

    @Test
    void secondIsTheOneThatIsNotInTheFirstOnesZone() {
        aws.addHsm(clusterId, ZONE_B);
        for (var first : List.of(ZONE_A, ZONE_B)) {
            var input = new CreateSecondHsm.Input(clusterId, List.of(ZONE_A, ZONE_B), first);
            var output =
                    done(aws.runToEnd(CreateSecondHsm.Input.class, input, stage::run), CreateSecondHsm.Output.class);
            assertNotEquals(first, output.availabilityZone(), "the evidence would name one HSM twice");
        }
    }

    @Test
    void hsmThatAwsReplacesIsKnownByItsNetworkInterface() {
        var before = second(ZONE_A, ZONE_B);
        aws.cloud.cloudHsm().replaceHsm(before.hsmId());
        var after = second(ZONE_A, ZONE_B);
        assertNotEquals(before.hsmId(), after.hsmId());
        assertEquals(before.eniId(), after.eniId());
        assertEquals(1, created(), "another one would be billed by the hour");
    }
}
