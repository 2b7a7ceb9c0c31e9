package cloudhsm.pipeline.localcloud.events;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.time.SimulatedTime;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** A rule of the default bus, with its targets. */
final class Rule {
    private static final Pattern RATE = Pattern.compile("rate\\(([1-9]\\d*) (minutes?|hours?|days?)\\)");

    final String name;
    private final String arn;

    /** By target id, as PutTargets gave them. */
    final Map<String, ObjectNode> targets = new LinkedHashMap<>();

    private ObjectNode definition = Json.object();
    private Optional<EventPattern> pattern = Optional.empty();

    /** The next firing of a schedule; null while there is none. */
    SimulatedTime.Scheduled next;

    Rule(String name, String arn) {
        this.name = name;
        this.arn = arn;
    }

    String arn() {
        return arn;
    }

    /** @param definition as PutRule's input */
    void define(ObjectNode definition) {
        this.definition = definition;
        pattern = Optional.ofNullable(definition.get("EventPattern"))
                .map(JsonNode::asText)
                .map(EventPattern::parse);
    }

    boolean enabled() {
        return !definition.path("State").asText("ENABLED").equals("DISABLED");
    }

    void enable(boolean enabled) {
        definition.put("State", enabled ? "ENABLED" : "DISABLED");
    }

    boolean matches(JsonNode event) {
        return enabled() && pattern.map(wanted -> wanted.matches(event)).orElse(false);
    }

    /** How often the rule fires by itself; empty for a rule with a pattern only. */
    Optional<Duration> rate() {
        return Optional.ofNullable(definition.get("ScheduleExpression")).map(text -> rate(text.asText()));
    }

    /** @throws AwsException ValidationException; cron() is refused because the embedded AWS has no calendar */
    static Duration rate(String expression) {
        var rate = RATE.matcher(expression);
        if (!rate.matches() || rate.group(1).equals("1") == rate.group(2).endsWith("s")) {
            throw AwsException.badRequest(
                    "ValidationException",
                    expression.startsWith("cron(")
                            ? "The embedded AWS runs rate() schedules only, not " + expression
                            : "Parameter ScheduleExpression is not valid.");
        }
        var count = Long.parseLong(rate.group(1));
        return switch (rate.group(2).charAt(0)) {
            case 'm' -> Duration.ofMinutes(count);
            case 'h' -> Duration.ofHours(count);
            default -> Duration.ofDays(count);
        };
    }

    /** As DescribeRule and ListRules tell it. */
    ObjectNode described() {
        var described = Json.object().put("Name", name).put("Arn", arn()).put("EventBusName", "default");
        described.put("State", definition.path("State").asText("ENABLED"));
        for (var member : new String[] {"EventPattern", "ScheduleExpression", "Description", "RoleArn"}) {
            if (definition.hasNonNull(member)) described.set(member, definition.get(member));
        }
        return described;
    }
}
