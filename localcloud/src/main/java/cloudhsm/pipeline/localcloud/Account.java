package cloudhsm.pipeline.localcloud;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.iam.Iam;
import cloudhsm.pipeline.localcloud.iam.Identity;
import cloudhsm.pipeline.localcloud.time.SimulatedTime;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.random.RandomGenerator;

/**
 * What every service shares.
 *
 * @param random seeded, so that a run can be repeated; not for secrets
 * @param directory where services may keep files; deleted when the account closes
 */
public record Account(SimulatedTime time, Iam iam, Faults faults, RandomGenerator random, Path directory) {
    /**
     * The time on the clock of whoever signs. Functions and instances have the simulated one; the administrator's clients
     * are outside, and have the machine's.
     */
    public Instant now(Identity signer) {
        return signer.role().isPresent() ? time.now() : Instant.now();
    }

    /** A duration between the two, in whole seconds, drawn from the account's seeded randomness. */
    public Duration between(Duration shortest, Duration longest) {
        return Duration.ofSeconds(random.nextLong(shortest.toSeconds(), longest.toSeconds() + 1));
    }

    /** Random lower-case hex digits for an id. */
    public String hex(int digits) {
        return text(digits, "0123456789abcdef");
    }

    /** Random lower-case base32 characters, as CloudHSM's ids have them. */
    public String base32(int characters) {
        return text(characters, "abcdefghijklmnopqrstuvwxyz234567");
    }

    private String text(int length, String alphabet) {
        var text = new StringBuilder(length);
        for (int i = 0; i < length; i++) text.append(alphabet.charAt(random.nextInt(alphabet.length())));
        return text.toString();
    }
}
