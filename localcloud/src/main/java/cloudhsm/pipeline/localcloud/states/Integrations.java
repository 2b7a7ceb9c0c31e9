package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.http.Endpoint;
import cloudhsm.pipeline.localcloud.lambda.LambdaService;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;

/** Calls services for tasks, under the state machine's role. Runs without the lock of the simulated time. */
final class Integrations {
    private static final Set<String> LAMBDA_ARGUMENTS =
            Set.of("FunctionName", "Payload", "InvocationType", "Qualifier");

    private final Account account;
    private final LambdaService lambda;
    private final Endpoint endpoint;
    private final StatesService states;

    Integrations(Account account, LambdaService lambda, Endpoint endpoint, StatesService states) {
        this.account = account;
        this.lambda = lambda;
        this.endpoint = endpoint;
        this.states = states;
    }

    /** @throws StateFailure the service's error under the name that Step Functions gives it */
    JsonNode call(StateMachine machine, TaskResource resource, JsonNode arguments) {
        return resource.isLambda() ? invoke(machine, arguments) : callService(machine, resource, arguments);
    }

    /** How long the call takes: as long as the function does, or this where it is none or there is none. */
    Duration duration(TaskResource resource, JsonNode arguments, Duration otherwise) {
        if (!resource.isLambda()) return otherwise;
        try {
            return lambda.duration(arguments.path("FunctionName").asText());
        } catch (AwsException noSuchFunction) {
            return otherwise;
        }
    }

    /** S3 under the machine's role; to be closed. */
    S3Objects s3(StateMachine machine) {
        return new S3Objects(endpoint.uri(), account.region(), machine.identity());
    }

    private JsonNode invoke(StateMachine machine, JsonNode arguments) {
        for (var name : (Iterable<String>) arguments::fieldNames) {
            if (!LAMBDA_ARGUMENTS.contains(name)) {
                throw new StateFailure(
                        "States.Runtime",
                        "lambda:invoke does not know, or the embedded AWS does not support, the argument " + name);
            }
        }
        if (!arguments.path("InvocationType").asText("RequestResponse").equals("RequestResponse")) {
            throw new StateFailure(
                    "States.Runtime", "The embedded AWS's lambda:invoke supports InvocationType RequestResponse only");
        }
        var payload = arguments.has("Payload") ? Json.bytes(arguments.get("Payload")) : Json.bytes(Json.object());
        LambdaService.InvocationResult result;
        try {
            var qualifier = arguments.path("Qualifier").asText("");
            var function = arguments.path("FunctionName").asText() + (qualifier.isEmpty() ? "" : ":" + qualifier);
            var fault = account.faults().onCall(machine.identity().arn(), "lambda", "Invoke");
            if (fault == Faults.Kind.THROTTLED || fault == Faults.Kind.INTERNAL_ERROR)
                throw Faults.error(fault, "lambda");
            result = lambda.invokeAs(machine.identity(), function, payload);
            if (fault == Faults.Kind.ANSWER_LOST)
                throw new AwsException("SdkClientException", 500, "The connection broke before the answer");
        } catch (AwsException refused) {
            throw failure("Lambda", refused);
        }
        var answer = Json.parse(result.payload().length == 0 ? Json.bytes(Json.MAPPER.nullNode()) : result.payload());
        if (!result.functionError().isEmpty()) {
            throw new StateFailure(answer.path("errorType").asText("Lambda.Unknown"), Json.text(answer));
        }
        var output = Json.object().put("ExecutedVersion", "$LATEST");
        output.set("Payload", answer);
        return output.put("StatusCode", 200);
    }

    private JsonNode callService(StateMachine machine, TaskResource resource, JsonNode arguments) {
        var service = resource.service();
        var operation =
                Character.toUpperCase(resource.api().charAt(0)) + resource.api().substring(1);
        if (!(arguments instanceof ObjectNode)) {
            throw new StateFailure("States.Runtime", "The Arguments of " + operation + " are not an object");
        }
        var input = (ObjectNode) (service.camelCaseOnTheWire() ? recased(arguments, false) : arguments.deepCopy());
        stringify(input, "input");
        stringify(input, "MessageBody");
        input.path("Entries").forEach(entry -> stringify((ObjectNode) entry, "Detail"));
        JsonNode output;
        try {
            output = endpoint.call(machine.identity(), service.signingName(), operation, input);
        } catch (AwsException refused) {
            throw failure(service.errorPrefix(), refused);
        }
        if (output.path("FailedEntryCount").asInt() > 0) {
            throw new StateFailure(service.errorPrefix() + ".FailedEntry", Json.text(output.path("Entries")));
        }
        return withIsoTimestamps(service.camelCaseOnTheWire() ? recased(output, true) : output);
    }

