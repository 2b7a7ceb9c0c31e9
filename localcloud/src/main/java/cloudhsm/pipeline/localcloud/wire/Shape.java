package cloudhsm.pipeline.localcloud.wire;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * One shape of a service model, with the constraints on its values.
 *
 * @param type as the model says: {@code structure}, {@code list}, {@code map}, {@code string}, {@code integer}, …
 * @param members of a structure, by name; empty for other types
 * @param element a list's elements or a map's values
 * @param key a map's keys
 * @param least the least length, size or value
 * @param most the greatest
 * @param payload the member that is the whole body of a REST message
 * @param errorCode the code by which an error goes on the wire; the shape's name where the model gives no other
 * @param errorStatus HTTP status of an error, where the model says one
 */
record Shape(
        String name,
        String type,
        Map<String, Member> members,
        Set<String> required,
        Optional<Member> element,
        Optional<Member> key,
        Set<String> enumeration,
        Optional<Pattern> pattern,
        Optional<Double> least,
        Optional<Double> most,
        boolean sensitive,
        boolean flattened,
        Optional<String> payload,
        String errorCode,
        Optional<Integer> errorStatus) {

    /**
     * A reference to a shape.
     *
     * @param location {@code uri}, {@code querystring}, {@code header}, {@code headers}, {@code statusCode}, or empty:
     *     in the body
     * @param wireName the name in that place
     * @param queryName the name of a parameter of the EC2 protocol
     */
    record Member(
            String name,
            String shape,
            String location,
            String wireName,
            String queryName,
            boolean flattened,
            boolean xmlAttribute) {
        static Member of(String name, JsonNode model) {
            var wireName = model.path("locationName").asText(name);
            return new Member(
                    name,
                    model.path("shape").asText(),
                    model.path("location").asText(),
                    wireName,
                    model.path("queryName").asText(capitalized(wireName)),
                    model.path("flattened").asBoolean(),
                    model.path("xmlAttribute").asBoolean());
        }

        boolean inBody() {
            return location.isEmpty();
        }

        private static String capitalized(String text) {
            return text.isEmpty() ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1);
        }
    }

    static Shape of(String name, JsonNode model) {
        var members = new LinkedHashMap<String, Member>();
        model.path("members")
                .properties()
                .forEach(member -> members.put(member.getKey(), Member.of(member.getKey(), member.getValue())));
        var part = model.has("member") ? "member" : "value";
        return new Shape(
                name,
                model.path("type").asText(),
                members,
                texts(model.path("required")),
                Optional.ofNullable(model.get(part)).map(element -> Member.of(part, element)),
                Optional.ofNullable(model.get("key")).map(key -> Member.of("key", key)),
                texts(model.path("enum")),
                Optional.ofNullable(model.get("pattern")).map(pattern -> Pattern.compile(pattern.asText())),
                Optional.ofNullable(model.get("min")).map(JsonNode::asDouble),
                Optional.ofNullable(model.get("max")).map(JsonNode::asDouble),
                model.path("sensitive").asBoolean(),
                model.path("flattened").asBoolean(),
                Optional.ofNullable(model.get("payload")).map(JsonNode::asText),
                model.path("error").path("code").asText(name),
                Optional.ofNullable(model.path("error").get("httpStatusCode")).map(JsonNode::asInt));
    }

    private static Set<String> texts(JsonNode list) {
        var texts = new LinkedHashSet<String>();
        list.forEach(text -> texts.add(text.asText()));
        return texts;
    }
}
