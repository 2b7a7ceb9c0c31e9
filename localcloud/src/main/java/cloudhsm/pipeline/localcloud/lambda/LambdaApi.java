package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.ErrorText;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Optional;

/**
 * Lambda's REST API.
 *
 * @see <a href="https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html">Lambda API Reference</a>
 */
final class LambdaApi {
    private static final String FUNCTIONS = "/2015-03-31/functions";
    private static final String MAPPINGS = "/2015-03-31/event-source-mappings";
    private static final String ACCOUNT_SETTINGS = "/2016-08-19/account-settings";
    private static final DateTimeFormatter LAST_MODIFIED =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSxx").withZone(ZoneOffset.UTC);

    private final LambdaService lambda;
    private final Account account;

    LambdaApi(LambdaService lambda, Account account) {
        this.lambda = lambda;
        this.account = account;
    }

    static String operation(AwsRequest request) {
        var path = request.rawPath().replaceFirst("/$", "");
        var parts = path.split("/");
        var resource = parts.length == 5 ? parts[4] : "";
        var known = switch (request.method()) {
            case "GET" -> {
                if (path.equals(FUNCTIONS)) yield "ListFunctions";
                if (path.equals(ACCOUNT_SETTINGS)) yield "GetAccountSettings";
                if (path.equals(MAPPINGS)) yield "ListEventSourceMappings";
                if (!path.startsWith(FUNCTIONS + "/")) yield "";
                yield switch (resource) {
                    case "configuration" -> "GetFunctionConfiguration";
                    case "policy" -> "GetPolicy";
                    default -> parts.length == 4 ? "GetFunction" : "";
                };
            }
            case "POST" -> {
                if (!path.startsWith(FUNCTIONS + "/")) yield "";
                yield switch (resource) {
                    case "invocations" -> "Invoke";
                    case "policy" -> "AddPermission";
                    default -> "";
                };
            }
            default -> "";
        };
        return known.isEmpty() ? request.method() + " " + path : known;
    }

    AwsResponse handle(String operation, ObjectNode input, AwsRequest request) {
        return switch (operation) {
            case "Invoke" -> invoke(request);
            case "GetFunction" -> getFunction(request);
            case "GetFunctionConfiguration" -> getFunctionConfiguration(request);
            case "GetAccountSettings" -> getAccountSettings(request);
            case "ListFunctions" -> listFunctions(request);
            case "ListEventSourceMappings" -> listEventSourceMappings(request);
            case "GetPolicy" -> getPolicy(request);
            case "AddPermission" -> addPermission(input, request);
            default ->
                throw new AwsException(
                        "UnknownOperationException",
                        404,
                        "The embedded AWS does not answer lambda: " + operation
                                + "; it answers Invoke, GetFunction, GetFunctionConfiguration,"
                                + " GetAccountSettings, ListFunctions, ListEventSourceMappings, GetPolicy,"
                                + " AddPermission");
        };
    }

    private AwsResponse invoke(AwsRequest request) {
        var type = request.header("X-Amz-Invocation-Type").orElse("RequestResponse");
        var function = account.time().locked(() -> authorized(request, "lambda:InvokeFunction"));
        checkPayload(request.body(), type);
        if (type.equals("DryRun")) return AwsResponse.empty(204);
        if (type.equals("Event")) {
            account.time().locked(() -> lambda.invokeLater(function, payload(request)));
            return AwsResponse.empty(202);
        }
        var result = lambda.run(function, payload(request));
        var headers = new java.util.HashMap<String, String>();
        headers.put("Content-Type", "application/json");
        headers.put("X-Amz-Executed-Version", "$LATEST");
        if (!result.functionError().isEmpty()) headers.put("X-Amz-Function-Error", result.functionError());
        return new AwsResponse(200, headers, result.payload());
    }

    private static byte[] payload(AwsRequest request) {
        return request.body().length == 0 ? "{}".getBytes(StandardCharsets.UTF_8) : request.body();
    }

    private static void checkPayload(byte[] body, String type) {
        var limit = type.equals("Event") ? LambdaLimits.ASYNCHRONOUS_PAYLOAD : LambdaLimits.SYNCHRONOUS_PAYLOAD;
        if (body.length > limit) {
            throw new AwsException(
                    "RequestTooLargeException",
                    413,
                    body.length + " byte payload is too large for the " + type + " invocation type (limit " + limit
                            + " bytes)");
        }
        try {
            if (body.length > 0) Json.parse(body);
        } catch (AwsException notJson) {
            throw AwsException.badRequest("InvalidRequestContentException", "Could not parse request body into json");
        }
    }

    private AwsResponse getFunction(AwsRequest request) {
        var function = authorized(request, "lambda:GetFunction");
        var answer = Json.object();
        answer.set("Configuration", configuration(function));
        answer.putObject("Code")
                .put("RepositoryType", "file")
                .put("Location", function.artifact().zip().toUri().toString());
        return json(200, answer);
    }

    private AwsResponse getFunctionConfiguration(AwsRequest request) {
        var function = named(request, "lambda:GetFunctionConfiguration");
        var qualifier = qualifier(request);
        if (!function.isPublishedAs(qualifier)) return json(200, configuration(latest(function, qualifier)));
        var described = configuration(function)
                .put("Version", "1")
                .put("FunctionArn", function.arn() + ":" + qualifier)
                .put("State", function.versionState());
        described.putObject("SnapStart").put("ApplyOn", "PublishedVersions").put("OptimizationStatus", "On");
        return json(200, described);
    }

