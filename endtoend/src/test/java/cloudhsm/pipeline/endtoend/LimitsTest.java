package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.cloudhsm.Hsm;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sfn.model.ExecutionStatus;

/** A limit holds although nobody is there to see it. */
class LimitsTest {
    /** An execution starts within a minute, and CloudHSM deletes an HSM within 6 minutes. */
    private static final Duration PAUSE = Duration.ofMinutes(10);

    private final Pipeline pipeline = Pipeline.deploy();

    @AfterEach
    void close() {
        pipeline.close();
    }

    @Test
    void twoHoursBillTwoHoursAndThePausesOwnTime() {
        var started = pipeline.cloud().time().now();
        var execution = pipeline.provision("first", "{\"teardownAfter\": \"PT2H\"}");
        assertEquals(ExecutionStatus.SUCCEEDED, execution.status(), () -> execution.error() + ": " + execution.cause());

        pipeline.cloud().advance(Duration.ofHours(3));

        var hsms = pipeline.cloud().cloudHsm().everCreated();
        assertEquals(2, hsms.size());
        for (var hsm : hsms) {
            var end = hsm.deletedAt().orElseThrow();
            assertTrue(
                    end.isBefore(started.plus(Duration.ofHours(2)).plus(PAUSE)), () -> describe(hsm) + " until " + end);
        }
        var told = pipeline.cloud().sns().published();
        assertEquals(2, told.size(), "a warning, and the pause");
        assertTrue(
                told.getFirst().message().contains("(teardownAfter PT2H)"),
                told.getFirst().message());
        assertTrue(
                told.getLast().message().contains("is paused"), told.getLast().message());
    }

    private static String describe(Hsm hsm) {
        return hsm.hsmId() + " from " + hsm.createdAt();
    }
}
