package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.Resolver.ResourceValues;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** AWS::Serverless::StateMachine, and the rules of its Events. */
final class StateMachines {
    private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([A-Za-z0-9_]+)}");

    private final LocalCloud cloud;
    private final Path root;
    private final Names names;
    private final Roles roles;
    private final Map<String, String> arnsByLogicalId = new LinkedHashMap<>();

    StateMachines(LocalCloud cloud, Path root, Names names, Roles roles) {
        this.cloud = cloud;
        this.root = root;
        this.names = names;
        this.roles = roles;
    }

    Map<String, String> arnsByLogicalId() {
        return Map.copyOf(arnsByLogicalId);
    }

    ResourceValues create(String logicalId, Properties properties, Resolver resolver) {
        properties.withoutEffect("Tracing", "Tags", "PropagateTags");
        if (!properties.text("Type").orElse("STANDARD").equals("STANDARD")) {
            throw properties.invalid("only Type STANDARD is supported");
        }
        var name = properties.text("Name").orElseGet(() -> names.physical(logicalId, 80));
        var tracing =
                properties.nested("Tracing").text("Enabled").orElse("false").equals("true");
        var always = tracing ? List.of("AWSXRayDaemonWriteAccess") : List.<String>of();
        var role = roles.execution(logicalId, properties, "states.amazonaws.com", always);
        var arn = cloud.states().createStateMachine(name, definition(properties), role);
        arnsByLogicalId.put(logicalId, arn);
        if (properties.has("Logging")) log(arn, properties.nested("Logging"));
        for (var event : properties.node("Events").properties()) {
            addEvent(logicalId + event.getKey(), arn, event.getKey(), event.getValue());
        }
        resolver.created(logicalId + "Role", new ResourceValues(role.name(), Map.of("Arn", role.arn())));
        return new ResourceValues(arn, Map.of("Arn", arn, "Name", name));
    }

    private void log(String arn, Properties logging) {
        var level = logging.text("Level").orElse("OFF");
        var withData = logging.text("IncludeExecutionData").orElse("false").equals("true");
        var destinations = logging.node("Destinations");
        logging.requireAllRead();
        if (level.equals("OFF")) return;
        if (destinations.size() != 1) throw logging.invalid("Level " + level + " needs exactly one of Destinations");
        var logGroup = destinations.path(0).at("/CloudWatchLogsLogGroup/LogGroupArn");
        if (!logGroup.isTextual()) throw logging.invalid("the destination has no CloudWatchLogsLogGroup LogGroupArn");
        cloud.states().logTo(arn, logGroup.asText(), level, withData);
    }

    private String definition(Properties properties) {
        var substitutions = properties.texts("DefinitionSubstitutions");
        if (properties.has("Definition")) {
            return substituted(Json.text(properties.node("Definition")), substitutions, properties);
        }
        var file = root.resolve(properties.required("DefinitionUri")).normalize();
        try {
            var text = substituted(Files.readString(file), substitutions, properties);
            return file.toString().endsWith(".json") ? text : Json.text(TemplateFile.parse(text, file));
        } catch (IOException unreadable) {
            throw properties.invalid("cannot read DefinitionUri " + file + ": " + unreadable);
        }
    }

    /** A placeholder that nothing fills would reach Step Functions as text, and fail there at run time. */
    private static String substituted(String text, Map<String, String> substitutions, Properties properties) {
        var unused = new TreeSet<>(substitutions.keySet());
        var unfilled = new TreeSet<String>();
        var filled = PLACEHOLDER.matcher(text).replaceAll(placeholder -> {
            var name = placeholder.group(1);
            unused.remove(name);
            if (!substitutions.containsKey(name)) unfilled.add(name);
            return Matcher.quoteReplacement(substitutions.getOrDefault(name, placeholder.group()));
        });
        if (!unfilled.isEmpty()) {
            throw properties.invalid(
                    "the definition uses " + unfilled + ", which DefinitionSubstitutions does not give");
        }
        if (!unused.isEmpty()) {
            throw properties.invalid("DefinitionSubstitutions gives " + unused + ", which the definition does not use");
        }
        return filled;
    }

    private void addEvent(String logicalId, String arn, String eventName, JsonNode event) {
        var properties = new Properties("Event " + eventName + " of state machine " + arn, event.path("Properties"));
        var rule = switch (event.path("Type").asText()) {
            case "EventBridgeRule", "CloudWatchEvent" -> EventRules.rule(cloud, names, logicalId, properties);
            case "Schedule" -> EventRules.schedule(cloud, names, logicalId, properties);
            default ->
                throw properties.invalid("the embedded AWS does not support the type "
                        + event.path("Type").asText());
        };
        var roleArn = properties
                .text("RoleArn")
                .orElseGet(
                        () -> roles.forService(logicalId + "Role", "events.amazonaws.com", "states:StartExecution", arn)
                                .arn());
        EventRules.target(cloud, rule, "StepFunctionsTarget", arn, properties, roleArn);
        properties.requireAllRead();
    }
}
