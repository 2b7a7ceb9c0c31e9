package cloudhsm.pipeline.localcloud.cloudhsm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmResourceNotFoundException;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

class FirstHsmTest {
    private static final String NOT_ACTIVATED = "' already contains an HSM but has not yet been fully activated";

    private final CloudHsmScenario scenario = new CloudHsmScenario();

    @AfterEach
    void close() {
        scenario.close();
    }

    @Test
    void answersWithoutNetworkInterfaceWhichComesLater() {
        var cluster = scenario.uninitializedCluster();
        var hsm = scenario.cloudHsm
                .createHsm(request -> request.clusterId(cluster).availabilityZone(CloudHsmScenario.ZONE_A))
                .hsm();
        assertEquals(HsmState.CREATE_IN_PROGRESS, hsm.state());
        assertNull(hsm.eniId(), "the interface is made after the answer");
        assertNull(hsm.eniIp(), "the address is known after the answer");
        scenario.waitForHsm(cluster, hsm.hsmId(), HsmState.ACTIVE);
        assertNotNull(scenario.describe(cluster, hsm.hsmId()).eniIp());
        assertEquals(
                ClusterState.UNINITIALIZED,
                scenario.describe(cluster).state(),
                "an HSM does not change the state of its cluster");
    }

    @Test
    void csrComesAfterTheHsmIsActive() {
        var cluster = scenario.uninitializedCluster();
        scenario.waitForHsm(cluster, scenario.createHsm(cluster, CloudHsmScenario.ZONE_A), HsmState.ACTIVE);
        assertNull(scenario.describe(cluster).certificates().clusterCsr(), "ACTIVE alone does not mean a CSR");
        scenario.aws.advance(Duration.ofMinutes(1));
        assertNotNull(scenario.describe(cluster).certificates().clusterCsr());
    }

    @Test
    void secondHsmBeforeActivationIsRefused() {
        var cluster = scenario.uninitializedCluster();
        scenario.createHsm(cluster, CloudHsmScenario.ZONE_A);
        assertEquals("Cluster '" + cluster + NOT_ACTIVATED, refusal(cluster, CloudHsmScenario.ZONE_B));
    }

    @Test
    void secondHsmIsRefusedEvenWhenInitialized() {
        var cluster = scenario.initializedCluster();
        assertEquals("Cluster '" + cluster + NOT_ACTIVATED, refusal(cluster, CloudHsmScenario.ZONE_B));
    }

    @Test
    void racingFirstHsmsAreBothAcceptedAndNoCsrEverComes() {
        scenario.aws.cloudHsm().acceptConcurrentFirstHsms(true);
        var cluster = scenario.uninitializedCluster();
        var first = scenario.createHsm(cluster, CloudHsmScenario.ZONE_A);
        var second = scenario.createHsm(cluster, CloudHsmScenario.ZONE_B);
        scenario.waitForHsm(cluster, first, HsmState.ACTIVE);
        scenario.waitForHsm(cluster, second, HsmState.ACTIVE);
        scenario.aws.advance(Duration.ofHours(1));
        assertNull(scenario.describe(cluster).certificates().clusterCsr(), "CreateHsm must be serialised per cluster");
    }

    @Test
    void hsmThatFailsTurnsDegradedAndNeverRecovers() {
        scenario.aws.cloudHsm().nextHsmDegrades(CloudHsmScenario.ZONE_A);
        var cluster = scenario.uninitializedCluster();
        var failing = scenario.createHsm(cluster, CloudHsmScenario.ZONE_A);
        scenario.aws.advance(Duration.ofHours(2));
        var hsm = scenario.describe(cluster, failing);
        assertEquals(HsmState.DEGRADED, hsm.state());
        assertEquals("HSM creation failed. Please delete this HSM and try again.", hsm.stateMessage());
        assertEquals(
                "Cluster '" + cluster + NOT_ACTIVATED,
                refusal(cluster, CloudHsmScenario.ZONE_B),
                "the degraded HSM has to be deleted first");

        scenario.cloudHsm.deleteHsm(request -> request.clusterId(cluster).hsmId(failing));
        scenario.waitForHsm(cluster, failing, HsmState.DELETED);

        scenario.waitForHsm(cluster, scenario.createHsm(cluster, CloudHsmScenario.ZONE_A), HsmState.ACTIVE);
    }

    @Test
    void zoneWithoutCloudHsmFailsLate() {
        var cluster = scenario.uninitializedCluster();
        var hsm = scenario.createHsm(cluster, "eu-central-1c");
        assertEquals(
                HsmState.CREATE_IN_PROGRESS, scenario.describe(cluster, hsm).state(), "the call is accepted");
        scenario.waitForHsm(cluster, hsm, HsmState.DEGRADED);
    }

    @Test
    void zoneWithoutSubnetOfTheClusterIsRefused() {
        var cluster = scenario.uninitializedCluster();
        assertTrue(refusal(cluster, "eu-central-1d").contains("has no subnet in Availability Zone"));
    }

    @Test
    void clusterInCreationTakesNoHsm() {
        var cluster = scenario.cloudHsm
                .createCluster(scenario.clusterRequest().build())
                .cluster()
                .clusterId();
        assertTrue(refusal(cluster, CloudHsmScenario.ZONE_A).contains("CREATE_IN_PROGRESS"));
    }

    @Test
    void unknownClusterIsNotFound() {
        assertThrows(
                CloudHsmResourceNotFoundException.class,
                () -> scenario.createHsm("cluster-aaaaaaaaaaa", CloudHsmScenario.ZONE_A));
    }

    @Test
    void replacedFirstHsmKeepsItsInterfaceAndOffersAnotherKey() {
        var cluster = scenario.clusterWithCsr();
        var before = scenario.describe(cluster);
        var hsm = before.hsms().getFirst();

        var replacement = scenario.aws.cloudHsm().replaceHsm(hsm.hsmId());

        assertNotEquals(hsm.hsmId(), replacement);
        assertEquals(hsm.eniId(), scenario.describe(cluster, replacement).eniId(), "the interface stays");
        scenario.aws.advance(Duration.ofMinutes(1));
        var csr = scenario.describe(cluster).certificates().clusterCsr();
        assertNotEquals(
                TestAuthority.csr(before.certificates().clusterCsr()).getSubjectPublicKeyInfo(),
                TestAuthority.csr(csr).getSubjectPublicKeyInfo(),
                "a certificate for the old CSR is useless");
    }

    private String refusal(String cluster, String zone) {
        return assertThrows(CloudHsmInvalidRequestException.class, () -> scenario.createHsm(cluster, zone))
                .awsErrorDetails()
                .errorMessage();
    }
}
