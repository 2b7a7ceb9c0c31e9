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

/** What EventBridge Scheduler accepts as a schedule, by the API's model. */
final class ScheduleInput {
    private static final Pattern NAME = Pattern.compile("[0-9a-zA-Z-_.]{1,64}");
    private static final Pattern AT = Pattern.compile("at\\((\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2})\\)");
    private static final Pattern ROLE = Pattern.compile("arn:aws(-[a-z]+)?:iam::\\d{12}:role/[\\w+=,.@/-]+");
    private static final Pattern QUEUE = Pattern.compile("arn:aws(-[a-z]+)?:sqs:[a-z0-9\\-]+:\\d{12}:[a-zA-Z0-9\\-_]+");
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

    static String name(String name) {
        if (NAME.matcher(name).matches()) return name;
        throw invalid("Value '" + name + "' at 'name' failed to satisfy constraint: Member must satisfy regular"
                + " expression pattern: ^[0-9a-zA-Z-_.]+$");
    }

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
        oneOf(input, "State", List.of("ENABLED", "DISABLED"));
        oneOf(input, "ActionAfterCompletion", List.of("NONE", "DELETE"));
        if (input.path("Description").asText().length() > 512) throw invalid("Description is longer than 512");
        if (!input.path("ClientToken").asText("a").matches("[a-zA-Z0-9-_]{1,64}")) throw invalid("Invalid ClientToken");
        checkWindow(input.path("FlexibleTimeWindow"));
        checkTarget(input.path("Target"));
        // Assumed: schedule-in-the-past
        if (!at(input).isAfter(now)) {
            throw invalid("Invalid Schedule Expression "
                    + input.path("ScheduleExpression").asText() + ": it lies in the past.");
        }
    }

    private static void oneOf(ObjectNode input, String member, List<String> values) {
        var value = input.path(member).asText(values.getFirst());
        if (!values.contains(value)) {
            throw invalid("Value '" + value + "' at '" + member + "' failed to satisfy constraint: Member must satisfy"
                    + " enum value set: " + values);
        }
    }

    private static void checkWindow(JsonNode window) {
        var mode = window.path("Mode").asText();
        var minutes = window.path("MaximumWindowInMinutes");
        switch (mode) {
            case "OFF" -> {
                if (!minutes.isMissingNode()) {
                    throw invalid("MaximumWindowInMinutes must not be set when FlexibleTimeWindow is OFF.");
                }
            }
            case "FLEXIBLE" -> {
                if (minutes.asInt() < 1 || minutes.asInt() > 1440) {
                    throw invalid("MaximumWindowInMinutes must be from 1 to 1440.");
                }
            }
            default -> throw invalid("FlexibleTimeWindow.Mode must be OFF or FLEXIBLE");
        }
    }

    private static void checkTarget(JsonNode target) {
        for (var member : (Iterable<String>) target::fieldNames) {
            if (!List.of("Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig")
                    .contains(member)) {
                throw invalid("The embedded AWS does not support " + member + " of a target");
            }
        }
        if (!ROLE.matcher(target.path("RoleArn").asText()).matches()) throw invalid("Provided RoleArn is not valid.");
        if (!target.path("Arn").asText().matches("arn:aws:(states|sns):[a-z0-9-]+:\\d{12}:.+")) {
            throw invalid("The embedded AWS's schedules start executions and publish to topics, not "
                    + target.path("Arn").asText());
        }
        var queue = target.path("DeadLetterConfig").path("Arn");
        if (!queue.isMissingNode() && !QUEUE.matcher(queue.asText()).matches()) {
            throw invalid("Provided DeadLetterConfig.Arn is not valid.");
        }
        range(target.path("RetryPolicy"), "MaximumRetryAttempts", 0, 185);
        range(target.path("RetryPolicy"), "MaximumEventAgeInSeconds", 60, 86_400);
    }

    private static void range(JsonNode object, String member, int least, int most) {
        var value = object.path(member);
        if (value.isMissingNode() || value.asInt() >= least && value.asInt() <= most) return;
        throw invalid(member + " must be from " + least + " to " + most);
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