    /** Step Functions takes JSON where the API takes JSON as text. */
    private static void stringify(ObjectNode input, String member) {
        var value = input.path(member);
        if (value.isObject() || value.isArray()) input.put(member, Json.text(value));
    }

    /** States.startExecution.sync:2: the task ends with the execution it starts. */
    void startAndWait(StateMachine machine, JsonNode arguments, TaskAttempt attempt) {
        var resource = new TaskResource("states", "startExecution", TaskResource.Pattern.REQUEST_RESPONSE);
        var started = callService(machine, resource, arguments);
        account.time().locked(() -> {
            var child = states.execution(started.path("ExecutionArn").asText());
            if (child.running()) child.whenEnded(() -> childEnded(child, attempt));
            else childEnded(child, attempt);
        });
    }

    private static void childEnded(Execution child, TaskAttempt attempt) {
        var result = Json.object()
                .put("ExecutionArn", child.arn())
                .put("Name", child.name())
                .put("StateMachineArn", child.stateMachineArn())
                .put("Status", child.status().name())
                .put("StartDate", child.started().toEpochMilli());
        result.set("Input", child.input());
        child.stopped().ifPresent(stopped -> result.put("StopDate", stopped.toEpochMilli()));
        child.output().ifPresent(output -> result.set("Output", output));
        child.error().ifPresent(error -> result.put("Error", error));
        child.cause().ifPresent(cause -> result.put("Cause", cause));
        if (child.status() == Execution.Status.SUCCEEDED) attempt.succeed(result);
        else attempt.fail(new StateFailure("States.TaskFailed", Json.text(result)));
    }

    /**
     * The error under the name Step Functions gives it: the client's prefix and the exception's class in the SDK for
     * Java, which spells KMSFooException KmsFooException and has no class of its own for AccessDeniedException in most
     * services [SFN:supported-services-awssdk].
     */
    // Assumed: java-error-names
    private static StateFailure failure(String prefix, AwsException refused) {
        var code = refused.code();
        var name = code.startsWith("KMS") ? "Kms" + code.substring(3) : code;
        if (name.equals("AccessDeniedException")) name = (prefix.equals("Lambda") ? "AWSLambda" : prefix) + "Exception";
        if (!name.endsWith("Exception")) name += "Exception";
        return new StateFailure(
                prefix + "." + name,
                refused.getMessage() + " (Service: " + prefix + ", Status Code: " + refused.status() + ")");
    }

    private static JsonNode recased(JsonNode node, boolean upper) {
        if (node.isObject()) {
            var recased = Json.object();
            node.properties().forEach(member -> {
                var first = member.getKey().charAt(0);
                var cased = (upper ? Character.toUpperCase(first) : Character.toLowerCase(first))
                        + member.getKey().substring(1);
                // What a caller's JSON contains is the caller's own.
                var own = cased.equalsIgnoreCase("input") || cased.equalsIgnoreCase("output");
                recased.set(cased, own ? member.getValue() : recased(member.getValue(), upper));
            });
            return recased;
        }
        if (node.isArray()) {
            var recased = Json.array();
            node.forEach(element -> recased.add(recased(element, upper)));
            return recased;
        }
        return node;
    }

    /** Results show timestamps as text, unlike the wire. */
    // Assumed: timestamps-in-results
    private static JsonNode withIsoTimestamps(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.properties().forEach(member -> {
                var value = member.getValue();
                if (value.isNumber() && member.getKey().matches(".*(Date|Timestamp|Time)")) {
                    member.setValue(Json.MAPPER
                            .getNodeFactory()
                            .textNode(Instant.ofEpochMilli(Math.round(value.asDouble() * 1000))
                                    .toString()));
                } else {
                    withIsoTimestamps(value);
                }
            });
        } else if (node.isArray()) {
            node.forEach(Integrations::withIsoTimestamps);
        }
        return node;
    }
}
