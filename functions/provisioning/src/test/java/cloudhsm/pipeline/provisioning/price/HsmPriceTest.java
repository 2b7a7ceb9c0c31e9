package cloudhsm.pipeline.provisioning.price;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class HsmPriceTest {
    private static final HsmPrice PRICE = HsmPrice.of("us-east-1", "");

    @Test
    void aRegionOfTheTableHasItsPriceAndItsDate() {
        assertEquals(
                new HsmPrice(
                        new BigDecimal("1.60"),
                        "1.60 USD per HSM and hour is the price in us-east-1 as of 2026-09-30; if it has changed, set"
                                + " the stack's parameter PricePerHsmHour."),
                PRICE);
    }

    @Test
    void anUnknownRegionsPriceIsCalledUsEast1s() {
        assertEquals(
                new HsmPrice(
                        new BigDecimal("1.60"),
                        "1.60 USD per HSM and hour is the price in us-east-1 as of 2026-09-30, because none is known"
                                + " for eu-central-1; set that Region's with the stack's parameter PricePerHsmHour."),
                HsmPrice.of("eu-central-1", ""));
    }

    @Test
    void aPriceThatWasSetWinsOverTheTable() {
        assertEquals(
                new HsmPrice(
                        new BigDecimal("1.95"),
                        "1.95 USD per HSM and hour is what the stack's parameter PricePerHsmHour says."),
                HsmPrice.of("us-east-1", "1.95"));
    }

    @Test
    void twoHsmsCostTwiceTheirHoursRoundedUpToACent() {
        assertEquals(new BigDecimal("3.20"), PRICE.perHour(2));
        assertEquals(new BigDecimal("76.80"), PRICE.perDay(2));
        assertEquals(new BigDecimal("0.01"), PRICE.during(Duration.ofSeconds(1), 2));
    }
}
