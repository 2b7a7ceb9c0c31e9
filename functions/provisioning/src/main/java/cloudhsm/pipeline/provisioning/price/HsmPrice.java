package cloudhsm.pipeline.provisioning.price;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDate;
import java.util.Comparator;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * What HSMs cost, which is nearly all that the pipeline's resources cost. Whatever shows a figure shows {@code basis}
 * as well, so that nobody takes another Region's price for their own.
 *
 * @param perHour US dollars for one HSM and one hour
 * @param basis a sentence: whose price that is, as of when, and how to set another
 */
public record HsmPrice(BigDecimal perHour, String basis) {
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
        return ofFunction(Optional::empty);
    }

    /** @param listed AWS's list price, asked only where the environment says none */
    public static HsmPrice ofFunction(Supplier<Optional<BigDecimal>> listed) {
        return of(Aws.environment("AWS_REGION"), Aws.environment("PRICE_PER_HSM_HOUR"), listed);
    }

    /**
     * The price that was set, or else AWS's list price, or else the table's for the Region. Where that has none it is not
     * known, which is said, and the dearest of the table stands in, so that no limit of cost comes too late.
     *
     * @param set US dollars, as in 1.60; "" where none was set
     * @param listed asked only where none was set
     * @throws NumberFormatException if {@code set} is neither
     */
    public static HsmPrice of(String region, String set, Supplier<Optional<BigDecimal>> listed) {
        if (!set.isEmpty()) {
            var price = new BigDecimal(set);
            return new HsmPrice(price, rate(price) + " is what the stack's parameter PricePerHsmHour says.");
        }
        return listed.get()
                .map(price -> new HsmPrice(price, rate(price) + " is the price in " + region + " by AWS's price list."))
                .orElseGet(() -> ofTable(region));
    }

    private static HsmPrice ofTable(String region) {
        var entry = TABLE.get(region);
        if (entry != null) {
            return new HsmPrice(
                    entry.usdPerHsmHour(),
                    rate(entry.usdPerHsmHour()) + " is the price in " + region + " as of " + entry.date()
                            + "; if it has changed, set the stack's parameter PricePerHsmHour.");
        }
        var dearest = TABLE.values().stream()
                .max(Comparator.comparing(Entry::usdPerHsmHour))
                .orElseThrow();
        return new HsmPrice(
                dearest.usdPerHsmHour(),
                "The price of an HSM in " + region + " is not known; " + rate(dearest.usdPerHsmHour())
                        + ", the dearest that is, stands in (" + dearest.region() + " as of " + dearest.date()
                        + "). Set the Region's own with the stack's parameter PricePerHsmHour.");
    }

    /** The price that a deployment's plan was made with, so that all its figures agree; this one where it says none. */
    public HsmPrice agreed(JsonNode plan) {
        var said = plan.path("pricePerHsmHourUsd");
        return said.isNumber()
                ? new HsmPrice(said.decimalValue(), plan.path("priceBasis").asText())
                : this;
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
