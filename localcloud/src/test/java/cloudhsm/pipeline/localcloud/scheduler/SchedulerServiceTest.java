package cloudhsm.pipeline.localcloud.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.http.Json;
import cloudhsm.pipeline.localcloud.iam.PolicyDocument;
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
        aws.advance(Duration.ofMinutes(62));
        assertEquals(0, aws.sns().published().size());
        assertTrue(aws.scheduler().failures().getFirst().contains("sns:Publish"));
    }
}
