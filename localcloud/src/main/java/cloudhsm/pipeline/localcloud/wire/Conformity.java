package cloudhsm.pipeline.localcloud.wire;

import cloudhsm.pipeline.localcloud.wire.Violation.Kind;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Holds a value to its shape, all the way down. */
final class Conformity {
    /** SSM's own answers do not match it: {@code PT29S} is no such date, and the + of its repetitions is lost. */
    private static final Set<String> PATTERNS_NOT_KEPT = Set.of("StringDateTime");

    /**
     * S3 answers {@code Prefix} and {@code Suffix} and takes them back, though its model has small letters.
     *
     * @see <a href="https://github.com/aws/aws-sdk/issues/389">An issue of AWS's SDKs</a>
     */
    private static final Set<String> ENUMERATIONS_IN_ANY_CASE = Set.of("FilterRuleName");

    private final ServiceModel model;
    private final boolean wholePattern;
    private boolean inBody = true;
    private final List<Violation> violations = new ArrayList<>();

    private Conformity(ServiceModel model, boolean wholePattern) {
        this.model = model;
        this.wholePattern = wholePattern;
    }

    /** Patterns must cover a request's values from end to end. */
    // Assumed: whole-patterns
    static List<Violation> ofRequest(ServiceModel model, Shape shape, JsonNode value) {
        return violations(new Conformity(model, true), shape, value);
    }

    /** Answers have values of which a pattern covers a part only, like {@code vpc-[0-9a-fA-F]}. */
    static List<Violation> ofAnswer(ServiceModel model, Shape shape, JsonNode value) {
        return violations(new Conformity(model, false), shape, value);
    }

    private static List<Violation> violations(Conformity conformity, Shape shape, JsonNode value) {
        conformity.check(shape, value, "", "");
        return conformity.violations;
    }

    private void check(Shape shape, JsonNode value, String path, String member) {
        switch (shape.type()) {
            case "structure" -> structure(shape, value, path, member);
            case "list" -> list(shape, value, path, member);
            case "map" -> map(shape, value, path, member);
            case "string" -> text(shape, value, path, member);
            case "blob" -> blob(shape, value, path, member);
            case "boolean" -> require(value.isBoolean(), shape, value, path, member);
            case "timestamp" -> require(value.isNumber() || value.isTextual(), shape, value, path, member);
            default -> number(shape, value, path, member);
        }
    }

    private void structure(Shape shape, JsonNode value, String path, String member) {
        if (!require(value.isObject(), shape, value, path, member)) return;
        for (var name : shape.required()) {
            if (value.hasNonNull(name)) continue;
            var of = shape.members().get(name);
            if (path.isEmpty()) inBody = of.inBody();
            add(Kind.MISSING, model.shape(of), null, joined(path, name), name, "Member must not be null");
        }
        for (var given : value.properties()) {
            var of = shape.members().get(given.getKey());
            if (of == null) {
                inBody = inBody || path.isEmpty();
                add(Kind.UNKNOWN, shape, null, joined(path, given.getKey()), given.getKey(), "Member must be known");
            } else if (!given.getValue().isNull()) {
                if (path.isEmpty()) inBody = of.inBody();
                check(model.shape(of), given.getValue(), joined(path, given.getKey()), given.getKey());
            }
        }
    }

    private void list(Shape shape, JsonNode value, String path, String member) {
        if (!require(value.isArray(), shape, value, path, member)) return;
        size(shape, value.size(), value, path, member);
        var element = model.shape(shape.element().orElseThrow());
        for (int i = 0; i < value.size(); i++) {
            int before = violations.size();
            // Null elements are refused there: they are of no type.
            check(element, value.get(i), path + "." + (i + 1) + ".member", member);
            if (violations.size() == before || !value.get(i).isValueNode()) continue;
            violations.set(before, ofList(violations.get(before), shape, value, path));
        }
    }

