package cloudhsm.pipeline.provisioning.report;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Times and amounts as a person reads them. */
public final class Words {
    private static final DateTimeFormatter MOMENT =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm 'UTC'", Locale.ROOT).withZone(ZoneOffset.UTC);

    private Words() {}

    /** As in 2026-11-02 09:00 UTC. */
    public static String moment(Instant instant) {
        return MOMENT.format(instant);
    }

    /** As in 18 min 2 s, 7 d 9 h, or at once: the two largest units, the smaller one cut off. */
    public static String took(Duration duration) {
        if (duration.compareTo(Duration.ofSeconds(1)) < 0) return "at once";
        if (duration.toDays() > 0) return two(duration.toDays(), "d", duration.toHoursPart(), "h");
        if (duration.toHours() > 0) return two(duration.toHours(), "h", duration.toMinutesPart(), "min");
        return duration.toMinutes() > 0
                ? two(duration.toMinutes(), "min", duration.toSecondsPart(), "s")
                : duration.toSeconds() + " s";
    }

    /** As in 3.20 USD. */
    public static String usd(BigDecimal amount) {
        return amount.setScale(2, RoundingMode.HALF_UP).toPlainString() + " USD";
    }

    private static String two(long large, String unit, int small, String smaller) {
        return small == 0 ? large + " " + unit : large + " " + unit + " " + small + " " + smaller;
    }
}
