package cloudhsm.pipeline.reencryption;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;

/** What buckets were asked, remembered for a while: one question for a burst of uploads, a change noticed soon. */
final class Remembered<T> {
    /** How long a bucket's answer is believed. */
    static final Duration LIFETIME = Duration.ofMinutes(1);

    private final Clock clock;
    private final Function<String, T> question;
    private final Map<String, Answer<T>> byBucket = new HashMap<>();

    private record Answer<T>(T value, Instant expires) {}

    /** @param question asks a bucket by its name; what it throws is not remembered */
    Remembered(Clock clock, Function<String, T> question) {
        this.clock = clock;
        this.question = question;
    }

    /** One question at a time: a batch of a new bucket's uploads asks once. */
    synchronized T of(String bucket) {
        var known = byBucket.get(bucket);
        if (known != null && clock.instant().isBefore(known.expires())) return known.value();
        var value = question.apply(bucket);
        byBucket.put(bucket, new Answer<>(value, clock.instant().plus(LIFETIME)));
        return value;
    }
}
