package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * AWS's model of one service, as far as the embedded AWS answers it; {@code build/extract-service-models.py} makes the
 * extract.
 */
final class ServiceModel {
    private static final Map<String, ServiceModel> MODELS = new ConcurrentHashMap<>();

    /**
     * One operation.
     *
     * @param uri of the REST protocols, with its labels, for example {@code /schedules/{Name}}
     * @param output empty where the answer has no content
     * @param errors names of the error shapes
     */
    record Operation(
            String name,
            String method,
            String uri,
            int status,
            Optional<Shape> input,
            Optional<Shape> output,
            List<Shape> errors) {}

    private final String protocol;
    private final Map<String, Operation> operations = new LinkedHashMap<>();
    private final Map<String, Shape> shapes = new HashMap<>();

    private ServiceModel(JsonNode model) {
        protocol = model.path("metadata").path("protocol").asText();
        model.path("shapes")
                .properties()
                .forEach(shape -> shapes.put(shape.getKey(), Shape.of(shape.getKey(), shape.getValue())));
        model.path("operations")
                .properties()
                .forEach(operation ->
                        operations.put(operation.getKey(), operation(operation.getKey(), operation.getValue())));
    }

    private Operation operation(String name, JsonNode model) {
        var errors = new LinkedHashSet<Shape>();
        model.path("errors").forEach(error -> errors.add(shapes.get(error.asText())));
        return new Operation(
                name,
                model.path("http").path("method").asText("POST"),
                model.path("http").path("requestUri").asText("/"),
                model.path("http").path("responseCode").asInt(200),
                Optional.ofNullable(shapes.get(model.path("input").path("shape").asText())),
                Optional.ofNullable(
                        shapes.get(model.path("output").path("shape").asText())),
                List.copyOf(errors));
    }

    /** @param signingName for example {@code cloudhsm} */
    static ServiceModel of(String signingName) {
        return MODELS.computeIfAbsent(signingName, ServiceModel::read);
    }

    private static ServiceModel read(String signingName) {
        try (var resource = ServiceModel.class.getResourceAsStream(signingName + ".json")) {
            if (resource == null) throw new IllegalArgumentException("There is no model of " + signingName);
            return new ServiceModel(Json.MAPPER.readTree(resource));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** {@code json}, {@code rest-json}, {@code rest-xml}, {@code query} or {@code ec2}. */
    String protocol() {
        return protocol;
    }

    Optional<Operation> operation(String name) {
        return Optional.ofNullable(operations.get(name));
    }

    /** The shape of an error of any operation. */
    Optional<Shape> error(String name) {
        return Optional.ofNullable(shapes.get(name));
    }

    Shape shape(Shape.Member reference) {
        return shapes.get(reference.shape());
    }
}
