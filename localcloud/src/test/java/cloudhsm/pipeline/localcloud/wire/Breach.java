package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.Violation.Kind;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One constraint of an operation's model, and a request that breaks it and no other.
 *
 * @param way to the value, as {@link Example} has it
 * @param location of the member of the request that it lies in: {@code header}, {@code querystring}, …, or empty
 * @param shape the shape that is broken
 */
record Breach(Kind kind, List<String> way, String location, String shape, JsonNode input) {
    private static final int LONGEST_TEXT = 140_000;
    private static final int LONGEST_LIST = 2_000;

    /** Each constraint of the operation's input, once for each place where it holds. */
    static List<Breach> of(Model model, String operation) {
        var search = new Search(model, model.input(operation));
        search.structure(model.input(operation), List.of(), "", Set.of());
        if (!model.protocol().startsWith("rest")) search.unknownMember();
        return search.breaches;
    }

    private static final class Search {
        private final Model model;
        private final JsonNode input;
        private final boolean json;
        private final List<Breach> breaches = new ArrayList<>();

        private Search(Model model, JsonNode input) {
            this.model = model;
            this.input = input;
            this.json = model.protocol().endsWith("json");
        }

        private void add(
                Kind kind, List<String> way, String location, JsonNode reference, Optional<JsonNode> replacement) {
            breaches.add(new Breach(
                    kind,
                    way,
                    location,
                    reference.path("shape").asText(),
                    new Example(model).of(input, way, replacement)));
        }

        private void unknownMember() {
            var breaking = new Example(model).of(input).deepCopy();
            ((com.fasterxml.jackson.databind.node.ObjectNode) breaking).put("NotOfTheModel", "given");
            breaches.add(new Breach(Kind.UNKNOWN, List.of("NotOfTheModel"), "", "", breaking));
        }

        private void structure(JsonNode shape, List<String> way, String location, Set<String> above) {
            for (var member : shape.path("members").properties()) {
                var reference = member.getValue();
                var where = way.isEmpty() ? reference.path("location").asText() : location;
                var whole = with(way, member.getKey());
                // User metadata has no constraints; labels of S3 and what the HTTP client writes cannot be broken.
                if (where.equals("headers")
                        || reference.path("locationName").asText().equals("Content-Length")) continue;
                if (where.equals("uri")) {
                    if (model.protocol().equals("rest-json")) text(reference, whole, where);
                    continue;
                }
                if (Model.requires(shape, member.getKey()))
                    add(Kind.MISSING, whole, where, reference, Optional.empty());
                value(reference, whole, where, above);
            }
        }

        private void value(JsonNode reference, List<String> way, String location, Set<String> above) {
            var shape = model.shape(reference);
            var inText = !json || !location.isEmpty();
            switch (shape.path("type").asText()) {
                case "structure" -> {
                    if (!inText) add(Kind.TYPE, way, location, reference, Optional.of(TextNode.valueOf("text")));
                    if (above.contains(reference.path("shape").asText())) return;
                    structure(shape, way, location, with(above, reference));
                }
                case "list", "map" -> collection(reference, way, location, above);
                case "string" -> {
                    if (!inText) add(Kind.TYPE, way, location, reference, Optional.of(LongNode.valueOf(1)));
                    text(reference, way, location);
                }
                case "boolean" -> {
                    add(Kind.TYPE, way, location, reference, Optional.of(TextNode.valueOf("perhaps")));
                }
                case "timestamp" -> {
                    if (!inText) add(Kind.TYPE, way, location, reference, Optional.of(BooleanNode.TRUE));
                }
                case "blob" -> {
                    if (json && !isPayload(way)) {
                        add(Kind.TYPE, way, location, reference, Optional.of(TextNode.valueOf("%%%")));
                    }
                }
                default -> number(reference, way, location);
            }
        }

        private boolean isPayload(List<String> way) {
            return way.size() == 1 && input.path("payload").asText().equals(way.getFirst());
        }

        private void number(JsonNode reference, List<String> way, String location) {
            var shape = model.shape(reference);
            add(Kind.TYPE, way, location, reference, Optional.of(TextNode.valueOf("many")));
            if (shape.has("min")) {
                var below = LongNode.valueOf(shape.path("min").asLong() - 1);
                add(Kind.RANGE, way, location, reference, Optional.of(below));
            }
            if (shape.has("max")) {
                var above = LongNode.valueOf(shape.path("max").asLong() + 1);
                add(Kind.RANGE, way, location, reference, Optional.of(above));
            }
        }

        private void text(JsonNode reference, List<String> way, String location) {
            var shape = model.shape(reference);
            var inPath = location.equals("uri");
            if (shape.has("enum")) {
                add(Kind.ENUM, way, location, reference, Optional.of(TextNode.valueOf("not-of-the-model")));
            }
            int least = shape.path("min").asInt();
            if (least > 0 && !inPath) {
                var shorter = Example.text(shape).substring(0, least - 1);
                add(Kind.LENGTH, way, location, reference, Optional.of(TextNode.valueOf(shorter)));
            }
            int most = shape.path("max").asInt(Integer.MAX_VALUE);
            if (most < LONGEST_TEXT && (location.isEmpty() || most < 4_000)) {
                add(Kind.LENGTH, way, location, reference, Optional.of(TextNode.valueOf("a".repeat(most + 1))));
            }
            notOfThePattern(shape)
                    .ifPresent(
                            text -> add(Kind.PATTERN, way, location, reference, Optional.of(TextNode.valueOf(text))));
        }

        /** Empty where the pattern allows everything. */
        private static Optional<String> notOfThePattern(JsonNode shape) {
            int least = Math.max(1, shape.path("min").asInt());
            return List.of("a", "~", "*", " ", "$", "\u0394").stream()
                    .map(letter -> letter.repeat(least))
                    .filter(text -> !Example.fits(shape, text))
                    .findFirst();
        }

        private void collection(JsonNode reference, List<String> way, String location, Set<String> above) {
            var shape = model.shape(reference);
            var list = shape.path("type").asText().equals("list");
            var element = shape.path(list ? "member" : "value");
            if (json && location.isEmpty()) {
                add(Kind.TYPE, way, location, reference, Optional.of(TextNode.valueOf("text")));
                if (shape.path("min").asInt() > 0) {
                    var empty = list ? Json.array() : Json.object();
                    add(Kind.LENGTH, way, location, reference, Optional.of(empty));
                }
            }
            int most = shape.path("max").asInt(Integer.MAX_VALUE);
            if (list && most <= LONGEST_LIST) {
                var tooMany = Json.array();
                for (int i = 0; i <= most; i++) tooMany.add(new Example(model).of(model.shape(element)));
                add(Kind.LENGTH, way, location, reference, Optional.of(tooMany));
            }
            if (!list && json && location.isEmpty()) text(shape.path("key"), with(way, Example.KEY), location);
            value(element, with(way, Example.ELEMENT), location, above);
        }

        private static List<String> with(List<String> way, String step) {
            var longer = new ArrayList<>(way);
            longer.add(step);
            return longer;
        }

        private static Set<String> with(Set<String> above, JsonNode reference) {
            var more = new HashSet<>(above);
            more.add(reference.path("shape").asText());
            return more;
        }
    }
}
