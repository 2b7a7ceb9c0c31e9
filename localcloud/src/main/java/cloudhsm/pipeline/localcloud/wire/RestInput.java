package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Pattern;

/** The input of the REST protocols, taken together from path, query, headers and body. */
final class RestInput {
    private static final Pattern LABEL = Pattern.compile("\\{(\\w+)\\+?}");

    private final ServiceModel model;
    private final AwsRequest request;

    RestInput(ServiceModel model, AwsRequest request) {
        this.model = model;
        this.request = request;
    }

    ObjectNode read(ServiceModel.Operation operation, Shape shape) {
        var input = Json.object();
        for (var member : shape.members().values()) {
            switch (member.location()) {
                case "uri" -> label(operation, member).ifPresent(text -> put(input, member, text));
                case "querystring" -> queryParameter(member).ifPresent(value -> input.set(member.name(), value));
                case "header" -> request.header(member.wireName()).ifPresent(text -> put(input, member, text));
                default -> {
                    // The body's come below; user metadata, the only member of many headers, is not constrained.
                }
            }
        }
        if (shape.payload().isPresent())
            payload(shape.members().get(shape.payload().get()), input);
        else if (shape.members().values().stream().anyMatch(Shape.Member::inBody)) input.setAll(body(shape));
        return input;
    }

    private void put(ObjectNode input, Shape.Member member, String text) {
        var shape = model.shape(member);
        if (!shape.type().equals("list")) {
            input.set(member.name(), Text.value(shape, text));
            return;
        }
        // A header carries a list with commas.
        var list = input.putArray(member.name());
        var element = model.shape(shape.element().orElseThrow());
        for (var part : text.split(",")) list.add(Text.value(element, part.strip()));
    }

    private Optional<String> label(ServiceModel.Operation operation, Shape.Member member) {
        // S3 routes by bucket and key itself: an operation that needs one is not reached without it.
        if (model.protocol().equals("rest-xml")) return Optional.of("given");
        var pattern = new StringBuilder();
        int position = 0;
        var uri = operation.uri().replaceFirst("\\?.*", "");
        var labels = LABEL.matcher(uri);
        while (labels.find()) {
            pattern.append(Pattern.quote(uri.substring(position, labels.start())));
            pattern.append(labels.group(1).equals(member.wireName()) ? "([^/]*)" : "[^/]*");
            position = labels.end();
        }
        pattern.append(Pattern.quote(uri.substring(position)));
        var path = Pattern.compile(pattern + "/?").matcher(request.rawPath());
        if (!path.matches()) return Optional.empty();
        return Optional.of(URLDecoder.decode(path.group(1).replace("+", "%2B"), StandardCharsets.UTF_8));
    }

    private Optional<JsonNode> queryParameter(Shape.Member member) {
        var values = request.query().get(member.wireName());
        if (values == null) return Optional.empty();
        var shape = model.shape(member);
        if (!shape.type().equals("list")) return Optional.of(Text.value(shape, values.getFirst()));
        var list = Json.array();
        var element = model.shape(shape.element().orElseThrow());
        values.forEach(value -> list.add(Text.value(element, value)));
        return Optional.of(list);
    }

    private void payload(Shape.Member member, ObjectNode input) {
        var shape = model.shape(member);
        if (request.body().length == 0) return;
        if (shape.type().equals("structure")) input.set(member.name(), body(shape));
        // Bytes and text are what they are.
        else if (shape.type().equals("string")) input.put(member.name(), request.bodyText());
    }

    private ObjectNode body(Shape shape) {
        if (request.body().length == 0) return Json.object();
        if (model.protocol().equals("rest-json")) return JsonInput.read(request.body());
        return XmlElement.parse(request.body())
                .map(root -> root.structure(model, shape))
                .orElseGet(Json::object);
    }
}
