package cloudhsm.pipeline.localcloud.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.scheduler.SchedulerClient;
import software.amazon.awssdk.services.scheduler.model.ActionAfterCompletion;
import software.amazon.awssdk.services.scheduler.model.ConflictException;
import software.amazon.awssdk.services.scheduler.model.CreateScheduleRequest;
import software.amazon.awssdk.services.scheduler.model.FlexibleTimeWindowMode;
import software.amazon.awssdk.services.scheduler.model.ResourceNotFoundException;
import software.amazon.awssdk.services.scheduler.model.ScheduleSummary;
import software.amazon.awssdk.services.scheduler.model.ValidationException;
import software.amazon.awssdk.services.sqs.SqsClient;

class SchedulerServiceTest {
    private final LocalCloud aws = LocalCloud.start();
    private final SchedulerClient scheduler = aws.client(SchedulerClient.builder());
    private final String topic = aws.sns().createTopic("limits", Map.of());
    private final String role = role("sns:Publish");

    @AfterEach
    void close() {
        aws.close();
    }

    private String role(String action) {
        var role = aws.iam().createRole("limits", policy("""
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "scheduler.amazonaws.com"}}]}
            """));
        role.policies().put("tell", policy("""
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "%s", "Resource": "*"}]}
            """.formatted(action)));
        return role.arn();
    }

    private static PolicyDocument policy(String text) {
        return PolicyDocument.parse(Json.parse(text));
    }

    private CreateScheduleRequest.Builder at(String time) {
        return CreateScheduleRequest.builder()
                .name("warning")
                .scheduleExpression("at(" + time + ")")
                .flexibleTimeWindow(window -> window.mode(FlexibleTimeWindowMode.OFF))
                .actionAfterCompletion(ActionAfterCompletion.DELETE)
                .target(target -> target.arn(topic).roleArn(role).input("soon"));
    }

    @Test
    void firesOnceWithinAMinuteAndIsGone() {
        scheduler.createSchedule(at("2026-11-02T10:00:00").build());
        assertEquals(
                "ENABLED", scheduler.getSchedule(get -> get.name("warning")).stateAsString());
        aws.advance(Duration.ofMinutes(60).minusSeconds(1));
        assertEquals(0, aws.sns().published().size());
        aws.advance(Duration.ofMinutes(2));
        assertEquals("soon", aws.sns().published().getFirst().message());
        assertThrows(ResourceNotFoundException.class, () -> scheduler.getSchedule(get -> get.name("warning")));
    }

    @Test
    void anUpdateReplacesTheTimeAndADeletionEndsIt() {
        scheduler.createSchedule(at("2026-11-02T10:00:00").build());
        assertThrows(
                ConflictException.class,
                () -> scheduler.createSchedule(at("2026-11-02T11:00:00").build()));
        var later = at("2026-11-02T11:00:00").build();
        scheduler.updateSchedule(update -> update.name("warning")
                .scheduleExpression(later.scheduleExpression())
                .flexibleTimeWindow(later.flexibleTimeWindow())
                .target(later.target()));
        aws.advance(Duration.ofMinutes(90));
        assertEquals(0, aws.sns().published().size());
        assertEquals(
                List.of("warning"),
                scheduler.listSchedules(list -> list.namePrefix("warn")).schedules().stream()
                        .map(ScheduleSummary::name)
                        .toList());
        scheduler.deleteSchedule(delete -> delete.name("warning"));
        aws.advance(Duration.ofHours(3));
        assertEquals(0, aws.sns().published().size());
    }

    @Test
    void refusesWhatTheModelRefuses() {
        assertThrows(
                ValidationException.class,
                () -> scheduler.createSchedule(at("2026-11-02T08:00:00").build()));
        assertThrows(
                ValidationException.class,
                () -> scheduler.createSchedule(
                        at("2026-11-02T10:00:00").scheduleExpression("tomorrow").build()));
        var noTrust = aws.iam()
                .createRole(
                        "other",
                        policy("{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\":"
                                + " \"sts:AssumeRole\", \"Principal\": {\"Service\":"
                                + " \"lambda.amazonaws.com\"}}]}"));
        assertThrows(
                ValidationException.class,
                () -> scheduler.createSchedule(at("2026-11-02T10:00:00")
                        .target(target -> target.arn(topic).roleArn(noTrust.arn()))
                        .build()));
    }

    @Test
    void theRoleMustBeAllowedWhatTheTargetNeeds() {
        scheduler.createSchedule(at("2026-11-02T10:00:00").build());
        aws.iam().role("limits").orElseThrow().policies().clear();
        aws.advance(Duration.ofHours(26));
        assertEquals(0, aws.sns().published().size());
        assertTrue(aws.scheduler().failures().getFirst().contains("sns:Publish"));
    }

    private static final String GONE = "arn:aws:states:eu-central-1:111122223333:stateMachine:gone";

    private String queue() {
        return aws.sqs().createQueue("put-aside", Map.of());
    }

    /** Of a state machine that does not exist, given up a quarter of an hour after its time. */
    private void schedulePauseOf(String queue) {
        scheduler.createSchedule(at("2026-11-02T10:00:00")
                .target(target -> target.arn(GONE)
                        .roleArn(role)
                        .input("{\"deployment\":\"demo\"}")
                        .retryPolicy(retry -> retry.maximumEventAgeInSeconds(900))
                        .deadLetterConfig(config -> config.arn(queue)))
                .build());
    }

    private void allow(String actions) {
        aws.iam().role("limits").orElseThrow().policies().put("tell", policy("""
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": %s, "Resource": "*"}]}
            """.formatted(actions)));
    }

    @Test
    void whatItsTargetRefusesIsPutAsideOnceItIsTooOldToTryAgain() {
        allow("[\"states:StartExecution\", \"sqs:SendMessage\"]");
        var queue = queue();
        schedulePauseOf(queue);
        aws.advance(Duration.ofMinutes(70));
        assertEquals(List.of(), aws.sqs().receive(queue, 10), "it is tried again for a quarter of an hour");
        aws.advance(Duration.ofMinutes(7));
        var sqs = aws.client(SqsClient.builder());
        var message = sqs.receiveMessage(
                        receive -> receive.queueUrl(aws.sqs().queueUrl(queue)).messageAttributeNames("All"))
                .messages()
                .getFirst();
        assertEquals("{\"deployment\":\"demo\"}", message.body());
        assertEquals(
                "StateMachineDoesNotExist",
                message.messageAttributes().get("ERROR_CODE").stringValue());
        assertEquals(GONE, message.messageAttributes().get("TARGET_ARN").stringValue());
        assertThrows(ResourceNotFoundException.class, () -> scheduler.getSchedule(get -> get.name("warning")));
    }

    @Test
    void aRoleThatMayNotSendLosesWhatItsTargetRefused() {
        allow("[\"states:StartExecution\"]");
        var queue = queue();
        schedulePauseOf(queue);
        aws.advance(Duration.ofMinutes(80));
        assertEquals(List.of(), aws.sqs().receive(queue, 10));
        assertTrue(aws.scheduler().failures().getLast().contains("sqs:SendMessage"), "nobody is told");
    }
}
