package cloudhsm.pipeline.localcloud.account;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.time.SimulatedTime;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.random.RandomGenerator;

/**
 * What every service shares.
 *
 * @param region of everything in it; one of {@link Regions}
 * @param random seeded, so that a run can be repeated; not for secrets
 * @param directory where services may keep files; deleted when the account closes
 */
public record Account(
        String region,
        SimulatedTime time,
        Iam iam,
        Quotas quotas,
        Faults faults,
        RandomGenerator random,
        Path directory) {
    /** @throws IllegalArgumentException unless the Region is one that {@link Regions} knows */
    public Account {
        Regions.requireKnown(region);
    }

    /**
     * The ARN of something that belongs to this account and Region.
     *
     * @param resource as it ends the ARN, for example {@code table/items}
     */
    public String arn(String service, String resource) {
        return "arn:aws:" + service + ":" + region + ":" + Iam.ACCOUNT + ":" + resource;
    }

    /** The ARN of what AWS has for everybody in this Region: public images, parameters and documents. */
    public String publicArn(String service, String resource) {
        return "arn:aws:" + service + ":" + region + "::" + resource;
    }

    /** A service's host name in this Region, which is also what kms:ViaService says of its calls. */
    public String host(String service) {
        return service + "." + region + ".amazonaws.com";
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

    /** A random UUID of version 4 for an id. */
    public UUID uuid() {
        return new UUID(
                random.nextLong() & ~0xF000L | 0x4000L, random.nextLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L);
    }

    private String text(int length, String alphabet) {
        var text = new StringBuilder(length);
        for (int i = 0; i < length; i++) text.append(alphabet.charAt(random.nextInt(alphabet.length())));
        return text.toString();
    }
}
