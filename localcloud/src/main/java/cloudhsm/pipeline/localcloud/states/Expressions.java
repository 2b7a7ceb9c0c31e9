package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.http.Json;
import com.dashjoin.jsonata.JException;
import com.dashjoin.jsonata.Jsonata;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.random.RandomGenerator;

/**
 * JSONata as Step Functions evaluates it: strings of the form <code>{% … %}</code> are expressions, everything else is
 * itself; an expression without a result is an error.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html">Transforming data with
 *     JSONata</a>
 */
final class Expressions {
    /** Nesting of function calls; Step Functions bounds memory and time, which depth stands for here. */
    private static final int MAXIMUM_DEPTH = 500;

    /** Real milliseconds; Step Functions gives one second, a busy build machine gets more. */
    private static final long MAXIMUM_MILLISECONDS = 10_000;

    private static final DateTimeFormatter TIMESTAMP =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

    private final Map<String, Jsonata> parsed = new HashMap<>();
    private final Clock clock;
    private final RandomGenerator random;

    Expressions(Clock clock, RandomGenerator random) {
        this.clock = clock;
        this.random = random;
    }

    /** @throws cloudhsm.pipeline.localcloud.http.AwsException InvalidDefinition where an expression does not parse */
    void check(JsonNode node, String where) {
        if (node.isTextual() && isExpression(node.asText())) {
            try {
                parse(node.asText());
            } catch (JException malformed) {
                throw AslParser.invalid(where, "the JSONata does not parse: " + malformed.getMessage());
            }
        }
        if (node.isObject()) node.properties().forEach(field -> check(field.getValue(), where + "/" + field.getKey()));
        if (node.isArray()) node.forEach(element -> check(element, where));
    }

    private static boolean isExpression(String text) {
        return text.startsWith("{%") && text.endsWith("%}");
    }

    private Jsonata parse(String text) {
        return parsed.computeIfAbsent(
                text, expression -> Jsonata.jsonata(expression.substring(2, expression.length() - 2)));
    }

    /**
     * The template with every expression replaced by its result.
     *
     * @param states {@code $states}
     * @param field for the message: Arguments, Output, …
     * @throws StateFailure States.QueryEvaluationError
     */
    JsonNode evaluate(JsonNode template, JsonNode states, Map<String, JsonNode> variables, String field) {
        return evaluate(template, plain(states), variables, field);
    }

    private JsonNode evaluate(JsonNode template, Object states, Map<String, JsonNode> variables, String field) {
        if (template.isObject()) {
            var result = Json.object();
            for (var member : template.properties()) {
                result.set(
                        member.getKey(), evaluate(member.getValue(), states, variables, field + "/" + member.getKey()));
            }
            return result;
        }
        if (template.isArray()) {
            var result = Json.array();
            for (var element : template) result.add(evaluate(element, states, variables, field));
            return result;
        }
        if (!template.isTextual() || !isExpression(template.asText())) return template;
        return evaluate(template.asText(), states, variables, field);
    }

    private JsonNode evaluate(String text, Object states, Map<String, JsonNode> variables, String field) {
        try {
            var expression = parse(text);
            var result = expression.evaluate(null, frame(expression, states, variables));
            if (result == null && !isNull(text, states, variables)) {
                throw failure(text, field, "returned nothing (undefined)");
            }
            if (result != null && result.getClass().getName().startsWith("com.dashjoin.jsonata.Parser")) {
                throw failure(text, field, "returned a function, not a JSON value");
            }
            return json(result);
        } catch (JException failed) {
            throw failure(text, field, "threw an error: " + failed.getMessage());
        } catch (StackOverflowError | IllegalArgumentException | ClassCastException failed) {
            throw failure(text, field, "threw an error: " + failed.getMessage());
        }
    }

    /** The library answers Java's null for JSON's null and for no result; {@code $exists} tells them apart. */
    private boolean isNull(String text, Object states, Map<String, JsonNode> variables) {
        var exists = parse("{%$exists((" + text.substring(2, text.length() - 2) + "))%}");
        return Boolean.TRUE.equals(exists.evaluate(null, frame(exists, states, variables)));
    }

    private static StateFailure failure(String text, String field, String what) {
        return new StateFailure(
                "States.QueryEvaluationError",
                "The JSONata expression '"
                        + text.substring(2, text.length() - 2).strip() + "' specified for the field '" + field + "' "
                        + what + ".");
    }

