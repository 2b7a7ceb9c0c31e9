package cloudhsm.pipeline.localcloud.cloudhsm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/** CreateHsm on an ACTIVE cluster while another of its HSMs is on its way. */
class FurtherHsmsTest {
    private final CloudHsmScenario scenario = new CloudHsmScenario();
    private String cluster;

    @BeforeEach
    void activate() {
        cluster = scenario.activeCluster(scenario.instance());
    }

    @AfterEach
    void close() {
        scenario.close();
    }

    @Test
    void anotherIsRefusedUntilTheOneOnItsWayIsActive() {
        var second = scenario.createHsm(cluster, CloudHsmScenario.ZONE_B);
        assertEquals(
                "Cluster '" + cluster + "' cannot be given another HSM while HSM '" + second
                        + "' is CREATE_IN_PROGRESS",
                refusal());
        scenario.waitForHsm(cluster, second, HsmState.ACTIVE);
        scenario.createActiveHsm(cluster, CloudHsmScenario.ZONE_A);
    }

    @Test
    void aSwitchAcceptsSeveralAtOnce() {
        scenario.aws.cloudHsm().acceptConcurrentHsms(true);
        var second = scenario.createHsm(cluster, CloudHsmScenario.ZONE_B);
        var third = scenario.createHsm(cluster, CloudHsmScenario.ZONE_B);
        scenario.waitForHsm(cluster, second, HsmState.ACTIVE);
        scenario.waitForHsm(cluster, third, HsmState.ACTIVE);
    }

    @Test
    void theFirstOfAClusterWithoutActiveHsmsIsAlwaysMadeAlone() {
        scenario.aws.cloudHsm().acceptConcurrentHsms(true);
        var only = scenario.describe(cluster).hsms().stream()
                .map(Hsm::hsmId)
                .findFirst()
                .orElseThrow();
        scenario.cloudHsm.deleteHsm(request -> request.clusterId(cluster).hsmId(only));
        scenario.waitForHsm(cluster, only, HsmState.DELETED);
        var first = scenario.createHsm(cluster, CloudHsmScenario.ZONE_A);
        assertEquals(
                "Cluster '" + cluster + "' cannot be given another HSM while HSM '" + first + "' is CREATE_IN_PROGRESS",
                refusal());
        scenario.waitForHsm(cluster, first, HsmState.ACTIVE);
        scenario.createActiveHsm(cluster, CloudHsmScenario.ZONE_B);
    }

    private String refusal() {
        return assertThrows(
                        CloudHsmInvalidRequestException.class,
                        () -> scenario.createHsm(cluster, CloudHsmScenario.ZONE_B))
                .awsErrorDetails()
                .errorMessage();
    }
}
