package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.sns.SnsService;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The template's default trusts AWS's own root, which ends on 2027-04-26; it has not signed the embedded hardware. */
class ExpiredAwsRootTest {
    private static final Instant THE_DAY_AFTER = Instant.parse("2027-04-27T09:00:00Z");

    private final Pipeline pipeline =
            Pipeline.deploy(1, Map.of("AwsRootCertificate", "", "HealthCheckSchedule", "rate(7 days)"));

    @AfterEach
    void close() {
        pipeline.close();
    }

    @Test
    void theEndIsAnnouncedForThreeMonthsAndThenCostsNothing() {
        var cloud = pipeline.cloud();
        cloud.advance(Duration.between(cloud.time().now(), THE_DAY_AFTER));
        var mails = cloud.sns().published().stream()
                .map(SnsService.Published::subject)
                .filter(subject -> subject.startsWith("The root of the AWS hardware chain"))
                .toList();
        // The health check of each week first comes less than 90 days before the end when 83 whole days are left.
        var weeks = IntStream.rangeClosed(0, 11)
                .mapToObj(week -> "The root of the AWS hardware chain expires in " + (83 - 7 * week) + " days");
        assertEquals(
                Stream.concat(weeks, Stream.of("The root of the AWS hardware chain has expired"))
                        .toList(),
                mails);

        var refused = pipeline.provision("the-day-after", "{}");
        assertEquals("INVALID_INPUT", refused.error(), refused::cause);
        assertTrue(refused.cause().contains("hsmIdentity.expiredRoot: no HSM could be verified"), refused::cause);
        assertEquals(0, cloud.calls("CreateCluster"), "nothing that could bill was made");

        var accepted = pipeline.provision("accepted", "{\"hsmIdentity\": {\"expiredRoot\": \"ACCEPT_PINNED\"}}");
        assertEquals("HSM_IDENTITY_NOT_VERIFIED", accepted.error(), accepted::cause);
        assertTrue(accepted.cause().contains("is not signed by the key of the AWS CloudHSM root"), accepted::cause);
        assertFalse(accepted.cause().contains("but now is"), () -> "the date is accepted: " + accepted.cause());
    }
}
