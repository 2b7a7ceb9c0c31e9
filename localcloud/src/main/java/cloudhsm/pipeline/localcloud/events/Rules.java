package cloudhsm.pipeline.localcloud.events;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** The rules of the default bus. Callers hold the lock of the simulated time. */
final class Rules {
    /** Quotas of a bus and a rule [EB:eb-quota]. */
    private static final int MOST_RULES = 300;

    private static final int MOST_TARGETS = 5;

    private final Account account;
    private final Consumer<Rule> fire;
    private final Map<String, Rule> byName = new TreeMap<>();

    /** @param fire called when a rule's schedule is due */
    Rules(Account account, Consumer<Rule> fire) {
        this.account = account;
        this.fire = fire;
    }

    Collection<Rule> all() {
        return List.copyOf(byName.values());
    }

    Rule get(ObjectNode input) {
        return get(input, "Name");
    }

    private Rule get(ObjectNode input, String member) {
        requireDefaultBus(input, "EventBusName");
        var name = input.path(member).asText();
        var rule = byName.get(name);
        if (rule != null) return rule;
        throw AwsException.badRequest(
                "ResourceNotFoundException", "Rule " + name + " does not exist on EventBus default.");
    }

    static void requireDefaultBus(JsonNode input, String member) {
        var bus = input.path(member).asText("default");
        if (bus.equals("default") || bus.endsWith(":event-bus/default")) return;
        throw AwsException.badRequest("ResourceNotFoundException", "Event bus " + bus + " does not exist.");
    }

    String put(ObjectNode input) {
        requireDefaultBus(input, "EventBusName");
        var name = input.path("Name").asText();
        if (!name.matches("[.\\-_A-Za-z0-9]{1,64}")) {
            throw invalid("1 validation error detected: Value '" + name + "' at 'name' failed to satisfy constraint:"
                    + " Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+");
        }
        if (!input.hasNonNull("EventPattern") && !input.hasNonNull("ScheduleExpression")) {
            throw invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.");
        }
        if (!input.path("State").asText("ENABLED").matches("ENABLED|DISABLED")) {
            throw invalid("The state " + input.path("State").asText() + " is not supported");
        }
        if (input.hasNonNull("ScheduleExpression"))
            Rule.rate(input.get("ScheduleExpression").asText());
        if (input.hasNonNull("EventPattern"))
            EventPattern.parse(input.get("EventPattern").asText());
        if (!byName.containsKey(name) && byName.size() >= MOST_RULES) throw limitExceeded();
        var rule = byName.computeIfAbsent(name, any -> new Rule(name, account.arn("events", "rule/" + name)));
        rule.define(input.deepCopy());
        reschedule(rule);
        return rule.arn();
    }

    private static AwsException invalid(String message) {
        return AwsException.badRequest("ValidationException", message);
    }

    private static AwsException limitExceeded() {
        return AwsException.badRequest(
                "LimitExceededException", "The requested resource exceeds the maximum number allowed.");
    }

    JsonNode enable(ObjectNode input, boolean enabled) {
        var rule = get(input);
        rule.enable(enabled);
        reschedule(rule);
        return Json.object();
    }

    private void reschedule(Rule rule) {
        if (rule.next != null) rule.next.cancel();
        rule.next = null;
        if (rule.enabled()) rule.rate().ifPresent(rate -> scheduleNext(rule, rate));
    }

    private void scheduleNext(Rule rule, Duration rate) {
        rule.next = account.time().schedule(rate, "EventBridge: schedule of rule " + rule.name, () -> {
            fire.accept(rule);
            scheduleNext(rule, rate);
        });
    }

    JsonNode delete(ObjectNode input) {
        requireDefaultBus(input, "EventBusName");
        var rule = byName.get(input.path("Name").asText());
        if (rule == null) return Json.object();
        if (!rule.targets.isEmpty()) throw invalid("Rule can't be deleted since it has targets.");
        if (rule.next != null) rule.next.cancel();
        byName.remove(rule.name);
        return Json.object();
    }

    JsonNode list(String prefix) {
        var rules = Json.array();
        for (var rule : byName.values()) if (rule.name.startsWith(prefix)) rules.add(rule.described());
        return Json.object().set("Rules", rules);
    }

    JsonNode putTargets(ObjectNode input) {
        var rule = get(input, "Rule");
        var targets = new TreeMap<String, ObjectNode>();
        for (var target : input.path("Targets")) {
            check(target);
            targets.put(target.get("Id").asText(), (ObjectNode) target.deepCopy());
        }
        if (targets.isEmpty()) {
            throw invalid("1 validation error detected: Value at 'targets' failed to satisfy constraint: Member must"
                    + " have length greater than or equal to 1");
        }
        var added = targets.keySet().stream()
                .filter(id -> !rule.targets.containsKey(id))
                .count();
        if (rule.targets.size() + added > MOST_TARGETS) throw limitExceeded();
        rule.targets.putAll(targets);
        return noFailures();
    }

    private static ObjectNode noFailures() {
        var output = Json.object().put("FailedEntryCount", 0);
        output.putArray("FailedEntries");
        return output;
    }

    private static void check(JsonNode target) {
        if (!target.path("Id").asText().matches("[.\\-_A-Za-z0-9]{1,64}")) {
            throw invalid("Target Id '" + target.path("Id").asText() + "' must match [\\.\\-_A-Za-z0-9]+");
        }
        var arn = target.path("Arn").asText();
        if (!arn.matches("arn:aws:(lambda|sqs|sns|states):[a-z0-9-]+:\\d{12}:.+")) {
            throw invalid("The embedded AWS delivers to Lambda, Step Functions, SQS and SNS, not to '" + arn + "'");
        }
        if (arn.startsWith("arn:aws:states:") && !target.hasNonNull("RoleArn")) {
            throw invalid("RoleArn is required for target " + arn + ".");
        }
        for (var member : (Iterable<String>) target::fieldNames) {
            if (!List.of(
                            "Id",
                            "Arn",
                            "RoleArn",
                            "Input",
                            "InputPath",
                            "InputTransformer",
                            "DeadLetterConfig",
                            "RetryPolicy")
                    .contains(member)) {
                throw invalid("The embedded AWS does not support " + member + " of a target");
            }
        }
        requireRange(target.path("RetryPolicy"), "MaximumRetryAttempts", 0, 185);
        requireRange(target.path("RetryPolicy"), "MaximumEventAgeInSeconds", 60, 86_400);
        TargetInput.check(target);
    }

    private static void requireRange(JsonNode node, String member, int least, int most) {
        if (!node.has(member)) return;
        var value = node.get(member).asInt(-1);
        if (value < least || value > most) {
            throw invalid(member + " must be from " + least + " to " + most + ", not "
                    + node.get(member).asText());
        }
    }

    JsonNode removeTargets(ObjectNode input) {
        var rule = get(input, "Rule");
        input.path("Ids").forEach(id -> rule.targets.remove(id.asText()));
        return noFailures();
    }

    JsonNode listTargets(ObjectNode input) {
        var targets = Json.array();
        get(input, "Rule").targets.values().forEach(targets::add);
        return Json.object().set("Targets", targets);
    }
}