    /** AWS shows the whole list where one of its texts or numbers is at fault. */
    private static Violation ofList(Violation element, Shape shape, JsonNode list, String path) {
        var shown = element.value().isEmpty() || shape.sensitive()
                ? ""
                : list.valueStream().map(JsonNode::asText).collect(Collectors.joining(", ", "[", "]"));
        return new Violation(
                element.kind(),
                path,
                element.member(),
                element.shape(),
                shown,
                "Member must satisfy constraint: [" + element.constraint() + "]",
                element.inBody());
    }

    private void map(Shape shape, JsonNode value, String path, String member) {
        if (!require(value.isObject(), shape, value, path, member)) return;
        size(shape, value.size(), value, path, member);
        var key = model.shape(shape.key().orElseThrow());
        var element = model.shape(shape.element().orElseThrow());
        for (var entry : value.properties()) {
            check(key, TextNode.valueOf(entry.getKey()), path + ".key", member);
            check(element, entry.getValue(), path + "." + entry.getKey() + ".member", member);
        }
    }

    private void text(Shape shape, JsonNode value, String path, String member) {
        if (!require(value.isTextual(), shape, value, path, member)) return;
        var text = value.asText();
        var listed = ENUMERATIONS_IN_ANY_CASE.contains(shape.name()) ? text.toLowerCase(Locale.ROOT) : text;
        if (!shape.enumeration().isEmpty() && !shape.enumeration().contains(listed)) {
            var constraint = "Member must satisfy enum value set: " + shape.enumeration();
            add(Kind.ENUM, shape, value, path, member, constraint);
        }
        size(shape, text.codePointCount(0, text.length()), value, path, member);
        if (shape.pattern().isPresent()
                && !PATTERNS_NOT_KEPT.contains(shape.name())
                && !matches(shape.pattern().get(), text)) {
            var constraint = "Member must satisfy regular expression pattern: "
                    + shape.pattern().get();
            add(Kind.PATTERN, shape, value, path, member, constraint);
        }
    }

    private boolean matches(Pattern pattern, String text) {
        var matcher = pattern.matcher(text);
        return wholePattern ? matcher.matches() : matcher.find();
    }

    private void blob(Shape shape, JsonNode value, String path, String member) {
        if (!require(value.isTextual(), shape, value, path, member)) return;
        try {
            size(shape, Base64.getDecoder().decode(value.asText()).length, value, path, member);
        } catch (IllegalArgumentException notBase64) {
            require(false, shape, value, path, member);
        }
    }

    private void number(Shape shape, JsonNode value, String path, String member) {
        var whole = shape.type().equals("integer") || shape.type().equals("long");
        if (!require(
                whole ? value.canConvertToLong() && value.isIntegralNumber() : value.isNumber(),
                shape,
                value,
                path,
                member)) return;
        bounds(Kind.RANGE, "value", value.asDouble(), shape, value, path, member);
    }

    private void size(Shape shape, int size, JsonNode value, String path, String member) {
        bounds(Kind.LENGTH, "length", size, shape, value, path, member);
    }

    private void bounds(
            Kind kind, String what, double actual, Shape shape, JsonNode value, String path, String member) {
        var constraint = "Member must have " + what;
        if (shape.least().isPresent() && actual < shape.least().get()) {
            constraint += " greater than or equal to " + number(shape.least().get());
        } else if (shape.most().isPresent() && actual > shape.most().get()) {
            constraint += " less than or equal to " + number(shape.most().get());
        } else {
            return;
        }
        add(kind, shape, value, path, member, constraint);
    }

    private static String number(double bound) {
        return bound == Math.rint(bound) ? String.valueOf((long) bound) : String.valueOf(bound);
    }

    private boolean require(boolean ofThisType, Shape shape, JsonNode value, String path, String member) {
        if (!ofThisType) add(Kind.TYPE, shape, value, path, member, "Member must be a " + shape.type());
        return ofThisType;
    }

    private void add(Kind kind, Shape shape, JsonNode value, String path, String member, String constraint) {
        var shown = value == null || shape.sensitive() || value.isContainerNode() ? "" : value.asText();
        violations.add(new Violation(kind, path, member, shape.name(), shown, constraint, inBody));
    }

    private static String joined(String path, String member) {
        var name = Character.toLowerCase(member.charAt(0)) + member.substring(1);
        return path.isEmpty() ? name : path + "." + name;
    }
}
