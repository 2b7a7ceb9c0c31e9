package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/** Holds every answer of the embedded AWS to AWS's model of the operation. */
public final class AnswerCheck {
    private static final AtomicLong CHECKED = new AtomicLong();

    private final String signingName;
    private final ServiceModel model;
    private final ServiceModel.Operation operation;
    private final AwsResponse answer;
    private final Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);

    private AnswerCheck(String signingName, ServiceModel model, ServiceModel.Operation operation, AwsResponse answer) {
        this.signingName = signingName;
        this.model = model;
        this.operation = operation;
        this.answer = answer;
        headers.putAll(answer.headers());
    }

    /** How many answers were held to a model in this JVM so far. */
    public static long checked() {
        return CHECKED.get();
    }

    /** One sentence for each thing that AWS's client would not expect in this answer. */
    public static List<String> problems(String signingName, String operation, AwsResponse answer) {
        var model = ServiceModel.of(signingName);
        var known = model.operation(operation);
        if (known.isEmpty()) return List.of();
        CHECKED.incrementAndGet();
        return new AnswerCheck(signingName, model, known.get(), answer).problems();
    }

    private List<String> problems() {
        if (answer.status() >= 300 || isErrorAfterStatus200()) return errorProblems();
        var problems = new ArrayList<String>();
        // S3's own model says 200 where it answers 204, and Lambda's StatusCode tells the three kinds of invocation.
        if (model.protocol().equals("json") && answer.status() != operation.status()) {
            problems.add("the status is " + answer.status() + ", not " + operation.status());
        }
        operation
                .output()
                .ifPresent(shape -> Conformity.ofAnswer(model, shape, output(shape))
                        .forEach(violation -> problems.add(violation.toString())));
        return problems;
    }

    private ObjectNode output(Shape shape) {
        return switch (model.protocol()) {
            case "json" -> object(Json.parse(answer.body()));
            case "query" ->
                root().flatMap(root -> root.child(operation.name() + "Result"))
                        .map(result -> result.structure(model, shape))
                        .orElseGet(Json::object);
            case "ec2" -> {
                var output = root().map(root -> root.structure(model, shape)).orElseGet(Json::object);
                output.remove("requestId");
                // Of operations that only succeed: in the documentation's answers, not in the model.
                if (!shape.members().containsKey("Return")) output.remove("return");
                yield output;
            }
            default -> restOutput(shape);
        };
    }

    private static ObjectNode object(JsonNode body) {
        return body instanceof ObjectNode object ? object : Json.object().set("(not an object)", body);
    }

    private Optional<XmlElement> root() {
        return answer.body().length == 0 ? Optional.empty() : XmlElement.parse(answer.body());
    }

    private ObjectNode restOutput(Shape shape) {
        var output = Json.object();
        for (var member : shape.members().values()) {
            var header = headers.get(member.wireName());
            if (member.location().equals("header") && header != null) {
                output.set(member.name(), Text.value(model.shape(member), header));
            }
        }
        if (shape.payload().isPresent()) {
            var payload = shape.members().get(shape.payload().get());
            var of = model.shape(payload);
            if (of.type().equals("structure") && answer.body().length > 0) output.set(payload.name(), body(of));
        } else if (shape.members().values().stream().anyMatch(Shape.Member::inBody)) {
            output.setAll(body(shape));
        }
        return output;
    }

    private ObjectNode body(Shape shape) {
        if (model.protocol().equals("rest-json")) return object(Json.parse(answer.body()));
        // The answer's root is the only member itself.
        if (operation.name().equals("GetBucketLocation")) return Json.object();
        return root().map(root -> root.structure(model, shape)).orElseGet(Json::object);
    }

    /** CopyObject and CompleteMultipartUpload may fail after they have begun to answer. */
    private boolean isErrorAfterStatus200() {
        return model.protocol().equals("rest-xml")
                && (operation.name().equals("CopyObject") || operation.name().equals("CompleteMultipartUpload"))
                && root().filter(root -> root.name().equals("Error")).isPresent();
    }

    private List<String> errorProblems() {
        var error = error();
        var code = error.path("code").asText();
        var problems = new ArrayList<String>();
        if (code.isEmpty() && !hasNoBody()) problems.add("the error has no code");
        var shape = operation.errors().stream()
                .filter(modelled -> model.protocol().endsWith("json")
                        ? modelled.name().equals(code)
                        : modelled.errorCode().equals(code))
                .findFirst();
        if (shape.isEmpty()) {
            if (!code.isEmpty() && !CommonErrors.mayAnswer(signingName, model.protocol(), code)) {
                problems.add("the model has no error " + code);
            }
            return problems;
        }
        shape.get().errorStatus().filter(status -> status != answer.status()).ifPresent(status -> {
            problems.add("the status of " + code + " is " + answer.status() + ", not " + status);
        });
        if (error.path("body") instanceof ObjectNode body) {
            // The text is there even where the shape has no member for it.
            if (ErrorText.of(shape).isEmpty()) body.remove(List.of("message", "Message"));
            Conformity.ofAnswer(model, shape.get(), body).forEach(violation -> problems.add(code + ": " + violation));
        }
        return problems;
    }

    /** Answers to HEAD have none, so their errors are a status only. */
    private boolean hasNoBody() {
        return operation.method().equals("HEAD");
    }

    /** The error's {@code code}, and its {@code body} in the JSON protocols: the members of its shape. */
    private JsonNode error() {
        var error = Json.object();
        switch (model.protocol()) {
            case "json" -> {
                var body = object(Json.parse(answer.body())).deepCopy();
                var type = body.path("__type").asText();
                body.remove("__type");
                error.put("code", type.substring(type.lastIndexOf('#') + 1)).set("body", body);
            }
            case "rest-json" -> {
                var body = object(Json.parse(answer.body()));
                error.put("code", headers.getOrDefault("x-amzn-ErrorType", "")).set("body", body);
            }
            case "query" -> error.put("code", text(root().flatMap(root -> root.child("Error"))));
            case "ec2" ->
                error.put(
                        "code",
                        text(root().flatMap(root -> root.child("Errors")).flatMap(errors -> errors.child("Error"))));
            default -> error.put("code", text(root().filter(root -> root.name().equals("Error"))));
        }
        return error;
    }

    private static String text(Optional<XmlElement> error) {
        return error.flatMap(found -> found.child("Code"))
                .map(XmlElement::text)
                .orElse("")
                .strip();
    }
}
