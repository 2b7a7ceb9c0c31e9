package cloudhsm.pipeline.provisioning.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.provisioning.TestAccount;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReportFailureTest {
    private static final HsmPrice PRICE = new HsmPrice(new BigDecimal("1.60"));
    private static final ReportFailure.Input INPUT = new ReportFailure.Input(
            "arn:execution", "arn:machine", new ReportFailure.Failure("HSM_DEGRADED", "why"), TestAccount.DEPLOYMENT);

    @Test
    void everyHsmThatIsLeftIsNamedWithItsPrice() {
        try (var aws = new TestAccount()) {
            aws.initializedCluster();
            var topic = aws.cloud.sns().createTopic("failures", Map.of());

            var output = new ReportFailure(aws.cloudHsm, new Notifications(aws.sns, topic), PRICE).handle(INPUT);

            assertEquals(1, output.leftBilling().size());
            assertTrue(output.leftBilling().getFirst().endsWith("1.60 USD an hour"), output.toString());
            assertTrue(
                    aws.cloud
                            .sns()
                            .published()
                            .getFirst()
                            .message()
                            .contains(output.leftBilling().getFirst()),
                    "who is told of the failure must see what it costs");
        }
    }

    @Test
    void failureToLookIsNotTakenForNothingLeft() {
        try (var aws = new TestAccount()) {
            aws.cloud.faults().add("cloudhsm", "DescribeClusters", 1, Faults.Kind.THROTTLED);

            var output = new ReportFailure(aws.cloudHsm, new Notifications(aws.sns, ""), PRICE).handle(INPUT);
            assertTrue(output.leftBilling().getFirst().startsWith("Unknown"), output.toString());
        }
    }

    @Test
    void twoHsmsCostTwiceTheirHoursRoundedUpToACent() {
        assertEquals(new BigDecimal("3.20"), PRICE.perHour(2));
        assertEquals(new BigDecimal("76.80"), PRICE.perDay(2));
        assertEquals(new BigDecimal("0.01"), PRICE.during(Duration.ofSeconds(1), 2));
    }
}
