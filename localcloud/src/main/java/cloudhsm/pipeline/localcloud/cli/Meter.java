package cloudhsm.pipeline.localcloud.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.cloudhsm.CloudHsmService;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.time.Instant;

/** What the run costs, and how long AWS alone would have taken for it. */
final class Meter {
    /** USD per HSM-hour; the default of the template's parameter PricePerHsmHour. */
    private static final BigDecimal PRICE = new BigDecimal("1.60");

    private final LocalCloud cloud;

    Meter(LocalCloud cloud) {
        this.cloud = cloud;
    }

    /** USD for HSMs up to that moment: each started hour of each HSM counts. */
    BigDecimal costUntil(Instant moment) {
        var hours = cloud.cloudHsm().timings().stream()
                .filter(timed -> timed.what().equals(CloudHsmService.HSM_CREATION))
                .filter(timed -> timed.startedAt().isBefore(moment))
                .mapToLong(timed -> startedHours(Duration.between(timed.startedAt(), moment)))
                .sum();
        return PRICE.multiply(BigDecimal.valueOf(hours)).setScale(2, RoundingMode.HALF_UP);
    }

    private static long startedHours(Duration duration) {
        return duration.plusHours(1).minusNanos(1).toHours();
    }

    /**
     * Seconds of the longest path through AWS's own work: the cluster, its first HSM, initialization, activation, the
     * second HSM, kmsuser, the connection. The client comes online beside them and is never on the longest path.
     */
    long floorSeconds() {
        var cluster = cloud.cloudHsm().timings().stream()
                .mapToLong(timed -> Duration.between(timed.startedAt(), timed.endedAt()).toSeconds())
                .sum();
        var keyStore = cloud.kms().timings().stream()
                .mapToLong(timed -> Duration.between(timed.startedAt(), timed.endedAt()).toSeconds())
                .sum();
        var commands = cloud.ssm().timings().stream()
                .mapToLong(timed -> Duration.between(timed.startedAt(), timed.endedAt()).toSeconds())
                .sum();
        return cluster + keyStore + commands;
    }
}
