package cloudhsm.pipeline.provisioning.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.lambda.Json;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** What the record says was made, and what was about to be. */
class DeploymentsTest {
    private static final Instant NOW = Instant.parse("2026-03-01T12:00:00Z");

    private final TestAccount aws = new TestAccount();
    private final DynamoDbClient dynamoDb = aws.client(DynamoDbClient.builder());
    private final Deployments deployments = new Deployments(dynamoDb, PipelineTable.NAME);

    @BeforeEach
    void provision() {
        PipelineTable.create(dynamoDb, aws.cloud);
        PipelineTable.provisioning(deployments, "demo", Map.of("deployment", "demo"), NOW);
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private Deployment demo() {
        return deployments.find("demo").orElseThrow();
    }

    @Test
    void anIntentKeepsItsValueUntilTheThingIsMade() {
        var value = deployments.intend("demo", Made.CLUSTER);
        assertEquals(value, deployments.intend("demo", Made.CLUSTER), "the function that died left it open");
        assertEquals(Optional.of(value), demo().intent(Made.CLUSTER));
        assertEquals(Optional.empty(), demo().intent(Made.KEY));
        deployments.made("demo", Made.CLUSTER, "cluster-abcdefghijk");
        assertEquals(Optional.empty(), demo().intent(Made.CLUSTER));
        assertNotEquals(value, deployments.intend("demo", Made.CLUSTER), "another cluster, another value");
    }

    @Test
    void whatWasMadeIsRememberedOnceUntilItIsGone() {
        assertEquals(List.of(), demo().made(Made.CLIENT));
        deployments.made("demo", Made.CLIENT, "i-2");
        deployments.made("demo", Made.CLIENT, "i-1");
        deployments.made("demo", Made.CLIENT, "i-1");
        assertEquals(List.of("i-1", "i-2"), demo().made(Made.CLIENT));
        deployments.gone("demo", Made.CLIENT, "i-1");
        deployments.gone("demo", Made.CLIENT, "i-3");
        deployments.gone("demo", Made.CLIENT, "i-2");
        assertEquals(List.of(), demo().made(Made.CLIENT));
    }

    @Test
    void aClusterFromABackupMakesFormerOnesOfThoseBeforeIt() {
        deployments.intend("demo", Made.CLUSTER);
        deployments.madeFromBackup(demo(), "cluster-aaaaaaaaaaa");
        assertEquals(Optional.empty(), demo().intent(Made.CLUSTER));
        deployments.intend("demo", Made.CLUSTER);
        deployments.madeFromBackup(demo(), "cluster-bbbbbbbbbbb");
        deployments.madeFromBackup(demo(), "cluster-bbbbbbbbbbb");
        deployments.madeFromBackup(demo(), "cluster-ccccccccccc");
        assertEquals(List.of("cluster-ccccccccccc"), demo().made(Made.CLUSTER));
        assertEquals(List.of("cluster-aaaaaaaaaaa", "cluster-bbbbbbbbbbb"), demo().made(Made.FORMER_CLUSTER));
        assertEquals(Optional.empty(), demo().intent(Made.CLUSTER));
    }

    @Test
    void aBucketBelongsToTheDeploymentThatMadeOrAdoptedIt() {
        assertFalse(demo().hasBucket("photos"));
        deployments.adopted("demo", "photos", Json.MAPPER.createObjectNode().put("Versioning", "Enabled"));
        deployments.made("demo", Made.BUCKET, "reports");
        assertTrue(demo().hasBucket("photos"));
        assertTrue(demo().hasBucket("reports"));
        assertEquals(List.of("photos"), demo().adoptedBuckets());
        assertEquals(List.of("reports"), demo().made(Made.BUCKET));
        assertEquals(
                "Enabled",
                deployments.found("demo", "photos").path("Versioning").asText());
        deployments.remove("demo");
        assertTrue(deployments.found("demo", "photos").isEmpty(), "whoever adopts it next finds it anew");
    }

    @Test
    void anotherProvisioningForgetsNothing() {
        deployments.made("demo", Made.KEY_STORE, "cks-a23683025008ba53b");
        PipelineTable.provisioning(deployments, "demo", Map.of("deployment", "demo"), NOW);
        assertEquals(List.of("cks-a23683025008ba53b"), demo().made(Made.KEY_STORE));
    }

    @Test
    void runningDeploymentIsRunningWhileItIsWorkedOn() {
        deployments.running("demo", Map.of("cluster", "first"), NOW);
        var before = deployments.find("demo");
        var wanted = Json.MAPPER.createObjectNode().put("maxCostUsd", 32.50);
        var later = NOW.plusSeconds(60);
        assertTrue(deployments.provisioning("demo", before, wanted, Map.of("plan", "second"), Optional.empty(), later));
        assertEquals(Phase.RUNNING, demo().phase());
        assertEquals(NOW, demo().since());
        assertEquals("second", demo().plan().path("plan").asText());
        assertEquals(wanted, demo().wanted());
        assertEquals("first", demo().resources().path("cluster").asText());
    }

    @Test
    void pausedDeploymentIsProvisioningFromTheMomentItIsWorkedOn() {
        deployments.running("demo", Map.of("cluster", "first"), NOW);
        deployments.enter("demo", Phase.PAUSED, NOW);
        var later = NOW.plusSeconds(60);
        assertTrue(deployments.provisioning(
                "demo", deployments.find("demo"), Json.MAPPER.createObjectNode(), Map.of(), Optional.empty(), later));
        assertEquals(Phase.PROVISIONING, demo().phase());
        assertEquals(later, demo().since());
        assertEquals("first", demo().resources().path("cluster").asText());
    }

    @Test
    void whatWasPausedMeanwhileIsLookedAtAgain() {
        deployments.running("demo", Map.of("cluster", "first"), NOW);
        var before = deployments.find("demo");
        deployments.enter("demo", Phase.PAUSED, NOW);
        assertFalse(deployments.provisioning(
                "demo", before, Json.MAPPER.createObjectNode(), Map.of(), Optional.empty(), NOW));
        assertEquals(Phase.PAUSED, demo().phase());
    }

    @Test
    void hsmsAreProvenOnlyByTheLastProvisioningThatSucceeded() {
        assertEquals(Set.of(), demo().provenHsms());
        var hsms = List.of(Map.of("hsmId", "hsm-b"), Map.of("hsmId", "hsm-a"));
        deployments.running("demo", Map.of("kmsUser", Map.of("hsms", hsms)), NOW);
        assertEquals(Set.of("hsm-a", "hsm-b"), demo().provenHsms());
        deployments.running("demo", Map.of("kmsUser", Map.of("hsms", List.of(Map.of("hsmId", "hsm-c")))), NOW);
        assertEquals(Set.of("hsm-c"), demo().provenHsms());
    }

    @Test
    void whatIsWantedIsReplacedOnlyByWhoHasSeenIt() {
        var before = deployments.find("demo");
        var cost = Json.MAPPER.createObjectNode().put("maxCostUsd", 32.50);
        var time = Json.MAPPER.createObjectNode().put("teardownAfter", "PT9H");
        assertTrue(deployments.provisioning("demo", before, cost, Map.of("plan", "first"), Optional.empty(), NOW));
        assertFalse(deployments.provisioning("demo", before, time, Map.of("plan", "second"), Optional.empty(), NOW));
        assertEquals(cost, demo().wanted());
        assertEquals("first", demo().plan().path("plan").asText(), "nor is the plan another one");
        assertTrue(deployments.provisioning(
                "demo", deployments.find("demo"), time, Map.of("plan", "second"), Optional.empty(), NOW));
        assertEquals(time, demo().wanted());

        var last = deployments.find("demo");
        deployments.remove("demo");
        assertFalse(
                deployments.provisioning("demo", last, cost, Map.of(), Optional.empty(), NOW),
                "it was torn down meanwhile");
        assertEquals(Optional.empty(), deployments.find("demo"));
    }

    @Test
    void nothingIsRememberedOfADeploymentWithoutARecord() {
        assertThrows(IllegalStateException.class, () -> deployments.intend("dem", Made.CLUSTER));
        assertThrows(IllegalStateException.class, () -> deployments.made("dem", Made.CLUSTER, "cluster-abcdefghijk"));
        assertEquals(Optional.empty(), deployments.find("dem"));
    }
}
