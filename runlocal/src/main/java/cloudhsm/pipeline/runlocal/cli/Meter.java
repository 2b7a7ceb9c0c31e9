package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.cloudhsm.Hsm;
import cloudhsm.pipeline.localcloud.pricing.PricingService;
import cloudhsm.pipeline.localcloud.time.Timed;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** What the run costs, and how long AWS alone would have taken for it. */
final class Meter {
    /** USD per HSM-hour of the Regions that AWS's price list leaves out: the dearest that it has. */
    private static final BigDecimal DEAREST = new BigDecimal("2.72");

    private final LocalCloud cloud;
    private final BigDecimal price;

    Meter(LocalCloud cloud) {
        this.cloud = cloud;
        this.price = PricingService.hsmHour(cloud.account().region()).orElse(DEAREST);
    }

    /** USD for HSMs up to that moment: each started hour of each HSM counts. */
    BigDecimal costUntil(Instant moment) {
        var hours = cloud.cloudHsm().everCreated().stream()
                .filter(hsm -> hsm.createdAt().isBefore(moment))
                .mapToLong(hsm -> startedHours(Duration.between(hsm.createdAt(), end(hsm, moment))))
                .sum();
        return price.multiply(BigDecimal.valueOf(hours)).setScale(2, RoundingMode.HALF_UP);
    }

    private static Instant end(Hsm hsm, Instant moment) {
        return hsm.deletedAt().filter(deleted -> deleted.isBefore(moment)).orElse(moment);
    }

    private static long startedHours(Duration duration) {
        return duration.plusHours(1).minusNanos(1).toHours();
    }

    /**
     * Seconds in which AWS was at work on the longest path: the cluster, its first HSM and its CSR, initialization,
     * activation, the second HSM, kmsuser, the connection. What overlaps counts once. The client comes online beside
     * them and is never on the longest path.
     */
    long floorSeconds() {
        var sum = Duration.ZERO;
        var counted = Instant.MIN;
        for (var timed : inOrder()) {
            var from = timed.startedAt().isAfter(counted) ? timed.startedAt() : counted;
            if (timed.endedAt().isAfter(from)) {
                sum = sum.plus(Duration.between(from, timed.endedAt()));
                counted = timed.endedAt();
            }
        }
        return sum.toSeconds();
    }

    private List<Timed> inOrder() {
        return Stream.of(
                        cloud.cloudHsm().timings(),
                        cloud.kms().timings(),
                        cloud.ssm().timings())
                .flatMap(List::stream)
                .sorted(Comparator.comparing(Timed::startedAt))
                .toList();
    }
}
