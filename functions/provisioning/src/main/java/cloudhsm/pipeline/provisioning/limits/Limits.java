package cloudhsm.pipeline.provisioning.limits;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * When a deployment is stopped without anybody asking.
 *
 * @param teardownAfter ISO-8601 duration from the start of the execution; "" for none
 * @param maxCostUsd of the HSMs, from the start of the execution; 0 for no limit
 * @param atLimit PAUSE or TEARDOWN
 */
public record Limits(String teardownAfter, BigDecimal maxCostUsd, String atLimit) {
    /** From the limit to the last HSM's end: the start of an execution, and a deletion of 6 minutes or more. */
    static final Duration DELETION = Duration.ofMinutes(15);

    public static final Limits NONE = new Limits("", BigDecimal.ZERO, "PAUSE");

    public Limits {
        Objects.requireNonNull(teardownAfter, "teardownAfter");
        Objects.requireNonNull(maxCostUsd, "maxCostUsd");
        Objects.requireNonNull(atLimit, "atLimit");
    }

    /**
     * The earlier of the two limits. That of cost assumes that all HSMs bill from the start on and counts started
     * hours, as the bill does: it stops before an hour begins that could not be paid.
     *
     * @param hourlyCostUsd of all HSMs together
     */
    Optional<Instant> end(Instant since, BigDecimal hourlyCostUsd) {
        var byTime = teardownAfter.isEmpty()
                ? Optional.<Instant>empty()
                : Optional.of(since.plus(Duration.parse(teardownAfter)));
        if (maxCostUsd.signum() == 0) return byTime;
        var hours = maxCostUsd.divide(hourlyCostUsd, 0, RoundingMode.DOWN).longValueExact();
        var byCost = since.plus(Duration.ofHours(hours)).minus(DELETION);
        return Optional.of(byTime.filter(byCost::isAfter).orElse(byCost));
    }
}
