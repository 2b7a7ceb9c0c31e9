package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;

/** A service's model as it was extracted, read without the code under test. */
record Model(String service, JsonNode json) {
    static Model of(String service) {
        try (var resource = Model.class.getResourceAsStream(service + ".json")) {
            return new Model(service, Json.MAPPER.readTree(resource));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    String protocol() {
        return json.path("metadata").path("protocol").asText();
    }

    List<String> operations() {
        return json.path("operations").properties().stream()
                .map(Map.Entry::getKey)
                .toList();
    }

    JsonNode operation(String name) {
        return json.path("operations").path(name);
    }

    /** Missing where the operation has no input. */
    JsonNode input(String operation) {
        return json.path("shapes")
                .path(operation(operation).path("input").path("shape").asText());
    }

    /** @param reference a member, or the element of a list or map */
    JsonNode shape(JsonNode reference) {
        return json.path("shapes").path(reference.path("shape").asText());
    }

    static boolean requires(JsonNode structure, String member) {
        for (var required : structure.path("required")) if (required.asText().equals(member)) return true;
        return false;
    }
}
