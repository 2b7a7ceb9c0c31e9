package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** Values that a model allows: as little as it requires, and what lies on the way to one member. */
final class Example {
    /** The way into a list or a map, beside the names of members. */
    static final String ELEMENT = "[]";

    static final String KEY = "{}";

    /** One of these fits each pattern that letters and digits do not. */
    private static final List<String> TEXTS = List.of(
            "cluster-abcdefghijk",
            "hsm-abcdefghijk",
            "backup-abcdefghijk",
            "subnet-0123456789abcdef0",
            "vpc-0123456789abcdef0",
            "eni-0123456789abcdef0",
            "i-0123456789abcdef0",
            "eu-central-1",
            "eu-central-1a",
            "10.0.0.1",
            "hsm2m.medium",
            "1.0",
            "12h",
            "$LATEST",
            "bucket/key",
            "/",
            "/path/",
            "/type",
            "https://proxy.example.com",
            "/kms/xks/v1",
            "com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0",
            "lambda:InvokeFunction",
            "o-0123456789",
            "endpoint.id",
            "12345678-1234-1234-1234-123456789012",
            "arn:aws:iam::123456789012:role/example",
            "arn:aws:sqs:eu-central-1:123456789012:example",
            "arn:aws:s3:::example",
            "arn:aws:kms:eu-central-1:123456789012:key/12345678-1234-1234-1234-123456789012",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:example",
            "arn:aws:lambda:eu-central-1:123456789012:function:example");

    private final Model model;

    Example(Model model) {
        this.model = model;
    }

    /** The least that the shape allows. */
    JsonNode of(JsonNode shape) {
        return of(shape, List.of(), Optional.empty());
    }

    /**
     * The same with another value at the end of the way.
     *
     * @param way names of members, {@link #ELEMENT}, {@link #KEY}
     * @param end empty: the last member is left out
     */
    JsonNode of(JsonNode shape, List<String> way, Optional<JsonNode> end) {
        return switch (shape.path("type").asText()) {
            case "structure" -> structure(shape, way, end);
            case "list" -> {
                var list = Json.array();
                var element = model.shape(shape.path("member"));
                if (!way.isEmpty()) list.add(next(element, way, end));
                else for (int i = 0; i < shape.path("min").asInt(leastOfLists()); i++) list.add(of(element));
                yield list;
            }
            case "map" -> map(shape, way, end);
            case "boolean" -> BooleanNode.TRUE;
            case "blob" -> TextNode.valueOf("YWFhYWFhYWFhYWFhYWFhYQ==");
            case "timestamp" -> LongNode.valueOf(1_800_000_000);
            case "string" -> TextNode.valueOf(text(shape));
            default -> LongNode.valueOf(shape.path("min").asLong(1));
        };
    }

    /** Other protocols than JSON have no empty lists. */
    private int leastOfLists() {
        return model.protocol().endsWith("json") ? 0 : 1;
    }

    private JsonNode next(JsonNode shape, List<String> way, Optional<JsonNode> end) {
        var rest = way.subList(1, way.size());
        return rest.isEmpty() && end.isPresent() ? end.get() : of(shape, rest, end);
    }

    private JsonNode structure(JsonNode shape, List<String> way, Optional<JsonNode> end) {
        var structure = Json.object();
        for (var member : shape.path("members").properties()) {
            var onTheWay = !way.isEmpty() && way.getFirst().equals(member.getKey());
            if (onTheWay && way.size() == 1 && end.isEmpty()) continue;
            if (onTheWay) structure.set(member.getKey(), next(model.shape(member.getValue()), way, end));
            else if (Model.requires(shape, member.getKey()))
                structure.set(member.getKey(), of(model.shape(member.getValue())));
        }
        // An empty structure would be nothing at all in a form.
        if (structure.isEmpty() && way.isEmpty() && leastOfLists() > 0) {
            var first = shape.path("members").properties().stream().findFirst();
            first.ifPresent(member -> structure.set(member.getKey(), of(model.shape(member.getValue()))));
        }
        return structure;
    }

    private JsonNode map(JsonNode shape, List<String> way, Optional<JsonNode> end) {
        var map = Json.object();
        var key = model.shape(shape.path("key"));
        var value = model.shape(shape.path("value"));
        if (way.isEmpty()) {
            if (shape.path("min").asInt() > 0) map.set(text(key), of(value));
        } else if (way.getFirst().equals(KEY)) {
            map.set(end.orElseThrow().asText(), of(value));
        } else {
            map.set(text(key), next(value, way, end));
        }
        return map;
    }

    /** A text that the shape allows. */
    static String text(JsonNode shape) {
        if (shape.has("enum")) return shape.path("enum").get(0).asText();
        int least = Math.max(1, shape.path("min").asInt());
        int most = shape.path("max").asInt(Integer.MAX_VALUE);
        for (var letter : List.of("a", "1", "A")) if (fits(shape, letter.repeat(least))) return letter.repeat(least);
        if (most == 0) return "";
        return TEXTS.stream()
                .filter(text -> text.length() >= least && text.length() <= most && fits(shape, text))
                .findFirst()
                .orElseThrow(() -> new AssertionError("No example fits the pattern " + shape.path("pattern")
                        + ", at least " + least + " long; add one"));
    }

    static boolean fits(JsonNode shape, String text) {
        return !shape.has("pattern") || Pattern.matches(shape.path("pattern").asText(), text);
    }
}
