package cloudhsm.pipeline.provisioning.price;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import cloudhsm.pipeline.provisioning.lambda.Json;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class HsmPriceTest {
    private static final HsmPrice PRICE = HsmPrice.of("us-east-1", "", Optional::empty);

    @Test
    void aRegionOfTheTableHasItsPriceAndItsDate() {
        assertEquals(
                new HsmPrice(
                        new BigDecimal("1.60"),
                        "1.60 USD per HSM and hour is the price in us-east-1 as of 2026-09-30; if it has changed, set"
                                + " the stack's parameter PricePerHsmHour."),
                PRICE);
        assertEquals(
                new BigDecimal("1.92"),
                HsmPrice.of("eu-central-1", "", Optional::empty).perHour());
    }

    @Test
    void awsListPriceGoesBeforeTheTable() {
        assertEquals(
                new HsmPrice(
                        new BigDecimal("1.98"),
                        "1.98 USD per HSM and hour is the price in eu-central-1 by AWS's price list."),
                HsmPrice.of("eu-central-1", "", () -> Optional.of(new BigDecimal("1.98"))));
    }

    @Test
    void aPriceThatNobodyKnowsIsSaidToBeUnknownAndCountedAsTheDearest() {
        assertEquals(
                new HsmPrice(
                        new BigDecimal("2.72"),
                        "The price of an HSM in mx-central-1 is not known; 2.72 USD per HSM and hour, the dearest that"
                                + " is, stands in (sa-east-1 as of 2025-02-24). Set the Region's own with the stack's"
                                + " parameter PricePerHsmHour."),
                HsmPrice.of("mx-central-1", "", Optional::empty));
    }

    @Test
    void aPriceThatWasSetWinsAndNobodyIsAsked() {
        assertEquals(
                new HsmPrice(
                        new BigDecimal("1.95"),
                        "1.95 USD per HSM and hour is what the stack's parameter PricePerHsmHour says."),
                HsmPrice.of("us-east-1", "1.95", () -> fail("AWS was asked")));
    }

    @Test
    void figuresOfADeploymentGoByThePriceOfItsPlan() throws Exception {
        var plan = Json.MAPPER.readTree("{\"pricePerHsmHourUsd\": 1.98, \"priceBasis\": \"as agreed\"}");
        assertEquals(new HsmPrice(new BigDecimal("1.98"), "as agreed"), PRICE.agreed(plan));
        assertEquals(PRICE, PRICE.agreed(Json.MAPPER.createObjectNode()));
    }

    @Test
    void twoHsmsCostTwiceTheirHoursRoundedUpToACent() {
        assertEquals(new BigDecimal("3.20"), PRICE.perHour(2));
        assertEquals(new BigDecimal("76.80"), PRICE.perDay(2));
        assertEquals(new BigDecimal("0.01"), PRICE.during(Duration.ofSeconds(1), 2));
    }
}