    private Jsonata.Frame frame(Jsonata expression, Object states, Map<String, JsonNode> variables) {
        var frame = expression.createFrame();
        frame.setRuntimeBounds(MAXIMUM_MILLISECONDS, MAXIMUM_DEPTH);
        variables.forEach((name, value) -> frame.bind(name, plain(value)));
        frame.bind("states", states);
        var now = clock.instant();
        frame.bind("now", new Jsonata.JFunction((input, arguments) -> TIMESTAMP.format(now), "<s?s?:s>"));
        frame.bind("millis", new Jsonata.JFunction((input, arguments) -> now.toEpochMilli(), "<:n>"));
        frame.bind("parse", new Jsonata.JFunction((input, arguments) -> plain(parsedJson(arguments)), "<s:x>"));
        frame.bind("uuid", new Jsonata.JFunction((input, arguments) -> uuid(), "<:s>"));
        frame.bind("random", new Jsonata.JFunction((input, arguments) -> randomNumber(arguments), "<n?:n>"));
        frame.bind("hash", new Jsonata.JFunction((input, arguments) -> hash(arguments), "<ss:s>"));
        frame.bind("range", new Jsonata.JFunction((input, arguments) -> range(arguments), "<nnn:a>"));
        frame.bind("partition", new Jsonata.JFunction((input, arguments) -> partition(arguments), "<an:a>"));
        frame.bind(
                "eval",
                new Jsonata.JFunction(
                        (input, arguments) -> {
                            throw new JException("$eval is not available in Step Functions; use $parse", -1);
                        },
                        "<sx?:x>"));
        return frame;
    }

    private static JsonNode parsedJson(List<?> arguments) {
        try {
            return Json.MAPPER.readTree(String.valueOf(arguments.getFirst()));
        } catch (com.fasterxml.jackson.core.JsonProcessingException malformed) {
            throw new JException("$parse was given text that is not JSON", -1);
        }
    }

    private String uuid() {
        var high = random.nextLong() & ~0xF000L | 0x4000L;
        var low = random.nextLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L;
        return new UUID(high, low).toString();
    }

    private double randomNumber(List<?> arguments) {
        if (arguments.isEmpty() || arguments.getFirst() == null) return random.nextDouble();
        return new Random(((Number) arguments.getFirst()).longValue()).nextDouble();
    }

    private static String hash(List<?> arguments) {
        var algorithm = String.valueOf(arguments.get(1));
        if (!List.of("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512").contains(algorithm)) {
            throw new JException("$hash does not know the algorithm " + algorithm, -1);
        }
        try {
            var data = String.valueOf(arguments.getFirst()).getBytes(StandardCharsets.UTF_8);
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(data));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static List<Object> range(List<?> arguments) {
        var step = ((Number) arguments.get(2)).longValue();
        if (step == 0) throw new JException("$range needs a step other than 0", -1);
        var first = ((Number) arguments.get(0)).longValue();
        var last = ((Number) arguments.get(1)).longValue();
        var numbers = new ArrayList<Object>();
        for (var n = first; step > 0 ? n <= last : n >= last; n += step) numbers.add(n);
        return numbers;
    }

    private static List<Object> partition(List<?> arguments) {
        var all = (List<?>) arguments.get(0);
        var size = ((Number) arguments.get(1)).intValue();
        if (size < 1) throw new JException("$partition needs a size of at least 1", -1);
        var parts = new ArrayList<Object>();
        for (int i = 0; i < all.size(); i += size)
            parts.add(new ArrayList<>(all.subList(i, Math.min(all.size(), i + size))));
        return parts;
    }

    private static Object plain(JsonNode node) {
        return Json.MAPPER.convertValue(node, Object.class);
    }

    /** JSONata has one type of number: 2.0 is 2. */
    private static JsonNode json(Object value) {
        return normalized(Json.MAPPER.valueToTree(value));
    }

    private static JsonNode normalized(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.properties().forEach(member -> member.setValue(normalized(member.getValue())));
        } else if (node.isArray()) {
            var array = (com.fasterxml.jackson.databind.node.ArrayNode) node;
            for (int i = 0; i < array.size(); i++) array.set(i, normalized(array.get(i)));
        } else if (node.isFloatingPointNumber()
                && node.canConvertToExactIntegral()
                && Math.abs(node.asDouble()) < 1e15) {
            return Json.MAPPER.getNodeFactory().numberNode(new BigDecimal(node.asText()).longValueExact());
        }
        return node;
    }
}
