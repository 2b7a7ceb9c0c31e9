package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The EventBridge rules behind AWS::Events::Rule and the Events of functions and state machines. */
final class EventRules {
    private EventRules() {}

    record Rule(String name, String arn) {}

    /** An event with a Pattern. */
    static Rule rule(LocalCloud cloud, Names names, String logicalId, Properties properties) {
        var input = Json.object().put("EventPattern", Json.text(properties.requiredNode("Pattern")));
        return put(
                cloud,
                names,
                logicalId,
                properties,
                input,
                properties.text("State").orElse("ENABLED"));
    }

    /** An event with a Schedule expression. */
    static Rule schedule(LocalCloud cloud, Names names, String logicalId, Properties properties) {
        var input = Json.object().put("ScheduleExpression", properties.required("Schedule"));
        var enabled = properties.text("Enabled").orElse("true").equals("true");
        var state = properties.text("State").orElse(enabled ? "ENABLED" : "DISABLED");
        return put(cloud, names, logicalId, properties, input, state);
    }

    private static Rule put(
            LocalCloud cloud, Names names, String logicalId, Properties properties, ObjectNode input, String state) {
        properties.withoutEffect("Description", "Target");
        properties.text("EventBusName").ifPresent(bus -> input.put("EventBusName", bus));
        var name = properties
                .text("RuleName")
                .or(() -> properties.text("Name"))
                .orElseGet(() -> names.physical(logicalId, 64));
        input.put("Name", name).put("State", state);
        return new Rule(name, cloud.events().putRule(input));
    }

    /**
     * The one target of a function's or state machine's event.
     *
     * @param roleArn empty where the target needs none
     */
    static void target(LocalCloud cloud, Rule rule, String id, String arn, Properties properties, String roleArn) {
        var target = Json.object().put("Id", id).put("Arn", arn);
        if (!roleArn.isEmpty()) target.put("RoleArn", roleArn);
        for (var member : new String[] {"Input", "InputPath", "InputTransformer", "RetryPolicy", "DeadLetterConfig"}) {
            if (properties.has(member)) target.set(member, properties.node(member));
        }
        var input = Json.object().put("Rule", rule.name);
        input.putArray("Targets").add(target);
        cloud.events().putTargets(input);
    }

    /** AWS::Events::Rule. */
    static Rule create(LocalCloud cloud, Names names, String logicalId, Properties properties) {
        properties.withoutEffect("Description", "Tags");
        var input = Json.object();
        if (properties.has("EventPattern")) input.put("EventPattern", Json.text(properties.node("EventPattern")));
        properties.text("ScheduleExpression").ifPresent(text -> input.put("ScheduleExpression", text));
        properties.text("RoleArn").ifPresent(arn -> input.put("RoleArn", arn));
        var rule = put(
                cloud,
                names,
                logicalId,
                properties,
                input,
                properties.text("State").orElse("ENABLED"));
        if (properties.has("Targets")) {
            var targets = Json.object().put("Rule", rule.name);
            targets.set("Targets", properties.node("Targets"));
            cloud.events().putTargets(targets);
        }
        return rule;
    }
}
