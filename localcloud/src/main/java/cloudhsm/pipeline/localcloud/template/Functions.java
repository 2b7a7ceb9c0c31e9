package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.lambda.LambdaService.FunctionConfiguration;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.Resolver.ResourceValues;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** AWS::Serverless::Function, and the rules and mappings of its Events. */
final class Functions {
    private final LocalCloud cloud;
    private final Path root;
    private final Names names;
    private final Roles roles;
    private final Map<String, String> namesByLogicalId = new LinkedHashMap<>();

    Functions(LocalCloud cloud, Path root, Names names, Roles roles) {
        this.cloud = cloud;
        this.root = root;
        this.names = names;
        this.roles = roles;
    }

    Map<String, String> namesByLogicalId() {
        return Map.copyOf(namesByLogicalId);
    }

    ResourceValues create(String logicalId, Properties properties, Resolver resolver) {
        properties.withoutEffect("Description", "Tags", "Tracing", "PropagateTags", "PackageType");
        checkAsynchronous(properties);
        var fromSnapshot = startsFromSnapshot(properties);
        var name = properties.text("FunctionName").orElseGet(() -> names.physical(logicalId, 64));
        var events = properties.node("Events");
        var role = roles.execution(logicalId, properties, "lambda.amazonaws.com", policies(properties, events));
        var code = root.resolve(properties.required("CodeUri")).normalize();
        if (!Files.isRegularFile(code)) {
            throw properties.invalid("CodeUri " + code + " is not a file; build the artifact first: mvn package");
        }
        var logging =
                properties.nested("LoggingConfig").withoutEffect("LogFormat", "ApplicationLogLevel", "SystemLogLevel");
        var logGroup = logging.text("LogGroup").orElse("/aws/lambda/" + name);
        logging.requireAllRead();
        var environment = properties.nested("Environment");
        var variables = environment.texts("Variables");
        environment.requireAllRead();
        var architectures = new ArrayList<String>();
        properties.node("Architectures").forEach(architecture -> architectures.add(architecture.asText()));
        if (architectures.size() > 1) {
            throw properties.invalid("Lambda takes one of the Architectures " + architectures
                    + "; SAM puts those of Globals before the function's own");
        }
        var arn = cloud.lambda()
                .createFunction(new FunctionConfiguration(
                        name,
                        code,
                        properties.required("Handler"),
                        properties.required("Runtime"),
                        architectures.isEmpty() ? List.of("x86_64") : List.copyOf(architectures),
                        Duration.ofSeconds(properties.number("Timeout", 3)),
                        properties.number("MemorySize", 128),
                        variables,
                        role,
                        logGroup));
        if (properties.has("ReservedConcurrentExecutions")) {
            cloud.lambda().reserveConcurrency(name, properties.number("ReservedConcurrentExecutions", 0));
        }
        namesByLogicalId.put(logicalId, name);
        for (var event : events.properties()) {
            addEvent(logicalId + event.getKey(), name, arn, event.getKey(), event.getValue());
        }
        resolver.created(logicalId + "Role", new ResourceValues(role.name(), Map.of("Arn", role.arn())));
        properties.text("AutoPublishAlias").ifPresent(alias -> {
            resolver.created(logicalId + ".Alias", new ResourceValues(arn + ":" + alias, Map.of()));
            if (fromSnapshot) cloud.lambda().startFromSnapshot(name, alias);
        });
        return new ResourceValues(name, Map.of("Arn", arn));
    }

    private static List<String> policies(Properties properties, JsonNode events) {
        var policies = new ArrayList<>(List.of("AWSLambdaBasicExecutionRole"));
        if (properties.text("Tracing").orElse("").equals("Active")) policies.add("AWSXRayDaemonWriteAccess");
        for (var event : events) {
            if (event.path("Type").asText().equals("SQS")) policies.add("AWSLambdaSQSQueueExecutionRole");
        }
        return policies;
    }

    /** Two attempts more, and then the event is dropped: what Lambda does by itself is all that the embedded one does. */
    private static void checkAsynchronous(Properties properties) {
        for (var property : List.of("EventInvokeConfig", "DeadLetterQueue")) {
            if (properties.has(property)) {
                throw properties.invalid("the embedded AWS does not carry out " + property
                        + " of asynchronous invocations; let SQS or EventBridge keep what fails");
            }
        }
    }

    /**
     * Whether what the alias names starts from a snapshot; there is one version of a function here. A snapshot that
     * nobody would ever start from is a mistake.
     *
     * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html">Lambda SnapStart</a>
     */
    private static boolean startsFromSnapshot(Properties properties) {
        var snapStart = properties.nested("SnapStart");
        var applyOn = snapStart.text("ApplyOn").orElse("None");
        snapStart.requireAllRead();
        var alias = properties.text("AutoPublishAlias");
        if (properties.has("AutoPublishAliasAllProperties") && alias.isEmpty()) {
            throw properties.invalid("AutoPublishAliasAllProperties needs AutoPublishAlias");
        }
        if (applyOn.equals("None")) return false;
        if (!applyOn.equals("PublishedVersions")) {
            throw properties.invalid("SnapStart ApplyOn must be None or PublishedVersions");
        }
        if (alias.isEmpty()) {
            throw properties.invalid("SnapStart works on published versions only; AutoPublishAlias publishes one");
        }
        return true;
    }

