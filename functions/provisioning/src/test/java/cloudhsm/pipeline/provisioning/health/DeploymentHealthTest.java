package cloudhsm.pipeline.provisioning.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What counts as healthy, and how it is said. */
class DeploymentHealthTest {
    private static final List<String> ZONES = List.of("eu-central-1a", "eu-central-1b");

    private static DeploymentHealth health(int wanted, int active, List<String> zones, String keyStoreState) {
        return new DeploymentHealth(
                "demo", "cluster-a", "ACTIVE", wanted, active, zones, List.of(), "cks-1", keyStoreState, "");
    }

    @Test
    void asManyHsmsAsAreWantedInTwoZonesAreHealthy() {
        var health = health(3, 3, ZONES, "CONNECTED");
        assertFalse(health.isDegraded());
        assertEquals(
                "HSMs are ACTIVE in eu-central-1a and eu-central-1b. Key store cks-1 is CONNECTED.", health.inWords());
        assertFalse(health(2, 3, ZONES, "CONNECTED").isDegraded(), "nobody misses one that is there too many");
    }

    @Test
    void oneHsmLessThanWantedIsDegradedAlthoughTwoZonesHaveOne() {
        var health = health(3, 2, ZONES, "CONNECTED");
        assertTrue(health.isDegraded());
        assertEquals(
                "HSMs are ACTIVE in eu-central-1a and eu-central-1b. 2 of 3 HSMs are ACTIVE. Key store cks-1 is"
                        + " CONNECTED.",
                health.inWords());
        assertFalse(health.isOutOfUse(), "objects are readable and writable meanwhile");
    }

    @Test
    void hsmsInOneZoneOnlyAreDegradedHoweverManyThereAre() {
        assertTrue(health(2, 2, List.of("eu-central-1a"), "CONNECTED").isDegraded());
    }

    @Test
    void keyStoreOnItsWayIsNotDegradedAndAnyOtherThatIsNotConnectedIs() {
        for (var state : List.of("CONNECTING", "DISCONNECTING")) {
            assertFalse(health(2, 2, ZONES, state).isDegraded(), state);
        }
        for (var state : List.of("DISCONNECTED", "FAILED", "ABSENT")) {
            assertTrue(health(2, 2, ZONES, state).isDegraded(), state);
        }
    }
}
