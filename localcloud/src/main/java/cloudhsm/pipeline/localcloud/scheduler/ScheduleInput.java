package cloudhsm.pipeline.localcloud.scheduler;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.List;
import java.util.regex.Pattern;

/** What EventBridge Scheduler accepts as a schedule, beyond what the API's model says. */
final class ScheduleInput {
    private static final Pattern AT = Pattern.compile("at\\((\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2})\\)");
    private static final List<String> MEMBERS = List.of(
            "ActionAfterCompletion",
            "ClientToken",
            "Description",
            "FlexibleTimeWindow",
            "GroupName",
            "Name",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "State",
            "Target");

    private ScheduleInput() {}

    /** @throws AwsException ResourceNotFoundException for any other group than the one every account has */
    static void requireDefaultGroup(String group) {
        if (group.equals("default")) return;
        throw new AwsException("ResourceNotFoundException", 404, "Schedule group " + group + " does not exist.");
    }

    /** @throws AwsException ValidationException */
    static void check(ObjectNode input, Instant now) {
        for (var member : (Iterable<String>) input::fieldNames) {
            if (!MEMBERS.contains(member)) throw invalid("The embedded AWS does not support " + member);
        }
        checkWindow(input.path("FlexibleTimeWindow"));
        checkTarget(input.path("Target"));
        // Assumed: schedule-in-the-past
        if (!at(input).isAfter(now)) {
            throw invalid("Invalid Schedule Expression "
                    + input.path("ScheduleExpression").asText() + ": it lies in the past.");
        }
    }

    private static void checkWindow(JsonNode window) {
        var off = window.path("Mode").asText().equals("OFF");
        var minutes = window.path("MaximumWindowInMinutes");
        if (off && !minutes.isMissingNode()) {
            throw invalid("MaximumWindowInMinutes must not be set when FlexibleTimeWindow is OFF.");
        }
        if (!off && !window.hasNonNull("MaximumWindowInMinutes")) {
            throw invalid("MaximumWindowInMinutes must be from 1 to 1440.");
        }
    }

    private static void checkTarget(JsonNode target) {
        for (var member : (Iterable<String>) target::fieldNames) {
            if (!List.of("Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig")
                    .contains(member)) {
                throw invalid("The embedded AWS does not support " + member + " of a target");
            }
        }
        if (!target.path("Arn").asText().matches("arn:aws:(states|sns):[a-z0-9-]+:\\d{12}:.+")) {
            throw invalid("The embedded AWS's schedules start executions and publish to topics, not "
                    + target.path("Arn").asText());
        }
    }

    /** When the schedule is due. @throws AwsException ValidationException for anything but {@code at(…)} */
    static Instant at(ObjectNode input) {
        var expression = input.path("ScheduleExpression").asText();
        var matcher = AT.matcher(expression);
        try {
            if (matcher.matches()) {
                return LocalDateTime.parse(matcher.group(1))
                        .atZone(ZoneId.of(
                                input.path("ScheduleExpressionTimezone").asText("UTC")))
                        .toInstant();
            }
        } catch (DateTimeException malformed) {
            throw invalid("Invalid Schedule Expression " + expression + ".");
        }
        throw invalid(
                "Invalid Schedule Expression " + expression + ". The embedded AWS knows at(yyyy-mm-ddThh:mm:ss).");
    }

    static AwsException invalid(String message) {
        return AwsException.badRequest("ValidationException", message);
    }
}
