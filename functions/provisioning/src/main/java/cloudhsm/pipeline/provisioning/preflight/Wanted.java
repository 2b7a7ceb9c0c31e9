package cloudhsm.pipeline.provisioning.preflight;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;

/**
 * What a deployment is to be like: an execution's input, with what it does not say as earlier inputs have said it. Objects
 * are taken member by member, everything else whole; what only makes sense together is replaced together.
 *
 * @param input of this execution
 * @param request the whole, in the input's own shape; the input itself where it is no object
 */
record Wanted(JsonNode input, JsonNode request) {
    /** Half an earlier limit beside half a new one would be nobody's wish. */
    private static final List<String> LIMITS = List.of("teardownAfter", "maxCostUsd", "atLimit");

    /** @param remembered an object: what {@link #remembered} gave last; empty for a new deployment */
    static Wanted of(JsonNode remembered, JsonNode input) {
        if (!input.isObject()) return new Wanted(input, input);
        ObjectNode request = remembered.deepCopy();
        forgetReplaced(request, input);
        for (var member : input.properties()) {
            var before = request.get(member.getKey());
            var said = member.getValue().deepCopy();
            if (before instanceof ObjectNode object && said instanceof ObjectNode changes) object.setAll(changes);
            else request.set(member.getKey(), said);
        }
        return new Wanted(input, request);
    }

    /** Takes out what cannot stay beside that which the input says. */
    private static void forgetReplaced(ObjectNode request, JsonNode input) {
        if (LIMITS.stream().anyMatch(input::has)) request.remove(LIMITS);
        // One bucket is short for a list of one.
        if (input.has("bucket")) request.remove("buckets");
        if (input.has("buckets")) request.remove("bucket");
        // Subnets are those of one VPC.
        if (!input.path("network").isEmpty()) request.remove("network");
        var key = input.path("key");
        if (request.get("key") instanceof ObjectNode before) {
            if (key.has("policy")) before.remove(List.of("administrators", "users"));
            if (key.has("administrators") || key.has("users")) before.remove("policy");
        }
        // A policy that needs no manufacturer's root does without one, unless the input gives it.
        var policy = input.path("hsmIdentity").path("policy");
        if (request.get("hsmIdentity") instanceof ObjectNode before && !policy.isMissingNode()) {
            if (!policy.asText().equals("REQUIRE_BOTH")) before.remove("manufacturerRootCertificate");
        }
    }

    /** What later inputs need not say again: all but that which an input says for its own execution alone. */
    JsonNode remembered() {
        ObjectNode remembered = request.deepCopy();
        remembered.remove(List.of("healthCheck", "recovery", "cluster"));
        // Whoever adopts a bucket or a cluster says so of that one; the record names those that were.
        remembered.findParents("adopt").forEach(bucket -> ((ObjectNode) bucket).remove("adopt"));
        return remembered;
    }

    /** @param field path such as {@code key.alias}; whether an earlier input says it, and not this one */
    boolean isRemembered(String field) {
        return find(request, field).isPresent() && find(input, field).isEmpty();
    }

    private static Optional<JsonNode> find(JsonNode object, String field) {
        var node = object;
        // A list is said whole.
        for (var name : field.replaceFirst("\\[.*", "").split("\\.")) node = node.path(name);
        return node.isMissingNode() ? Optional.empty() : Optional.of(node);
    }
}
