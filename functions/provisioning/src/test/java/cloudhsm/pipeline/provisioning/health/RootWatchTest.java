package cloudhsm.pipeline.provisioning.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.sns.SnsService;
import cloudhsm.pipeline.provisioning.PipelineTable;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.notification.Notifications;
import cloudhsm.pipeline.provisioning.pki.AwsRoot;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.pki.TestChain;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** Who is told of the end of an AWS root, when, and how often. */
class RootWatchTest {
    private static final Instant END = AwsRoot.pinned().notAfter();

    private final TestAccount aws = new TestAccount();
    private final DynamoDbClient dynamoDb = aws.client(DynamoDbClient.builder());
    private Notifications notifications;

    @BeforeEach
    void createTable() {
        PipelineTable.create(dynamoDb, aws.cloud);
        notifications = new Notifications(
                aws.sns,
                aws.sns.createTopic(request -> request.name("pipeline")).topicArn());
    }

    @AfterEach
    void close() {
        aws.close();
    }

    /** Looks at that moment; what the metric says. */
    private long look(String awsRootCertificate, Instant now) {
        var watch = new RootWatch(
                dynamoDb, PipelineTable.NAME, notifications, awsRootCertificate, Clock.fixed(now, ZoneOffset.UTC));
        try {
            return Json.MAPPER
                    .readTree(watch.look("observer").orElseThrow())
                    .path("AwsRootDaysLeft")
                    .asLong();
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private List<String> subjects() {
        return aws.cloud.sns().published().stream()
                .map(SnsService.Published::subject)
                .toList();
    }

    @Test
    void nobodyIsToldMoreThan90DaysBefore() {
        assertEquals(90, look("", END.minus(Duration.ofDays(91)).plusSeconds(1)));
        assertEquals(List.of(), subjects());
    }

    @Test
    void aMailComesOnceAWeekFrom90DaysBeforeAndOnceAfter() {
        var from = END.minus(Duration.ofDays(90));
        // Every six hours, as a slow health check would look.
        Stream.iterate(from, now -> now.isBefore(from.plus(Duration.ofDays(15))), now -> now.plus(Duration.ofHours(6)))
                .forEach(now -> look("", now));
        assertEquals(
                Stream.of(90, 83, 76)
                        .map(days -> "The root of the AWS hardware chain expires in " + days + " days")
                        .toList(),
                subjects());
        assertEquals(0, look("", END.plusSeconds(1)));
        look("", END.plus(Duration.ofDays(300)));
        assertEquals(4, subjects().size());
        assertEquals(
                "The root of the AWS hardware chain has expired", subjects().getLast());
    }

    @Test
    void theMailSaysWhichRootEndsWhenAndWhatCanBeDone() {
        look("", END.minus(Duration.ofDays(3)));
        var message = aws.cloud.sns().published().getFirst().message();
        assertTrue(message.startsWith("The AWS CloudHSM root \"CN=AWS CloudHSM Root G1,"), message);
        assertTrue(message.contains("2027-04-26T08:37:46Z"), message);
        assertTrue(message.contains("{\"expiredRoot\": \"ACCEPT_PINNED\"}"), message);
    }

    @Test
    void eachRootOfSeveralIsToldOfAndTheNextToEndIsCounted() {
        var keys = TestChain.rsa(2048);
        var name = "CN=AWS CloudHSM Root G2";
        var next = TestChain.issue(name, keys.getPrivate(), new X500Name(name), keys, Duration.ofDays(31));
        var last = TestChain.root("CN=AWS CloudHSM Root G3", TestChain.rsa(2048));
        var both = Pem.of(next) + Pem.of(last);
        assertEquals(30, look(both, TestChain.NOW));
        assertEquals(1, subjects().size());
        assertFalse(
                aws.cloud.sns().published().getFirst().message().contains("ACCEPT_PINNED"),
                "that would not help: it is not the pinned root");
        assertTrue(look(both, TestChain.NOW.plus(Duration.ofDays(40))) > 3_000, "the other root is still valid");
    }

    @Test
    void aParameterThatCannotBeReadDoesNotStopTheHealthCheck() {
        var watch =
                new RootWatch(dynamoDb, PipelineTable.NAME, notifications, "no PEM", Clock.fixed(END, ZoneOffset.UTC));
        assertTrue(watch.look("observer").isEmpty());
        assertEquals(List.of(), subjects());
    }
}
