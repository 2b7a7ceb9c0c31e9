package cloudhsm.pipeline.provisioning.report;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;

/**
 * What HSMs cost, which is nearly all that the pipeline's resources cost.
 *
 * @param perHour US dollars for one HSM and one hour, in the Region at hand
 */
record HsmPrice(BigDecimal perHour) {
    private static final BigDecimal HOURS_OF_DAY = BigDecimal.valueOf(24);
    private static final BigDecimal SECONDS_OF_HOUR = BigDecimal.valueOf(3_600);

    /** From the function's environment: PRICE_PER_HSM_HOUR, as in 1.60. */
    static HsmPrice ofFunction() {
        return new HsmPrice(new BigDecimal(Aws.environment("PRICE_PER_HSM_HOUR")));
    }

    /** US dollars an hour. */
    BigDecimal perHour(int hsms) {
        return cents(perHour.multiply(BigDecimal.valueOf(hsms)));
    }

    /** US dollars a day. */
    BigDecimal perDay(int hsms) {
        return cents(perHour.multiply(BigDecimal.valueOf(hsms)).multiply(HOURS_OF_DAY));
    }

    /** US dollars for that many HSMs, all of the time; rounded up to a cent. */
    BigDecimal during(Duration time, int hsms) {
        return perHour.multiply(BigDecimal.valueOf(hsms))
                .multiply(BigDecimal.valueOf(time.toSeconds()))
                .divide(SECONDS_OF_HOUR, 2, RoundingMode.UP);
    }

    private static BigDecimal cents(BigDecimal dollars) {
        return dollars.setScale(2, RoundingMode.UP);
    }
}
