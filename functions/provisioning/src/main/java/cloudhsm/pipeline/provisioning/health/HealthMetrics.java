package cloudhsm.pipeline.provisioning.health;

import cloudhsm.pipeline.provisioning.events.Observation;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import cloudhsm.pipeline.provisioning.stage.Resource;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

/**
 * What a look at everything comes to, as lines of CloudWatch's embedded metric format: CloudWatch makes metrics of them
 * without a request. The dimension is the function's name, so that two stacks in one account are told apart; for HSMs
 * their zone comes beside it.
 *
 * @param billingHsms that exist in any state, because each of them bills
 * @param activeHsms by zone; 0 for a zone that a deployment is planned for
 * @param keyStores how many there are, by KMS's connection state
 * @param degraded RUNNING deployments in which something is wrong that does not pass by itself
 * @param hourlyCostUsd of the HSMs that exist
 * @see <a href="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html">Embedded
 *     metric format</a>
 */
record HealthMetrics(
        int billingHsms,
        Map<String, Integer> activeHsms,
        Map<String, Integer> keyStores,
        int degraded,
        BigDecimal hourlyCostUsd) {
    private static final String CONNECTED = "CONNECTED";

    /**
     * @param hsms of all clusters of the pipeline; a zone may have several
     * @param seen every cluster and key store of the pipeline
     * @param plannedZones where RUNNING deployments want an ACTIVE HSM
     */
    static HealthMetrics of(
            List<Hsm> hsms,
            Collection<Observation> seen,
            Collection<String> plannedZones,
            int degraded,
            HsmPrice price) {
        var active = new TreeMap<String, Integer>();
        plannedZones.forEach(zone -> active.put(zone, 0));
        var stores = new TreeMap<String, Integer>();
        for (var hsm : hsms) {
            active.merge(hsm.availabilityZone(), hsm.state() == HsmState.ACTIVE ? 1 : 0, Integer::sum);
        }
        for (var observation : seen) {
            if (observation.resource().type() == Resource.Type.KEY_STORE) {
                stores.merge(observation.state(), 1, Integer::sum);
            }
        }
        return new HealthMetrics(hsms.size(), active, stores, degraded, price.perHour(hsms.size()));
    }

    /** One line for the whole, and one for each zone. */
    List<String> lines(String functionName, Instant now) {
        var all = keyStores.values().stream().mapToInt(Integer::intValue).sum();
        var connected = keyStores.getOrDefault(CONNECTED, 0);
        var whole = line(
                now,
                Map.of("FunctionName", functionName),
                new TreeMap<>(Map.of(
                        "BillingHsms", billingHsms,
                        "KeyStoresConnected", connected,
                        "KeyStoresNotConnected", all - connected,
                        "DegradedDeployments", degraded,
                        "HsmCostPerHour", hourlyCostUsd)));
        var zones = activeHsms.entrySet().stream()
                .map(zone -> line(
                        now,
                        Map.of("FunctionName", functionName, "AvailabilityZone", zone.getKey()),
                        Map.of("ActiveHsms", zone.getValue())));
        return Stream.concat(Stream.of(whole), zones).toList();
    }

    /** One line of CloudWatch's embedded metric format. */
    static String line(Instant now, Map<String, String> dimensions, Map<String, Number> values) {
        var line = Json.MAPPER.createObjectNode();
        var metadata = line.putObject("_aws").put("Timestamp", now.toEpochMilli());
        var directive = metadata.putArray("CloudWatchMetrics").addObject().put("Namespace", "CloudHsmPipeline");
        var names = directive.putArray("Dimensions").addArray();
        new TreeMap<>(dimensions).forEach((name, value) -> {
            names.add(name);
            line.put(name, value);
        });
        var metrics = directive.putArray("Metrics");
        values.forEach((name, value) -> {
            metrics.addObject().put("Name", name).put("Unit", name.equals("HsmCostPerHour") ? "None" : "Count");
            put(line, name, value);
        });
        return line.toString();
    }

    private static void put(ObjectNode line, String name, Number value) {
        line.put(name, new BigDecimal(value.toString()));
    }
}
