package cloudhsm.pipeline.localcloud.template;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * CloudFormation's functions, evaluated with this deployment's parameters and the resources made so far.
 *
 * @see <a
 *     href="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html">Intrinsic
 *     functions</a>
 */
final class Resolver {
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{([^}]*)}");

    private final JsonNode template;
    private final Parameters parameters;
    private final Map<String, JsonNode> pseudoParameters;
    private final Map<String, ResourceValues> resources = new LinkedHashMap<>();
    private final Set<String> evaluating = new HashSet<>();

    /**
     * What a resource answers to Ref and Fn::GetAtt.
     *
     * @param attributes by the names that AWS documents for the type
     */
    record ResourceValues(String ref, Map<String, String> attributes) {
        ResourceValues {
            attributes = Map.copyOf(attributes);
        }
    }

    Resolver(JsonNode template, Parameters parameters, String stackName, String stackId) {
        this.template = template;
        this.parameters = parameters;
        this.pseudoParameters = Map.of(
                "AWS::Region", TextNode.valueOf(stackId.split(":")[3]),
                "AWS::AccountId", TextNode.valueOf(Iam.ACCOUNT),
                "AWS::StackName", TextNode.valueOf(stackName),
                "AWS::StackId", TextNode.valueOf(stackId),
                "AWS::Partition", TextNode.valueOf("aws"),
                "AWS::URLSuffix", TextNode.valueOf("amazonaws.com"),
                "AWS::NotificationARNs", Json.array(),
                "AWS::NoValue", MissingNode.getInstance());
    }

    void created(String logicalId, ResourceValues values) {
        resources.put(logicalId, values);
    }

    Map<String, ResourceValues> created() {
        return resources;
    }

    /** Replaces every function; what becomes AWS::NoValue is left out. */
    JsonNode resolve(JsonNode node) {
        if (node.isArray()) {
            var resolved = Json.array();
            for (var element : node) {
                var value = resolve(element);
                if (!value.isMissingNode()) resolved.add(value);
            }
            return resolved;
        }
        if (!(node instanceof ObjectNode object)) return node;
        var function = function(object);
        if (function.isPresent()) return call(function.get(), object.get(function.get()));
        var resolved = Json.object();
        for (var field : object.properties()) {
            var value = resolve(field.getValue());
            if (!value.isMissingNode()) resolved.set(field.getKey(), value);
        }
        return resolved;
    }

    private static Optional<String> function(ObjectNode object) {
        if (object.size() != 1) return Optional.empty();
        return Optional.of(object.fieldNames().next()).filter(name -> name.equals("Ref") || name.startsWith("Fn::"));
    }

    private JsonNode call(String function, JsonNode argument) {
        return switch (function) {
            case "Ref" -> ref(argument.asText());
            case "Fn::GetAtt" -> getAtt(argument);
            case "Fn::Sub" -> sub(argument);
            case "Fn::Join" -> join(argument);
            case "Fn::Split" -> split(argument);
            case "Fn::Select" -> select(argument);
            case "Fn::If" -> resolve(chosen(argument));
            case "Fn::FindInMap" -> findInMap(argument);
            case "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or" ->
                BooleanNode.valueOf(holds(Json.object().set(function, argument)));
            case "Fn::Base64" ->
                TextNode.valueOf(java.util.Base64.getEncoder()
                        .encodeToString(resolve(argument).asText().getBytes(java.nio.charset.StandardCharsets.UTF_8)));
            default -> throw new TemplateException(function + " is not understood: " + argument);
        };
    }

    private JsonNode ref(String name) {
        if (pseudoParameters.containsKey(name)) return pseudoParameters.get(name);
        return parameters.value(name).orElseGet(() -> TextNode.valueOf(values(name).ref));
    }

    private ResourceValues values(String logicalId) {
        var values = resources.get(logicalId);
        if (values != null) return values;
        throw new TemplateException("Template error: unresolved reference to " + logicalId
                + ": there is no such parameter or resource, or its condition is false");
    }

    private JsonNode getAtt(JsonNode argument) {
        var text = argument.isArray()
                ? argument.get(0).asText() + "." + resolve(argument.get(1)).asText()
                : argument.asText();
        var dot = text.indexOf('.');
        if (dot < 0) throw new TemplateException("Fn::GetAtt needs a resource and an attribute, not " + argument);
        var attributes = values(text.substring(0, dot)).attributes;
        var value = attributes.get(text.substring(dot + 1));
        if (value != null) return TextNode.valueOf(value);
        throw new TemplateException("Template error: resource " + text.substring(0, dot) + " has no attribute "
                + text.substring(dot + 1) + "; it has " + new TreeSet<>(attributes.keySet()));
    }

    private JsonNode sub(JsonNode argument) {
        var text = argument.isArray() ? argument.get(0).asText() : argument.asText();
        var own = argument.isArray() ? argument.get(1) : Json.object();
        return TextNode.valueOf(VARIABLE.matcher(text).replaceAll(variable -> {
            var name = variable.group(1).trim();
            if (name.startsWith("!")) return java.util.regex.Matcher.quoteReplacement("${" + name.substring(1) + "}");
            var value = own.has(name)
                    ? resolve(own.get(name))
                    : name.contains(".") ? getAtt(TextNode.valueOf(name)) : ref(name);
            if (value.isContainerNode()) throw new TemplateException("Fn::Sub: ${" + name + "} is not a text");
            return java.util.regex.Matcher.quoteReplacement(value.asText());
        }));
    }

    private JsonNode join(JsonNode argument) {
        var joined = new java.util.StringJoiner(argument.get(0).asText());
        resolve(argument.get(1)).forEach(part -> joined.add(part.asText()));
        return TextNode.valueOf(joined.toString());
    }

    private JsonNode split(JsonNode argument) {
        var parts = Json.array();
        for (var part : resolve(argument.get(1))
                .asText()
                .split(Pattern.quote(argument.get(0).asText()), -1)) {
            parts.add(part);
        }
        return parts;
    }

    private JsonNode select(JsonNode argument) {
        var index = resolve(argument.get(0)).asInt();
        var value = resolve(argument.get(1)).path(index);
        if (value.isMissingNode()) throw new TemplateException("Fn::Select: there is no element " + index);
        return value;
    }

    private JsonNode findInMap(JsonNode argument) {
        var value = template.path("Mappings")
                .path(resolve(argument.get(0)).asText())
                .path(resolve(argument.get(1)).asText())
                .path(resolve(argument.get(2)).asText());
        if (value.isMissingNode()) throw new TemplateException("Fn::FindInMap finds nothing at " + argument);
        return value;
    }

    private JsonNode chosen(JsonNode argument) {
        if (argument.size() != 3) throw new TemplateException("Fn::If needs a condition and two values: " + argument);
        return argument.get(condition(argument.get(0).asText()) ? 1 : 2);
    }

    /** Whether a condition of the template holds. */
    boolean condition(String name) {
        var definition = template.path("Conditions").path(name);
        if (definition.isMissingNode()) throw new TemplateException("There is no condition " + name);
        if (!evaluating.add(name)) throw new TemplateException("Condition " + name + " depends on itself");
        try {
            return holds(definition);
        } finally {
            evaluating.remove(name);
        }
    }

    private boolean holds(JsonNode condition) {
        var function = condition.size() == 1 ? condition.fieldNames().next() : "";
        var argument = condition.path(function);
        return switch (function) {
            case "Condition" -> condition(argument.asText());
            case "Fn::Equals" ->
                resolve(argument.get(0))
                        .asText()
                        .equals(resolve(argument.get(1)).asText());
            case "Fn::Not" -> !holds(argument.get(0));
            case "Fn::And" -> {
                for (var part : argument) if (!holds(part)) yield false;
                yield true;
            }
            case "Fn::Or" -> {
                for (var part : argument) if (holds(part)) yield true;
                yield false;
            }
            default -> throw new TemplateException("Not a condition: " + condition);
        };
    }

    /** The names that the node refers to, in branches that are taken; resources, parameters and others alike. */
    Set<String> references(JsonNode node) {
        var names = new LinkedHashSet<String>();
        collect(node, names, this::chosen);
        return names;
    }

    /** The same, whatever the conditions are. */
    static Set<String> named(JsonNode node) {
        var names = new LinkedHashSet<String>();
        collect(node, names, all -> all);
        return names;
    }

    private static void collect(JsonNode node, Set<String> names, UnaryOperator<JsonNode> ofIf) {
        if (node.isArray()) node.forEach(element -> collect(element, names, ofIf));
        if (!(node instanceof ObjectNode object)) return;
        var function = function(object).orElse("");
        var argument = object.path(function);
        switch (function) {
            case "Ref" -> names.add(argument.asText());
            case "Fn::If" -> collect(ofIf.apply(argument), names, ofIf);
            case "Fn::GetAtt" ->
                names.add((argument.isArray() ? argument.get(0) : argument)
                        .asText()
                        .replaceFirst("\\..*", ""));
            case "Fn::Sub" -> {
                var own = argument.isArray() ? argument.get(1) : Json.object();
                collect(own, names, ofIf);
                var variables = VARIABLE.matcher((argument.isArray() ? argument.get(0) : argument).asText());
                while (variables.find()) {
                    var name = variables.group(1).trim();
                    if (!name.startsWith("!") && !own.has(name)) names.add(name.replaceFirst("\\..*", ""));
                }
            }
            default -> object.forEach(value -> collect(value, names, ofIf));
        }
    }
}
