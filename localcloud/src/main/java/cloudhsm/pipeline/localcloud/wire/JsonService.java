package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A service that speaks AWS JSON 1.0 or 1.1: the operation in {@code X-Amz-Target}, one JSON object in, one out.
 * Subclasses register their operations in the constructor.
 */
public abstract class JsonService implements Service {
    /** One operation: answers with the output, or throws {@link AwsException}. */
    @FunctionalInterface
    public interface Operation {
        JsonNode answer(ObjectNode input, AwsRequest request);
    }

    private final String signingName;
    private final String version;
    private final Map<String, Operation> operations = new HashMap<>();

    /** @param version {@code 1.0} or {@code 1.1} */
    protected JsonService(String signingName, String version) {
        this.signingName = signingName;
        this.version = version;
    }

    protected final void on(String operation, Operation handler) {
        operations.put(operation, handler);
    }

    @Override
    public final String signingName() {
        return signingName;
    }

    @Override
    public final Set<String> operations() {
        return Set.copyOf(operations.keySet());
    }

    @Override
    public final String operation(AwsRequest request) {
        var target = request.header("x-amz-target").orElse("");
        return target.substring(target.lastIndexOf('.') + 1);
    }

    @Override
    public final AwsResponse handle(String operation, ObjectNode input, AwsRequest request) {
        var handler = operations.get(operation);
        if (handler == null) {
            throw AwsException.badRequest(
                    "UnknownOperationException",
                    "The embedded AWS does not answer " + signingName + ":" + operation + "; it answers "
                            + operations.keySet().stream().sorted().toList());
        }
        return json(200, handler.answer(input, request));
    }

    @Override
    public final AwsResponse error(AwsException error, AwsRequest request) {
        var body = Json.object()
                .put("__type", error.code())
                .put(ErrorText.member(signingName, error.code()), error.getMessage());
        error.members().forEach((name, value) -> body.set(name, Json.MAPPER.valueToTree(value)));
        return json(error.status(), body);
    }

    private AwsResponse json(int status, JsonNode body) {
        return new AwsResponse(status, Map.of("Content-Type", "application/x-amz-json-" + version), Json.bytes(body));
    }

    /** The member's text, empty where it is absent or null. */
    public static Optional<String> text(JsonNode input, String member) {
        var value = input.get(member);
        return value == null || value.isNull() ? Optional.empty() : Optional.of(value.asText());
    }

    /** @throws AwsException ValidationException, in AWS's words, where the member is absent */
    public static String required(JsonNode input, String member) {
        return text(input, member)
                .orElseThrow(() -> AwsException.badRequest(
                        "ValidationException",
                        "1 validation error detected: Value at '" + Character.toLowerCase(member.charAt(0))
                                + member.substring(1) + "' failed to satisfy constraint: Member must not be null"));
    }
}
