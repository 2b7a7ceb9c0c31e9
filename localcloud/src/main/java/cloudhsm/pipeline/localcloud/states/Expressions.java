package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.dashjoin.jsonata.JException;
import com.dashjoin.jsonata.Jsonata;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/**
 * JSONata as Step Functions evaluates it: strings of the form <code>{% … %}</code> are expressions, everything else is
 * itself; an expression without a result is an error.
 *
 * @see <a href="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html">Transforming data with
 *     JSONata</a>
 */
final class Expressions {
    /** Nesting of the evaluation, as others measured it on AWS. Its bound of memory is not here. */
    private static final int MAXIMUM_DEPTH = 100;

    /** How much deeper an expression stands when it is asked whether it exists. */
    private static final int EXISTS_DEPTH = 2;

    /** Real milliseconds; Step Functions gives one second, a busy build machine gets more. */
    private static final long MAXIMUM_MILLISECONDS = 10_000;

    private static final DateTimeFormatter TIMESTAMP =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

    /**
     * What an expression can read.
     *
     * @param plainStates {@code $states} as the library takes it
     */
    private record Scope(JsonNode states, Object plainStates, Map<String, JsonNode> variables) {}

    private final Clock clock;
    private final RandomGenerator random;
    private final List<Consumer<Evaluation>> listeners = new ArrayList<>();

    Expressions(Clock clock, RandomGenerator random) {
        this.clock = clock;
        this.random = random;
    }

    void listen(Consumer<Evaluation> listener) {
        listeners.add(listener);
    }

    static boolean isExpression(String text) {
        return text.length() >= 4 && text.startsWith("{%") && text.endsWith("%}");
    }

    /** The JSONata of an expression. */
    static String inner(String expression) {
        return expression.substring(2, expression.length() - 2);
    }

    /**
     * The template with every expression replaced by its result.
     *
     * @param states {@code $states}
     * @param field for the message: Arguments, Output, …
     * @throws StateFailure States.QueryEvaluationError
     */
    JsonNode evaluate(JsonNode template, JsonNode states, Map<String, JsonNode> variables, String field) {
        return evaluate(template, new Scope(states, plain(states), variables), field);
    }

    private JsonNode evaluate(JsonNode template, Scope scope, String field) {
        if (template.isObject()) {
            var result = Json.object();
            for (var member : template.properties()) {
                result.set(member.getKey(), evaluate(member.getValue(), scope, field + "/" + member.getKey()));
            }
            return result;
        }
        if (template.isArray()) {
            var result = Json.array();
            for (var element : template) result.add(evaluate(element, scope, field));
            return result;
        }
        if (!template.isTextual() || !isExpression(template.asText())) return template;
        var expression = inner(template.asText());
        var now = clock.instant();
        try {
            var result = evaluate(expression, scope, now, field);
            tell(expression, scope, now, Optional.of(result));
            return result;
        } catch (StateFailure failed) {
            tell(expression, scope, now, Optional.empty());
            throw failed;
        }
    }

    private void tell(String expression, Scope scope, Instant now, Optional<JsonNode> result) {
        if (listeners.isEmpty()) return;
        var evaluation = new Evaluation(expression, scope.states(), scope.variables(), TIMESTAMP.format(now), result);
        listeners.forEach(listener -> listener.accept(evaluation));
    }

    private JsonNode evaluate(String expression, Scope scope, Instant now, String field) {
        try {
            var result = evaluate(expression, scope, now, MAXIMUM_DEPTH);
            if (result == null && !isNull(expression, scope, now)) {
                throw failure(expression, field, "returned nothing (undefined).");
            }
            if (result != null && result.getClass().getName().startsWith("com.dashjoin.jsonata.Parser")) {
                throw failure(expression, field, "returned a function, not a JSON value.");
            }
            return json(result);
        } catch (JException failed) {
            throw failure(expression, field, "threw an error during evaluation" + why(failed));
        } catch (StackOverflowError | IllegalArgumentException | ClassCastException failed) {
            throw failure(expression, field, "threw an error during evaluation: " + failed.getMessage());
        }
    }

    /** As AWS shows it: with the code of the reference implementation, if that has one. */
    private static String why(JException failed) {
        var code = failed.getError();
        return code != null && code.matches("[A-Z][0-9]{4}")
                ? ". " + code + ": " + failed.getMessage()
                : ": " + failed.getMessage().replaceFirst("^JSonataException ", "");
    }

    /** The library answers Java's null for JSON's null and for no result; {@code $exists} tells them apart. */
    private boolean isNull(String expression, Scope scope, Instant now) {
        return Boolean.TRUE.equals(evaluate("$exists((" + expression + "))", scope, now, MAXIMUM_DEPTH + EXISTS_DEPTH));
    }

    private static StateFailure failure(String expression, String field, String what) {
        return new StateFailure(
                "States.QueryEvaluationError",
                "The JSONata expression '" + expression.strip() + "' specified for the field '" + field + "' " + what);
    }

    /** Each time with an evaluator of its own: the library's keeps the bindings of an earlier evaluation. */
    private Object evaluate(String expression, Scope scope, Instant now, int maximumDepth) {
        var evaluator = Jsonata.jsonata(expression);
        var frame = evaluator.createFrame();
        frame.setRuntimeBounds(MAXIMUM_MILLISECONDS, maximumDepth);
        bind(frame, scope, now);
        return evaluator.evaluate(null, frame);
    }

    private void bind(Jsonata.Frame frame, Scope scope, Instant now) {
        // The library takes Java's null for a variable that is not there.
        scope.variables()
                .forEach((name, value) -> frame.bind(name, value.isNull() ? Jsonata.NULL_VALUE : plain(value)));
        frame.bind("states", scope.plainStates());
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
