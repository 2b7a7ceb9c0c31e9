package cloudhsm.pipeline.reencryption;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RedeliveryTest {
    private static final Outcome UNAVAILABLE = new Outcome.Retry("KMS.KMSInvalidStateException");
    private static final Outcome DENIED = new Outcome.Refused("AccessDenied");

    private static Redelivery of(Outcome outcome, int received, Duration age) {
        return Redelivery.of(outcome, received, age, new Random(received));
    }

    @Test
    void unavailableKeyNeverPutsAMessageAsideWithinTenDays() {
        var age = Duration.ZERO;
        int received = 0;
        while (age.compareTo(Redelivery.OLDEST) < 0) {
            var again = assertInstanceOf(Redelivery.Again.class, of(UNAVAILABLE, ++received, age));
            age = age.plus(again.delay());
        }
        assertTrue(received < 500, "the queue's maxReceiveCount, which " + received + " receipts must not reach");
        assertEquals(
                new Redelivery.Aside("KMS.KMSInvalidStateException"),
                of(UNAVAILABLE, received, age),
                "before SQS forgets it after 14 days");
    }

    @Test
    void refusalPutsAMessageAsideWithinTenMinutes() {
        var age = Duration.ZERO;
        int received = 1;
        while (of(DENIED, received, age) instanceof Redelivery.Again(var delay)) {
            age = age.plus(delay);
            received++;
        }
        assertEquals(new Redelivery.Aside("AccessDenied"), of(DENIED, received, age));
        assertTrue(age.compareTo(Duration.ofMinutes(10)) < 0, age::toString);
    }

    @Test
    void whatCannotBeChangedLeavesTheQueue() {
        assertEquals(new Redelivery.Done(), of(new Outcome.Left("SSE_C"), 1, Duration.ZERO));
        assertEquals(new Redelivery.Done(), of(new Outcome.Gone("NOT_FOUND"), 1, Duration.ZERO));
    }
}
