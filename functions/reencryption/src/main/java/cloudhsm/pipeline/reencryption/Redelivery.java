package cloudhsm.pipeline.reencryption;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** What becomes of a message in the queue. */
sealed interface Redelivery {
    /** The first time a message waits; each time after, twice as long. */
    Duration SHORTEST = Duration.ofSeconds(15);

    /** So long after an outage everything has been tried again. SQS itself would allow 12 hours. */
    Duration LONGEST = Duration.ofHours(1);

    /**
     * How often a message whose object AWS refuses is received, over eight minutes: policies take their time to arrive.
     */
    int MOST_REFUSALS = 6;

    /** SQS forgets a message after 14 days; before that, it is put aside, where it is kept for another 14. */
    Duration OLDEST = Duration.ofDays(10);

    /** Everything is done; the message leaves the queue. */
    record Done() implements Redelivery {}

    /** It comes back after this time, and every time later than the last. */
    record Again(Duration delay) implements Redelivery {}

    /** It goes to the dead-letter queue, with this reason. */
    record Aside(String reason) implements Redelivery {}

    /**
     * @param received how often the message was received, this time included
     * @param age since it was sent
     */
    static Redelivery of(Outcome outcome, int received, Duration age, RandomGenerator random) {
        return switch (outcome) {
            case Outcome.Refused(var reason) when received >= MOST_REFUSALS -> new Aside(reason);
            case Outcome.Refused refused -> new Again(delay(received, random));
            case Outcome.Retry(var reason) when age.compareTo(OLDEST) >= 0 -> new Aside(reason);
            case Outcome.Retry retry -> new Again(delay(received, random));
            case Outcome.Reencrypted done -> new Done();
            case Outcome.AlreadyDone done -> new Done();
            case Outcome.Gone gone -> new Done();
            case Outcome.Left left -> new Done();
        };
    }

    /** Between half and all of the time, so that what failed together does not come back together. */
    private static Duration delay(int received, RandomGenerator random) {
        var doublings = Math.clamp(received - 1, 0, 20);
        var most = Math.min(SHORTEST.toSeconds() << doublings, LONGEST.toSeconds());
        return Duration.ofSeconds(random.nextLong(most / 2, most + 1));
    }
}
