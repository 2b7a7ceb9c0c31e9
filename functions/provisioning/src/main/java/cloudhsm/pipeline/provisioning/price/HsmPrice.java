package cloudhsm.pipeline.provisioning.price;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDate;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What HSMs cost, which is nearly all that the pipeline's resources cost. Whatever shows a figure shows {@code basis}
 * as well, so that nobody takes another Region's price for their own.
 *
 * @param perHour US dollars for one HSM and one hour
 * @param basis a sentence: whose price that is, as of when, and how to set another
 */
public record HsmPrice(BigDecimal perHour, String basis) {
    /** The Region whose price stands in for those that the table does not have. */
    private static final String KNOWN_REGION = "us-east-1";

    /** Of hsm2m.medium, by Region. A price without a source is not in it. */
    private static final Map<String, Entry> TABLE = readTable();

    private static final BigDecimal HOURS_OF_DAY = BigDecimal.valueOf(24);
    private static final BigDecimal SECONDS_OF_HOUR = BigDecimal.valueOf(3_600);

    /** A line of the table; its source is for whoever looks after the table. */
    private record Entry(String region, BigDecimal usdPerHsmHour, LocalDate date) {
        static Entry of(String line) {
            var cells = line.split(",", -1);
            return new Entry(cells[0], new BigDecimal(cells[1]), LocalDate.parse(cells[2]));
        }
    }

    public HsmPrice {
        Objects.requireNonNull(perHour, "perHour");
        Objects.requireNonNull(basis, "basis");
    }

    /** From the function's environment: AWS_REGION, which Lambda sets, and PRICE_PER_HSM_HOUR, which may be "". */
    public static HsmPrice ofFunction() {
        return of(Aws.environment("AWS_REGION"), Aws.environment("PRICE_PER_HSM_HOUR"));
    }

    /**
     * The price that was set, or else the table's for the Region, or else the table's for us-east-1.
     *
     * @param set US dollars, as in 1.60; "" to take the table's
     * @throws NumberFormatException if {@code set} is neither
     */
    public static HsmPrice of(String region, String set) {
        if (!set.isEmpty()) {
            var price = new BigDecimal(set);
            return new HsmPrice(price, rate(price) + " is what the stack's parameter PricePerHsmHour says.");
        }
        var entry = TABLE.getOrDefault(region, TABLE.get(KNOWN_REGION));
        var basis = rate(entry.usdPerHsmHour()) + " is the price in " + entry.region() + " as of " + entry.date();
        return new HsmPrice(
                entry.usdPerHsmHour(),
                entry.region().equals(region)
                        ? basis + "; if it has changed, set the stack's parameter PricePerHsmHour."
                        : basis + ", because none is known for " + region
                                + "; set that Region's with the stack's parameter PricePerHsmHour.");
    }

    /** US dollars an hour. */
    public BigDecimal perHour(int hsms) {
        return ofHsmHours(BigDecimal.valueOf(hsms));
    }

    /** US dollars for that many hours of all HSMs together; rounded up to a cent. */
    public BigDecimal ofHsmHours(BigDecimal hsmHours) {
        return cents(perHour.multiply(hsmHours));
    }

    /** US dollars a day. */
    public BigDecimal perDay(int hsms) {
        return cents(perHour.multiply(BigDecimal.valueOf(hsms)).multiply(HOURS_OF_DAY));
    }

    /** US dollars for that many HSMs, all of the time; rounded up to a cent. */
    public BigDecimal during(Duration time, int hsms) {
        return perHour.multiply(BigDecimal.valueOf(hsms))
                .multiply(BigDecimal.valueOf(time.toSeconds()))
                .divide(SECONDS_OF_HOUR, 2, RoundingMode.UP);
    }

    private static BigDecimal cents(BigDecimal dollars) {
        return dollars.setScale(2, RoundingMode.UP);
    }

    private static String rate(BigDecimal price) {
        return price.toPlainString() + " USD per HSM and hour";
    }

    private static Map<String, Entry> readTable() {
        try (var table = HsmPrice.class.getResourceAsStream("hsm-prices.csv")) {
            return new String(table.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .skip(1)
                    .map(Entry::of)
                    .collect(Collectors.toMap(Entry::region, Function.identity()));
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
