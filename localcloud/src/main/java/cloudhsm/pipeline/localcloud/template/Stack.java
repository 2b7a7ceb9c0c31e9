package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.template.Resolver.ResourceValues;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a template has become in the embedded AWS.
 *
 * @param parameters the values this deployment used
 * @param outputs of the template, by name
 * @param functions names of the Lambda functions by logical id
 * @param stateMachines ARNs of the state machines by logical id
 */
public record Stack(
        String name,
        Map<String, String> parameters,
        Map<String, String> outputs,
        Map<String, String> functions,
        Map<String, String> stateMachines,
        Map<String, ResourceValues> resources) {
    private static final Set<String> SECTIONS = Set.of(
            "AWSTemplateFormatVersion",
            "Transform",
            "Description",
            "Metadata",
            "Parameters",
            "Globals",
            "Mappings",
            "Conditions",
            "Resources",
            "Outputs");

    /** DeletionPolicy and the like act on updates and deletions of a stack, which there are none of here. */
    private static final Set<String> RESOURCE_FIELDS =
            Set.of("Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy");

    public Stack {
        parameters = Map.copyOf(parameters);
        outputs = Map.copyOf(outputs);
        functions = Map.copyOf(functions);
        stateMachines = Map.copyOf(stateMachines);
        resources = Map.copyOf(resources);
    }

    /**
     * What {@code Ref} answers for the resource: its physical name, ARN or URL.
     *
     * @throws TemplateException if the stack has no such resource
     */
    public String resource(String logicalId) {
        return values(logicalId).ref();
    }

    /**
     * What {@code Fn::GetAtt} answers, for example {@code Arn}.
     *
     * @throws TemplateException if the stack has no such resource, or the resource no such attribute
     */
    public String attribute(String logicalId, String attribute) {
        var value = values(logicalId).attributes().get(attribute);
        if (value != null) return value;
        throw new TemplateException("Resource " + logicalId + " has no attribute " + attribute);
    }

    private ResourceValues values(String logicalId) {
        var values = resources.get(logicalId);
        if (values != null) return values;
        throw new TemplateException("Stack " + name + " has no resource " + logicalId);
    }

    /**
     * Creates everything that a template describes, as {@code sam deploy} would. Call it without the lock of
     * the simulated time.
     *
     * @param file the template; CodeUri, DefinitionUri and Location are relative to where it is
     * @param parameterOverrides for parameters without a default, or instead of it
     * @throws TemplateException naming the parameter, resource or property that cannot be deployed; what was created
     *     before it stays
     */
    public static Stack deploy(LocalCloud cloud, Path file, String stackName, Map<String, String> parameterOverrides) {
        if (!stackName.matches("[a-zA-Z][-a-zA-Z0-9]{0,127}")) {
            throw new TemplateException("The stack name '" + stackName
                    + "' must begin with a letter and have at most 128 letters, digits and hyphens");
        }
        var template = TemplateFile.read(file);
        checkSections(template);
        var account = cloud.account();
        var parameters = new Parameters(template.path("Parameters"), parameterOverrides);
        var stackId = account.arn("cloudformation", "stack/" + stackName + "/" + account.uuid());
        var resolver = new Resolver(template, parameters, stackName, stackId);
        var definitions = definitions(template, resolver);
        try (var resources =
                new Resources(cloud, file.toAbsolutePath().getParent(), new Names(account, stackName), resolver)) {
            for (var id : Order.of(definitions, resolver)) create(id, definitions.get(id), resources, resolver);
            var stack = new Stack(
                    stackName,
                    parameters.texts(),
                    outputs(template, resolver),
                    resources.functions().namesByLogicalId(),
                    resources.stateMachines().arnsByLogicalId(),
                    resolver.created());
            cloud.cloudFormation().deployed(stack, stackId, TemplateFile.text(file), template);
            return stack;
        }
    }

    private static void checkSections(JsonNode template) {
        template.fieldNames().forEachRemaining(section -> {
            if (!SECTIONS.contains(section)) {
                throw new TemplateException("The section " + section + " of the template is not supported");
            }
        });
        template.path("Globals").fieldNames().forEachRemaining(type -> {
            if (!type.equals("Function")) throw new TemplateException("Globals." + type + " is not supported");
        });
        Functions.checkGlobals(template.path("Globals").path("Function"));
        if (template.path("Resources").isEmpty()) throw new TemplateException("The template has no Resources");
        var transforms = template.path("Transform");
        var serverless = transforms.asText().equals("AWS::Serverless-2016-10-31");
        for (var transform : transforms) serverless |= transform.asText().equals("AWS::Serverless-2016-10-31");
        for (var resource : template.path("Resources")) {
            if (resource.path("Type").asText().startsWith("AWS::Serverless::") && !serverless) {
                throw new TemplateException("AWS::Serverless types need Transform: AWS::Serverless-2016-10-31");
            }
        }
    }

    /** The resources whose condition holds, with the globals in them. */
    private static Map<String, ObjectNode> definitions(JsonNode template, Resolver resolver) {
        var definitions = new LinkedHashMap<String, ObjectNode>();
        for (var resource : template.path("Resources").properties()) {
            var id = resource.getKey();
            if (!id.matches("[A-Za-z0-9]+")) {
                throw new TemplateException("The logical id " + id + " must have letters and digits only");
            }
            var definition = (ObjectNode) resource.getValue().deepCopy();
            definition.fieldNames().forEachRemaining(field -> {
                if (!RESOURCE_FIELDS.contains(field)) {
                    throw new TemplateException("Resource " + id + ": " + field + " is not understood");
                }
            });
            if (definition.has("Condition")
                    && !resolver.condition(definition.get("Condition").asText())) continue;
            if (definition.path("Type").asText().equals("AWS::Serverless::Function")) {
                var globals = template.path("Globals").path("Function");
                definition.set("Properties", Functions.withGlobals(globals, definition.path("Properties")));
            }
            definitions.put(id, definition);
        }
        return definitions;
    }

    private static void create(String id, ObjectNode definition, Resources resources, Resolver resolver) {
        var type = definition.path("Type").asText();
        var where = "Resource " + id + " (" + type + ")";
        var properties = definition.has("Properties") ? definition.get("Properties") : Json.object();
        try {
            var resolved = new Properties(where, resolver.resolve(properties));
            resolver.created(id, resources.create(id, type, resolved));
        } catch (AwsException refused) {
            throw new TemplateException(
                    where + " could not be created: " + refused.code() + ": " + refused.getMessage(), refused);
        } catch (software.amazon.awssdk.awscore.exception.AwsServiceException refused) {
            throw new TemplateException(where + " could not be created: " + refused.getMessage(), refused);
        }
    }

    private static Map<String, String> outputs(JsonNode template, Resolver resolver) {
        var outputs = new LinkedHashMap<String, String>();
        for (var output : template.path("Outputs").properties()) {
            var definition = output.getValue();
            if (definition.has("Condition")
                    && !resolver.condition(definition.get("Condition").asText())) continue;
            outputs.put(
                    output.getKey(), resolver.resolve(definition.path("Value")).asText());
        }
        return outputs;
    }

    /** The order in which resources can be created: each after those it refers to or DependsOn. */
    private static final class Order {
        private final Map<String, ObjectNode> definitions;
        private final Resolver resolver;
        private final Set<String> done = new LinkedHashSet<>();
        private final List<String> path = new ArrayList<>();

        private Order(Map<String, ObjectNode> definitions, Resolver resolver) {
            this.definitions = definitions;
            this.resolver = resolver;
        }

        static Set<String> of(Map<String, ObjectNode> definitions, Resolver resolver) {
            var order = new Order(definitions, resolver);
            definitions.keySet().forEach(order::visit);
            return order.done;
        }

        private void visit(String id) {
            if (done.contains(id)) return;
            if (path.contains(id)) {
                var cycle = new ArrayList<>(path.subList(path.indexOf(id), path.size()));
                cycle.add(id);
                throw new TemplateException("Circular dependency between resources: " + String.join(" → ", cycle));
            }
            path.add(id);
            needs(id).forEach(this::visit);
            path.removeLast();
            done.add(id);
        }

        private Set<String> needs(String id) {
            var definition = definitions.get(id);
            var needs = new LinkedHashSet<String>();
            for (var name : resolver.references(definition.path("Properties"))) {
                if (definitions.containsKey(name)) needs.add(name);
                // SAM makes the role FunctionRole with Function, and calls its alias Function.Alias.
                var maker = name.replaceFirst("(Role|\\.Alias)$", "");
                if (!definitions.containsKey(name) && definitions.containsKey(maker)) needs.add(maker);
            }
            var dependsOn = definition.path("DependsOn");
            for (var name : dependsOn.isArray() ? dependsOn : Json.array().add(dependsOn)) {
                if (!name.isTextual()) continue;
                if (definitions.containsKey(name.asText())) needs.add(name.asText());
            }
            return needs;
        }
    }
}
