package cloudhsm.pipeline.localcloud.template;

import static cloudhsm.pipeline.localcloud.wire.QueryProtocol.element;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.QueryProtocol;
import cloudhsm.pipeline.localcloud.wire.Service;
import cloudhsm.pipeline.localcloud.wire.Violation;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * AWS CloudFormation, read-only: stacks that {@link Stack#deploy} has made, and templates that nobody deploys.
 *
 * @see <a href="https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ValidateTemplate.html">
 *     ValidateTemplate</a>
 */
public final class CloudFormationService implements Service {
    private static final QueryProtocol PROTOCOL =
            new QueryProtocol("http://cloudformation.amazonaws.com/doc/2010-05-15/");

    /** Of a template in a request; a larger one has to be in a bucket. */
    private static final int LARGEST_BODY = 51_200;

    private static final Set<String> SECTIONS = Set.of(
            "AWSTemplateFormatVersion",
            "Transform",
            "Description",
            "Metadata",
            "Parameters",
            "Globals",
            "Rules",
            "Mappings",
            "Conditions",
            "Resources",
            "Outputs",
            "Hooks");

    private final Account account;
    private final Map<String, Deployed> stacks = new LinkedHashMap<>();

    /** @param text of the template as it was given */
    private record Deployed(Stack stack, String id, String text, JsonNode template, Instant created) {}

    public CloudFormationService(Account account) {
        this.account = account;
    }

    /** From now on there is such a stack; one of that name before is forgotten. */
    void deployed(Stack stack, String id, String text, JsonNode template) {
        account.time()
                .locked(() -> stacks.put(
                        stack.name(),
                        new Deployed(stack, id, text, template, account.time().now())));
    }

    @Override
    public String signingName() {
        return "cloudformation";
    }

    @Override
    public Set<String> operations() {
        return Set.of("DescribeStacks", "GetTemplate", "ListStackResources", "ValidateTemplate");
    }

    @Override
    public String operation(AwsRequest request) {
        return PROTOCOL.operation(request);
    }

    @Override
    public AwsException refusal(List<Violation> violations) {
        return AwsException.badRequest("ValidationError", Violation.message(violations));
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        return PROTOCOL.errorOfAccessDenied(error, request);
    }

    @Override
    public AwsResponse handle(String operation, ObjectNode typedInput, AwsRequest request) {
        var input = QueryProtocol.parameters(request);
        var answer = switch (operation) {
            case "DescribeStacks" -> describeStacks(input, request);
            case "GetTemplate" -> getTemplate(input, request);
            case "ListStackResources" -> listStackResources(input, request);
            case "ValidateTemplate" -> validateTemplate(input, request);
            default -> throw QueryProtocol.unknown("cloudformation", operation);
        };
        return PROTOCOL.answer(operation, answer, request);
    }

    private static AwsException invalid(String message) {
        return AwsException.badRequest("ValidationError", message);
    }

    /** @throws AwsException ValidationError where there is none */
    private Deployed stack(Map<String, String> input, AwsRequest request, String operation) {
        var named = input.getOrDefault("StackName", "");
        var found = stacks.values().stream()
                .filter(stack ->
                        named.equals(stack.id()) || named.equals(stack.stack().name()))
                .findFirst();
        account.iam()
                .authorize(
                        request.caller(),
                        "cloudformation:" + operation,
                        found.map(Deployed::id).orElse(account.arn("cloudformation", "stack/" + named + "/*")));
        return found.orElseThrow(() -> invalid("Stack with id " + named + " does not exist"));
    }

    private String describeStacks(Map<String, String> input, AwsRequest request) {
        if (input.containsKey("StackName")) {
            return "<Stacks>" + described(stack(input, request, "DescribeStacks")) + "</Stacks>";
        }
        account.iam().authorize(request.caller(), "cloudformation:DescribeStacks", "*");
        var members = new StringBuilder();
        stacks.values().forEach(stack -> members.append(described(stack)));
        return "<Stacks>" + members + "</Stacks>";
    }

    private static String described(Deployed deployed) {
        var stack = deployed.stack();
        var parameters = new StringBuilder();
        stack.parameters().forEach((name, value) -> {
            var hidden = deployed.template()
                    .path("Parameters")
                    .path(name)
                    .path("NoEcho")
                    .asBoolean();
            parameters
                    .append("<member>")
                    .append(element("ParameterKey", name))
                    .append(element("ParameterValue", hidden ? "****" : value))
                    .append("</member>");
        });
        var outputs = new StringBuilder();
        stack.outputs()
                .forEach((name, value) -> outputs.append("<member>")
                        .append(element("OutputKey", name))
                        .append(element("OutputValue", value))
                        .append("</member>"));
        return "<member>" + element("StackId", deployed.id()) + element("StackName", stack.name())
                + elementOf("Description", deployed.template().path("Description")) + "<Parameters>" + parameters
                + "</Parameters>" + element("CreationTime", deployed.created().toString())
                + element("StackStatus", "CREATE_COMPLETE") + "<Outputs>" + outputs + "</Outputs></member>";
    }

    private String getTemplate(Map<String, String> input, AwsRequest request) {
        var deployed = stack(input, request, "GetTemplate");
        if (!input.getOrDefault("TemplateStage", "Original").equals("Original")) {
            throw invalid("The embedded AWS keeps templates as they were given: ask for the TemplateStage Original");
        }
        return element("TemplateBody", deployed.text())
                + "<StagesAvailable><member>Original</member></StagesAvailable>";
    }

    /** What the template names and what SAM makes of it, but for the rules of Events. */
    private String listStackResources(Map<String, String> input, AwsRequest request) {
        var deployed = stack(input, request, "ListStackResources");
        var members = new StringBuilder();
        deployed.stack()
                .resources()
                .forEach((id, values) -> members.append("<member>")
                        .append(element("LogicalResourceId", id.replace(".", "")))
                        .append(element("PhysicalResourceId", values.ref()))
                        .append(element("ResourceType", type(deployed.template(), id)))
                        .append(element(
                                "LastUpdatedTimestamp", deployed.created().toString()))
                        .append(element("ResourceStatus", "CREATE_COMPLETE"))
                        .append("</member>"));
        return "<StackResourceSummaries>" + members + "</StackResourceSummaries>";
    }

    private static String type(JsonNode template, String id) {
        var named = template.path("Resources").path(id).path("Type").asText();
        return switch (named) {
            case "AWS::Serverless::Function" -> "AWS::Lambda::Function";
            case "AWS::Serverless::StateMachine" -> "AWS::StepFunctions::StateMachine";
            case "AWS::Serverless::SimpleTable" -> "AWS::DynamoDB::Table";
            case "" -> id.endsWith(".Alias") ? "AWS::Lambda::Alias" : "AWS::IAM::Role";
            default -> named;
        };
    }

    private String validateTemplate(Map<String, String> input, AwsRequest request) {
        account.iam().authorize(request.caller(), "cloudformation:ValidateTemplate", "*");
        if (input.containsKey("TemplateURL")) {
            throw invalid("The embedded AWS reads no template from a bucket: give the TemplateBody");
        }
        var body = input.get("TemplateBody");
        if (body == null) throw invalid("Either Template URL or Template Body must be specified.");
        if (body.getBytes(StandardCharsets.UTF_8).length > LARGEST_BODY) {
            throw invalid(
                    "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must"
                            + " have length less than or equal to " + LARGEST_BODY);
        }
        var template = parsed(body);
        check(template);
        var parameters = new StringBuilder();
        template.path("Parameters")
                .properties()
                .forEach(parameter -> parameters
                        .append("<member>")
                        .append(element("ParameterKey", parameter.getKey()))
                        .append(elementOf("DefaultValue", parameter.getValue().path("Default")))
                        .append(element(
                                "NoEcho",
                                String.valueOf(
                                        parameter.getValue().path("NoEcho").asBoolean())))
                        .append(elementOf("Description", parameter.getValue().path("Description")))
                        .append("</member>"));
        return "<Parameters>" + parameters + "</Parameters>"
                + elementOf("Description", template.path("Description"))
                + capabilities(template);
    }

    /** Nothing where the template says nothing. */
    private static String elementOf(String name, JsonNode value) {
        return value.isMissingNode() ? "" : element(name, value.asText());
    }

    private static String capabilities(JsonNode template) {
        var transforms = new StringBuilder();
        for (var name : list(template.path("Transform"))) transforms.append(element("member", name));
        if (!transforms.isEmpty()) {
            return "<Capabilities><member>CAPABILITY_AUTO_EXPAND</member></Capabilities><DeclaredTransforms>"
                    + transforms + "</DeclaredTransforms>";
        }
        for (var resource : template.path("Resources")) {
            if (resource.path("Type").asText().startsWith("AWS::IAM::")) {
                return "<Capabilities><member>CAPABILITY_IAM</member></Capabilities>";
            }
        }
        return "";
    }

    private static List<String> list(JsonNode textOrTexts) {
        if (textOrTexts.isTextual()) return List.of(textOrTexts.asText());
        var texts = new ArrayList<String>();
        textOrTexts.forEach(text -> texts.add(text.asText()));
        return texts;
    }

    private static JsonNode parsed(String body) {
        try {
            var template = TemplateFile.parse(body);
            if (template.isObject()) return template;
        } catch (TemplateException malformed) {
            throw invalid("Template format error: YAML not well-formed. " + malformed.getMessage());
        }
        throw invalid("Template format error: unsupported structure.");
    }

    private static void check(JsonNode template) {
        var unknown = new TreeSet<String>();
        template.fieldNames().forEachRemaining(section -> {
            if (!SECTIONS.contains(section)) unknown.add(section);
        });
        if (!unknown.isEmpty()) throw invalid("Invalid template property or properties " + unknown);
        if (template.path("Resources").isEmpty()) {
            throw invalid("Template format error: At least one Resources member must be defined.");
        }
        for (var resource : template.path("Resources").properties()) {
            if (!resource.getKey().matches("[A-Za-z0-9]+")) {
                throw invalid("Template format error: Resource name " + resource.getKey() + " is non alphanumeric.");
            }
            if (!resource.getValue().path("Type").isTextual()) {
                throw invalid("Template format error: [/Resources/" + resource.getKey()
                        + "] Every Resources object must contain a Type member.");
            }
        }
        // Assumed: references-of-a-transform
        if (!template.has("Transform")) requireResolved(template);
    }

    /** What a macro makes is not known before it has run. */
    private static void requireResolved(JsonNode template) {
        var unresolved = new TreeSet<String>();
        for (var resource : template.path("Resources")) {
            for (var name : Resolver.named(resource.path("Properties"))) {
                if (name.startsWith("AWS::")
                        || template.path("Resources").has(name)
                        || template.path("Parameters").has(name)) continue;
                unresolved.add(name);
            }
        }
        if (unresolved.isEmpty()) return;
        throw invalid("Template format error: Unresolved resource dependencies " + unresolved
                + " in the Resources block of the template");
    }
}
