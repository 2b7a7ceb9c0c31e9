package cloudhsm.pipeline.provisioning.health;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.provisioning.events.Observation;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/** What a look at everything comes to, as CloudWatch reads it from the log. */
class HealthMetricsTest {
    private static final Instant NOW = Instant.parse("2026-11-02T09:00:00Z");
    private static final HsmPrice PRICE = HsmPrice.of("us-east-1", "", Optional::empty);

    private static Hsm hsm(String zone, HsmState state) {
        return Hsm.builder().availabilityZone(zone).state(state).build();
    }

    @Test
    void severalHsmsInOneZoneAllCountAndAllBill() {
        var hsms = List.of(
                hsm("eu-central-1a", HsmState.ACTIVE),
                hsm("eu-central-1a", HsmState.ACTIVE),
                hsm("eu-central-1a", HsmState.CREATE_IN_PROGRESS));
        var metrics = HealthMetrics.of(hsms, List.of(), List.of(), 0, PRICE);
        assertEquals(3, metrics.billingHsms());
        assertEquals(Map.of("eu-central-1a", 2), metrics.activeHsms());
        assertEquals(new BigDecimal("4.80"), metrics.hourlyCostUsd());
    }

    @Test
    void aZoneThatHasLostItsHsmCountsNoneAndEveryHsmThatExistsBills() {
        var hsms = List.of(hsm("eu-central-1a", HsmState.ACTIVE), hsm("eu-central-1c", HsmState.DEGRADED));
        var seen = List.of(
                Observation.of(Resource.cluster("cluster-a"), "ACTIVE"),
                Observation.of(Resource.keyStore("cks-1"), "CONNECTED"),
                Observation.of(Resource.keyStore("cks-2"), "FAILED"));
        var lines = HealthMetrics.of(hsms, seen, List.of("eu-central-1a", "eu-central-1b"), 1, PRICE)
                .lines("stack-Observer", NOW);
        assertEquals(List.of("""
            {"_aws":{"Timestamp":1793610000000,"CloudWatchMetrics":[{"Namespace":"CloudHsmPipeline",\
            "Dimensions":[["FunctionName"]],"Metrics":[{"Name":"BillingHsms","Unit":"Count"},\
            {"Name":"DegradedDeployments","Unit":"Count"},{"Name":"HsmCostPerHour","Unit":"None"},\
            {"Name":"KeyStoresConnected","Unit":"Count"},{"Name":"KeyStoresNotConnected","Unit":"Count"}]}]},\
            "FunctionName":"stack-Observer","BillingHsms":2,"DegradedDeployments":1,"HsmCostPerHour":3.20,\
            "KeyStoresConnected":1,"KeyStoresNotConnected":1}\
            """, zone("eu-central-1a", 1), zone("eu-central-1b", 0), zone("eu-central-1c", 0)), lines);
    }

    @Test
    void anEmptyAccountCostsNothingAndSaysSo() {
        var lines = HealthMetrics.of(List.of(), List.of(), List.of(), 0, PRICE).lines("stack-Observer", NOW);
        assertEquals(1, lines.size(), "the alarm NobodyLooks counts this line");
        assertEquals(true, lines.getFirst().contains("\"BillingHsms\":0"));
    }

    private static String zone(String zone, int active) {
        return """
            {"_aws":{"Timestamp":1793610000000,"CloudWatchMetrics":[{"Namespace":"CloudHsmPipeline",\
            "Dimensions":[["AvailabilityZone","FunctionName"]],"Metrics":[{"Name":"ActiveHsms","Unit":"Count"}]}]},\
            "AvailabilityZone":"%s","FunctionName":"stack-Observer","ActiveHsms":%d}\
            """.formatted(zone, active);
    }
}
