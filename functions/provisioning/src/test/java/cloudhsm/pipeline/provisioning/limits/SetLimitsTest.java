package cloudhsm.pipeline.provisioning.limits;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.provisioning.TestAccount;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.scheduler.SchedulerClient;
import software.amazon.awssdk.services.scheduler.model.ResourceNotFoundException;

class SetLimitsTest {
    private static final BigDecimal HOURLY = new BigDecimal("3.20");
    private static final String LIMIT = "cloudhsm-pipeline-demo-limit";

    private final TestAccount aws = new TestAccount();
    private final SchedulerClient scheduler = aws.client(SchedulerClient.builder());
    private final String topic = aws.cloud.sns().createTopic("notifications", Map.of());

    @AfterEach
    void close() {
        aws.close();
    }

    private SetLimits.Output set(Limits limits) {
        var role = aws.cloud.iam().role("limits").orElseGet(this::role);
        var targets = new SetLimits.Targets(
                role.arn(),
                "arn:aws:states:eu-central-1:111122223333:stateMachine:pause",
                "arn:aws:states:eu-central-1:111122223333:stateMachine:teardown",
                topic,
                "arn:aws:sqs:eu-central-1:111122223333:put-aside");
        var input = new SetLimits.Input(TestAccount.DEPLOYMENT, LocalCloud.START, limits, HOURLY);
        return TestAccount.done(
                new SetLimits(scheduler, targets, aws.runtime).run(input, Optional.empty()), SetLimits.Output.class);
    }

    private Role role() {
        var role = aws.cloud.iam().createRole("limits", aws.trusting("scheduler.amazonaws.com"));
        role.policies().put("warn", PolicyDocument.parse(Json.parse("""
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]}
            """)));
        return role;
    }

    @Test
    void warnsHalfAnHourBeforeInPlainWords() {
        var end = LocalCloud.START.plus(Duration.ofHours(8));
        assertEquals(
                end.toString(),
                set(new Limits("PT8H", BigDecimal.ZERO, "PAUSE")).end());
        aws.cloud.advance(Duration.ofHours(7).plusMinutes(29));
        assertEquals(0, aws.cloud.sns().published().size());
        aws.cloud.advance(Duration.ofMinutes(3));
        var message = aws.cloud.sns().published().getFirst().message();
        assertTrue(message.contains("(teardownAfter PT8H) at " + end + " and is then paused"), message);
    }

    @Test
    void aLimitOfCostStopsBeforeTheHourThatWouldExceedIt() {
        var end = set(new Limits("", new BigDecimal("10"), "PAUSE")).end();
        assertEquals(LocalCloud.START.plus(Duration.ofMinutes(3 * 60 - 15)).toString(), end, "3 hours cost 9.60");
    }

    @Test
    void theEarlierLimitCountsAndAnewOneReplacesIt() {
        set(new Limits("PT8H", new BigDecimal("10"), "PAUSE"));
        var first = scheduler.getSchedule(get -> get.name(LIMIT));
        assertEquals("at(2026-11-02T11:45:00)", first.scheduleExpression());
        assertEquals(
                "{\"deployment\":\"demo\",\"interrupt\":true}", first.target().input());

        set(new Limits("PT8H", BigDecimal.ZERO, "TEARDOWN"));
        var second = scheduler.getSchedule(get -> get.name(LIMIT));
        assertEquals("at(2026-11-02T17:00:00)", second.scheduleExpression());
        assertTrue(second.target().input().contains("KEEP_READABLE"), "nothing is lost that nobody asked to lose");
    }

    @Test
    void aLimitThatCannotBeStartedIsPutAsideWithinMinutes() {
        set(new Limits("PT8H", BigDecimal.ZERO, "PAUSE"));
        for (var name : List.of(LIMIT, "cloudhsm-pipeline-demo-warning")) {
            var target = scheduler.getSchedule(get -> get.name(name)).target();
            assertEquals(
                    "arn:aws:sqs:eu-central-1:111122223333:put-aside",
                    target.deadLetterConfig().arn());
            assertEquals(900, target.retryPolicy().maximumEventAgeInSeconds(), "two HSMs bill while it is tried again");
        }
    }

    @Test
    void withoutLimitsThoseOfAnEarlierExecutionGo() {
        set(new Limits("PT8H", BigDecimal.ZERO, "PAUSE"));
        set(Limits.NONE);
        assertThrows(ResourceNotFoundException.class, () -> scheduler.getSchedule(get -> get.name(LIMIT)));
        assertEquals(0, scheduler.listSchedules(list -> {}).schedules().size(), "the warning goes too");
    }
}