    private void addEvent(String logicalId, String name, String arn, String eventName, JsonNode event) {
        var properties = new Properties("Event " + eventName + " of function " + name, event.path("Properties"));
        switch (event.path("Type").asText()) {
            case "SQS" -> createMapping(name, properties, "Queue");
            case "EventBridgeRule", "CloudWatchEvent" -> {
                var rule = EventRules.rule(cloud, names, logicalId, properties);
                EventRules.target(cloud, rule, "LambdaTarget", arn, properties, "");
                cloud.lambda().addPermission(name, "events.amazonaws.com", rule.arn());
            }
            case "Schedule" -> {
                var rule = EventRules.schedule(cloud, names, logicalId, properties);
                EventRules.target(cloud, rule, "LambdaTarget", arn, properties, "");
                cloud.lambda().addPermission(name, "events.amazonaws.com", rule.arn());
            }
            default ->
                throw properties.invalid("the embedded AWS does not support the type "
                        + event.path("Type").asText());
        }
        properties.requireAllRead();
    }

    /** AWS::Lambda::EventSourceMapping, or an SQS event. Returns the mapping's UUID. */
    String createMapping(String functionNameOrArn, Properties properties, String queueProperty) {
        properties.withoutEffect("Tags");
        if (properties.text("Enabled").orElse("true").equals("false")) {
            throw properties.invalid("Enabled: false is not supported");
        }
        var responses = properties.node("FunctionResponseTypes");
        var reports = false;
        for (var type : responses) {
            if (!type.asText().equals("ReportBatchItemFailures")) {
                throw properties.invalid("FunctionResponseTypes knows ReportBatchItemFailures only");
            }
            reports = true;
        }
        var scaling = properties.nested("ScalingConfig");
        var concurrency = scaling.number("MaximumConcurrency", 0);
        scaling.requireAllRead();
        var queueArn = properties.required(queueProperty);
        if (!cloud.sqs().exists(queueArn)) throw properties.invalid("the queue " + queueArn + " does not exist");
        return cloud.lambda()
                .createEventSourceMapping(
                        functionName(functionNameOrArn),
                        queueArn,
                        properties.number("BatchSize", 10),
                        Duration.ofSeconds(properties.number("MaximumBatchingWindowInSeconds", 0)),
                        reports,
                        concurrency);
    }

    /** Of a name or an ARN, with a qualifier or without. */
    private static String functionName(String nameOrArn) {
        return nameOrArn.startsWith("arn:") ? nameOrArn.split(":")[6] : nameOrArn.replaceFirst(":.*", "");
    }

    /** AWS::Lambda::Permission. */
    void permit(Properties properties) {
        properties.withoutEffect("SourceAccount");
        if (!properties.required("Action").equals("lambda:InvokeFunction")) {
            throw properties.invalid("only lambda:InvokeFunction can be permitted");
        }
        var function = properties.required("FunctionName");
        cloud.lambda()
                .addPermission(
                        functionName(function),
                        properties.required("Principal"),
                        properties.text("SourceArn").orElse(null));
    }

    /** @throws TemplateException where Globals.Function has a property that SAM takes from functions alone */
    static void checkGlobals(JsonNode globals) {
        for (var name : List.of("Role", "Policies", "FunctionName", "Events", "PackageType")) {
            if (globals.has(name)) {
                throw new TemplateException("'Globals' section is invalid. '" + name
                        + "' is not a supported property of 'Function'; give it to each function");
            }
        }
    }

    /**
     * Globals.Function below what the function says itself: maps are merged, lists put together, the rest replaced. So a
     * function cannot replace the Architectures of Globals.
     */
    static ObjectNode withGlobals(JsonNode globals, JsonNode own) {
        var merged = globals.isObject() ? ((ObjectNode) globals).deepCopy() : Json.object();
        for (var property : own.properties()) {
            var name = property.getKey();
            var above = merged.get(name);
            if (above instanceof ObjectNode map && property.getValue().isObject() && !isFunction(map)) {
                merged.set(name, withGlobals(map, property.getValue()));
            } else if (above instanceof ArrayNode list && property.getValue() instanceof ArrayNode more) {
                merged.set(name, Json.array().addAll(list).addAll(more));
            } else {
                merged.set(name, property.getValue());
            }
        }
        return merged;
    }

    private static boolean isFunction(ObjectNode map) {
        return map.size() == 1 && map.fieldNames().next().matches("Ref|Fn::.*");
    }
}
