package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** Holds every request to AWS's model of its operation, before the service sees it. */
public final class RequestCheck {
    private RequestCheck() {}

    /**
     * The operation's input, as its model reads it from the request; empty for an operation that has none, or that the
     * embedded AWS does not answer.
     *
     * @param signingName of the service
     * @throws AwsException SerializationException if the body is not in the protocol's form
     */
    public static ObjectNode input(String signingName, String operation, AwsRequest request) {
        var model = ServiceModel.of(signingName);
        return model.operation(operation)
                .flatMap(known -> known.input().map(shape -> input(model, known, shape, request)))
                .orElseGet(Json::object);
    }

    /** What the model does not allow of the input; nothing for an operation that the embedded AWS does not answer. */
    public static List<Violation> violations(String signingName, String operation, ObjectNode input) {
        var model = ServiceModel.of(signingName);
        return model.operation(operation)
                .flatMap(known -> known.input().map(shape -> Conformity.ofRequest(model, shape, input)))
                .orElse(List.of());
    }

    private static ObjectNode input(
            ServiceModel model, ServiceModel.Operation operation, Shape shape, AwsRequest request) {
        return switch (model.protocol()) {
            case "json" -> JsonInput.read(request.body());
            case "query", "ec2" -> new QueryInput(model, QueryProtocol.parameters(request)).read(shape);
            default -> new RestInput(model, request).read(operation, shape);
        };
    }
}
