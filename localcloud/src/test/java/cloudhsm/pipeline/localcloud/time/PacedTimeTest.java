package cloudhsm.pipeline.localcloud.time;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PacedTimeTest {
    private static final Instant START = Instant.parse("2026-11-02T09:00:00Z");
    private final AtomicLong realNanos = new AtomicLong();
    private final SimulatedTime time = new SimulatedTime(START, realNanos::get);

    @AfterEach
    void stop() {
        time.stop();
    }

    @Test
    void simulatedTimeIsAMultipleOfRealTime() {
        time.pace(600);
        realNanos.addAndGet(Duration.ofSeconds(2).toNanos());
        assertEquals(START.plus(Duration.ofMinutes(20)), time.now());
    }

    @Test
    void theClockRestsWhileWorkRuns() {
        time.pace(600);
        var passed = new CompletableFuture<Duration>();
        time.scheduleUnlocked(Duration.ZERO, "a function that computes for a real second", () -> {
            var before = time.now();
            realNanos.addAndGet(Duration.ofSeconds(1).toNanos());
            passed.complete(Duration.between(before, time.now()));
        });
        assertEquals(
                Duration.ZERO,
                passed.join(),
                "ten simulated minutes for one second of computing would time every stage out");
    }
}
