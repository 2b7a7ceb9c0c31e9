package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.logs.LogsService;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What state machines write of their executions to CloudWatch Logs, as their LoggingConfiguration says. */
final class ExecutionLog {
    /** What the machine's role needs for that [SFN:cw-logs]. */
    private static final List<String> DELIVERY = List.of(
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups");

    /** Log streams are by machine and hour. */
    private static final DateTimeFormatter HOUR =
            DateTimeFormatter.ofPattern("yyyy-MM-dd-HH").withZone(ZoneOffset.UTC);

    private static final Set<String> FATAL = Set.of("ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut");

    private final Account account;
    private final LogsService logs;
    private final Map<String, Configuration> configurations = new HashMap<>();

    ExecutionLog(Account account, LogsService logs) {
        this.account = account;
        this.logs = logs;
    }

    private record Configuration(String logGroup, Level level, boolean includeExecutionData) {}

    private enum Level {
        ALL,
        ERROR,
        FATAL,
        OFF;

        static Level of(String name) {
            return Arrays.stream(values())
                    .filter(level -> level.name().equals(name))
                    .findAny()
                    .orElseThrow(() -> invalid("Level " + name + " is none of " + Arrays.toString(values())));
        }

        /** The table of [SFN:cloudwatch-log-level]. */
        boolean shows(String eventType) {
            return switch (this) {
                case ALL -> true;
                case ERROR ->
                    eventType.endsWith("Failed")
                            || eventType.endsWith("TimedOut")
                            || eventType.endsWith("Aborted")
                            || eventType.equals("FailStateEntered");
                case FATAL -> ExecutionLog.FATAL.contains(eventType);
                case OFF -> false;
            };
        }
    }

    /** @throws AwsException as {@link StatesService#logTo} */
    void configure(StateMachine machine, String logGroupArn, String level, boolean includeExecutionData) {
        var prefix = account.arn("logs", "log-group:");
        if (!logGroupArn.startsWith(prefix) || !logGroupArn.endsWith(":*")) {
            throw invalid("Log Destination " + logGroupArn + " is not the ARN of a log group that ends with :*");
        }
        var logGroup = logGroupArn.substring(prefix.length(), logGroupArn.length() - ":*".length());
        if (!logs.hasLogGroup(logGroup)) throw invalid("Log Destination " + logGroup + " not found");
        for (var action : DELIVERY) {
            var decision = account.iam().decide(machine.identity(), action, "*", Map.of());
            if (decision != PolicyDocument.Decision.ALLOWED) {
                throw AwsException.badRequest(
                        "AccessDeniedException",
                        "The state machine IAM Role is not authorized to access the Log Destination: "
                                + machine.role().arn() + " lacks " + action);
            }
        }
        configurations.put(machine.arn(), new Configuration(logGroup, Level.of(level), includeExecutionData));
    }

    private static AwsException invalid(String why) {
        return AwsException.badRequest("InvalidLoggingConfiguration", "Invalid Logging Configuration: '" + why + "'");
    }

    /** A new machine logs nothing until it is told to, whatever an earlier one of its name did. */
    void forget(StateMachine machine) {
        configurations.remove(machine.arn());
    }

    /** Writes the event if the machine's level shows its type. A distributed Map's children log as their machine. */
    void write(Execution execution, ObjectNode event) {
        var configuration = configurations.get(execution.machine().ownArn());
        var type = event.path("type").asText();
        if (configuration == null || !configuration.level().shows(type)) return;
        var shown = configuration.includeExecutionData() ? event : History.withoutExecutionData(event);
        var now = account.time().now();
        var entry = Json.object().put("id", event.path("id").asText()).put("type", type);
        entry.set("details", details(shown));
        entry.put("previous_event_id", event.path("previousEventId").asText())
                .put("event_timestamp", Long.toString(now.toEpochMilli()))
                .put("execution_arn", execution.arn())
                .put("redrive_count", Integer.toString(execution.redriveCount()));
        var machine = execution.machine().ownArn().replaceFirst(".*:", "");
        var stream = "states/" + machine + "/" + HOUR.format(now) + "/00000000";
        logs.write(configuration.logGroup(), stream, Json.text(entry));
    }

    /** The member of the event's details; a log entry holds texts only. */
    private static JsonNode details(ObjectNode event) {
        for (var member : event.properties()) {
            if (member.getValue() instanceof ObjectNode details) return texts(details);
        }
        return Json.object();
    }

    private static ObjectNode texts(ObjectNode node) {
        var texts = Json.object();
        node.properties().forEach(member -> {
            if (member.getValue() instanceof ObjectNode nested) texts.set(member.getKey(), texts(nested));
            else texts.put(member.getKey(), member.getValue().asText());
        });
        return texts;
    }
}
