package cloudhsm.pipeline.localcloud.kms;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;

/** Admits so many requests per second of simulated time; a second's worth may come at once. */
final class TokenBucket {
    private final Clock clock;
    private final int perSecond;
    private double tokens;
    private Instant filledAt;

    TokenBucket(Clock clock, int perSecond) {
        this.clock = clock;
        this.perSecond = perSecond;
        this.tokens = perSecond;
        this.filledAt = clock.instant();
    }

    /** Whether one more request may pass now. */
    boolean take() {
        var now = clock.instant();
        var seconds = Duration.between(filledAt, now).toNanos() / 1e9;
        tokens = Math.min(perSecond, tokens + seconds * perSecond);
        filledAt = now;
        if (tokens < 1) return false;
        tokens--;
        return true;
    }
}