    private AwsResponse getAccountSettings(AwsRequest request) {
        account.iam().authorize(request.caller(), "lambda:GetAccountSettings", "*");
        var answer = Json.object();
        answer.putObject("AccountLimit")
                .put("TotalCodeSize", LambdaLimits.TOTAL_CODE_SIZE)
                .put("CodeSizeUnzipped", LambdaLimits.CODE_SIZE_UNZIPPED)
                .put("CodeSizeZipped", LambdaLimits.CODE_SIZE_ZIPPED)
                .put("ConcurrentExecutions", lambda.concurrency().quota())
                .put("UnreservedConcurrentExecutions", lambda.concurrency().unreserved());
        answer.putObject("AccountUsage")
                .put(
                        "TotalCodeSize",
                        lambda.functions().stream()
                                .mapToLong(function -> function.artifact().size())
                                .sum())
                .put("FunctionCount", lambda.functions().size());
        return json(200, answer);
    }

    private AwsResponse listFunctions(AwsRequest request) {
        account.iam().authorize(request.caller(), "lambda:ListFunctions", "*");
        var answer = Json.object();
        var list = answer.putArray("Functions");
        lambda.functions().forEach(function -> list.add(configuration(function)));
        return json(200, answer);
    }

    private AwsResponse listEventSourceMappings(AwsRequest request) {
        account.iam().authorize(request.caller(), "lambda:ListEventSourceMappings", "*");
        var answer = Json.object();
        answer.set(
                "EventSourceMappings",
                lambda.describedMappings(
                        request.queryParameter("EventSourceArn"), request.queryParameter("FunctionName")));
        return json(200, answer);
    }

    private AwsResponse getPolicy(AwsRequest request) {
        var function = authorized(request, "lambda:GetPolicy");
        if (function.permissions().isEmpty()) {
            throw new AwsException("ResourceNotFoundException", 404, "The resource you requested does not exist.");
        }
        return json(200, Json.object().put("Policy", Json.text(LambdaService.policy(function))));
    }

    private AwsResponse addPermission(ObjectNode input, AwsRequest request) {
        var function = authorized(request, "lambda:AddPermission");
        for (var member : (Iterable<String>) input::fieldNames) {
            if (!java.util.Set.of("FunctionName", "Qualifier", "StatementId", "Action", "Principal", "SourceArn")
                    .contains(member)) {
                throw LambdaLimits.invalid("The embedded AWS does not understand AddPermission's " + member);
            }
        }
        if (!input.path("Action").asText().equals("lambda:InvokeFunction")) {
            throw LambdaLimits.invalid("The embedded AWS grants lambda:InvokeFunction only");
        }
        var statement = lambda.addPermission(
                function,
                input.path("StatementId").asText(),
                input.path("Principal").asText(),
                Optional.ofNullable(input.get("SourceArn")).map(JsonNode::asText));
        return json(201, Json.object().put("Statement", Json.text(statement)));
    }

    /** The function of the request's path, if the caller may do this with it. */
    private LambdaFunction authorized(AwsRequest request, String action) {
        return latest(named(request, action), qualifier(request));
    }

    private LambdaFunction named(AwsRequest request, String action) {
        var name = URLDecoder.decode(request.rawPath().split("/")[3].replace("+", "%2B"), StandardCharsets.UTF_8);
        var function = lambda.find(name);
        account.iam().authorize(request.caller(), action, function.arn());
        return function;
    }

    private static String qualifier(AwsRequest request) {
        return request.queryParameter("Qualifier").orElse("$LATEST");
    }

    /** Versions and aliases are described, if a stack has published them, and answer nothing else. */
    private static LambdaFunction latest(LambdaFunction function, String qualifier) {
        if (!qualifier.equals("$LATEST")) throw LambdaService.notFound(function.arn() + ":" + qualifier);
        return function;
    }

    private static ObjectNode configuration(LambdaFunction function) {
        var configuration = function.configuration();
        var described = Json.object()
                .put("FunctionName", configuration.functionName())
                .put("FunctionArn", function.arn())
                .put("Runtime", configuration.runtime())
                .put("Role", configuration.role().arn())
                .put("Handler", configuration.handler())
                .put("CodeSize", function.artifact().size())
                .put("Description", "")
                .put("Timeout", configuration.timeout().toSeconds())
                .put("MemorySize", configuration.memorySize())
                .put("LastModified", LAST_MODIFIED.format(function.created()))
                .put("CodeSha256", function.artifact().sha256())
                .put("Version", "$LATEST")
                .put("State", "Active")
                .put("LastUpdateStatus", "Successful")
                .put("PackageType", "Zip");
        var variables = described.putObject("Environment").putObject("Variables");
        configuration.environment().forEach(variables::put);
        var architectures = described.putArray("Architectures");
        configuration.architectures().forEach(architectures::add);
        described.putObject("LoggingConfig").put("LogFormat", "Text").put("LogGroup", configuration.logGroup());
        return described;
    }

    static AwsResponse error(AwsException error) {
        // Lambda's REST API answers 403 where the JSON protocols answer 400.
        var status = error.code().equals("AccessDeniedException") ? 403 : error.status();
        var body = Json.object()
                .put("Type", status < 500 ? "User" : "Service")
                .put(ErrorText.member("lambda", error.code()), error.getMessage());
        error.members().forEach((member, value) -> body.put(member, String.valueOf(value)));
        return new AwsResponse(
                status, Map.of("Content-Type", "application/json", "x-amzn-ErrorType", error.code()), Json.bytes(body));
    }

    private static AwsResponse json(int status, JsonNode body) {
        return new AwsResponse(status, Map.of("Content-Type", "application/json"), Json.bytes(body));
    }
}
