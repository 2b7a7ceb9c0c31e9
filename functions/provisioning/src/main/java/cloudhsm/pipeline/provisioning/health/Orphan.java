package cloudhsm.pipeline.provisioning.health;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A cluster of no deployment.
 *
 * @param told when people were last told of it; the epoch if never
 * @param hsms when each of its HSMs was first and last seen, by id, those included that are gone
 */
record Orphan(String clusterId, Instant told, SortedMap<String, Sighting> hsms) {
    private static final BigDecimal SECONDS_OF_HOUR = BigDecimal.valueOf(3_600);

    record Sighting(Instant first, Instant last) {}

    Orphan seen(Collection<String> hsmIds, Instant now) {
        var all = new TreeMap<>(hsms);
        hsmIds.forEach(id ->
                all.merge(id, new Sighting(now, now), (before, latest) -> new Sighting(before.first(), latest.last())));
        return new Orphan(clusterId, told, all);
    }

    Orphan toldAt(Instant now) {
        return new Orphan(clusterId, now, hsms);
    }

    /** Hours of all HSMs together between their first and their last sighting; to a tenth, rounded up. */
    BigDecimal hsmHours() {
        var seconds = hsms.values().stream()
                .mapToLong(sighting ->
                        Duration.between(sighting.first(), sighting.last()).toSeconds())
                .sum();
        return BigDecimal.valueOf(seconds).divide(SECONDS_OF_HOUR, 1, RoundingMode.UP);
    }
}
