package cloudhsm.pipeline.localcloud.dynamodb;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** The tokens of one expression, and the names and values it may use. */
final class ExpressionTokens {
    private static final Pattern TOKEN =
            Pattern.compile("\\s*([A-Za-z_][A-Za-z0-9_-]*|[#:][A-Za-z0-9_]+|\\d+|<>|<=|>=|[<>=(),.\\[\\]+-])\\s*");

    /** Names that need a placeholder in expressions [DDB:ReservedWords]. */
    private static final Set<String> RESERVED = reserved();

    /** ExpressionAttributeNames and -Values of one request; remembers which were used. */
    static final class Substitutions {
        private final JsonNode names;
        private final JsonNode values;
        private final Set<String> used = new HashSet<>();

        Substitutions(JsonNode input) {
            names = input.path("ExpressionAttributeNames");
            values = input.path("ExpressionAttributeValues");
            values.forEach(AttributeValues::check);
        }

        /** @throws AwsException ValidationException if a name or value was given and never used */
        void requireAllUsed() {
            requireAllUsed(names, "ExpressionAttributeNames");
            requireAllUsed(values, "ExpressionAttributeValues");
        }

        private void requireAllUsed(JsonNode given, String member) {
            var unused = new TreeSet<String>();
            given.fieldNames().forEachRemaining(unused::add);
            unused.removeAll(used);
            if (unused.isEmpty()) return;
            throw AttributeValues.invalid("Value provided in " + member + " unused in expressions: keys: {"
                    + String.join(", ", unused) + "}");
        }
    }

    private final String kind;
    private final Substitutions substitutions;
    private final List<String> tokens = new ArrayList<>();
    private int position;

    /** @param kind for messages: {@code ConditionExpression}, {@code UpdateExpression}, … */
    ExpressionTokens(String kind, String expression, Substitutions substitutions) {
        this.kind = kind;
        this.substitutions = substitutions;
        if (expression.isBlank()) throw invalid("The expression can not be empty;");
        var matcher = TOKEN.matcher(expression);
        var end = 0;
        while (end < expression.length()) {
            if (!matcher.find(end) || matcher.start() != end) {
                throw invalid("Syntax error; token: \"" + expression.charAt(end) + "\"");
            }
            tokens.add(matcher.group(1));
            end = matcher.end();
        }
    }

    AwsException invalid(String why) {
        return AttributeValues.invalid("Invalid " + kind + ": " + why);
    }

    AwsException unexpected() {
        return invalid("Syntax error; token: \"" + peek() + "\"");
    }

    /** The next token, or {@code <EOF>}. */
    String peek() {
        return position < tokens.size() ? tokens.get(position) : "<EOF>";
    }

    boolean ended() {
        return position == tokens.size();
    }

    String next() {
        if (ended()) throw unexpected();
        return tokens.get(position++);
    }

    boolean accept(String token) {
        if (!peek().equalsIgnoreCase(token)) return false;
        position++;
        return true;
    }

    void expect(String token) {
        if (!accept(token)) throw unexpected();
    }

    boolean acceptFunction(String name) {
        if (!peek().equals(name)
                || position + 1 >= tokens.size()
                || !tokens.get(position + 1).equals("(")) {
            return false;
        }
        position += 2;
        return true;
    }

    boolean atValue() {
        return peek().startsWith(":");
    }

    JsonNode value() {
        var name = next();
        var value = substitutions.values.path(name);
        if (value.isMissingNode()) {
            throw invalid("An expression attribute value used in expression is not defined; attribute value: " + name);
        }
        substitutions.used.add(name);
        return value;
    }

    DocumentPath path() {
        var steps = new ArrayList<Object>();
        steps.add(name());
        while (true) {
            if (accept(".")) {
                steps.add(name());
            } else if (accept("[")) {
                if (!peek().matches("\\d{1,9}")) throw unexpected();
                steps.add(Integer.valueOf(next()));
                expect("]");
            } else {
                return new DocumentPath(steps);
            }
        }
    }

    private String name() {
        var name = peek();
        if (name.startsWith("#")) {
            var real = substitutions.names.path(next());
            if (real.isMissingNode()) {
                throw invalid("An expression attribute name used in the document path is not defined; attribute name: "
                        + name);
            }
            substitutions.used.add(name);
            return real.asText();
        }
        if (!name.matches("[A-Za-z][A-Za-z0-9_]*")) throw unexpected();
        if (RESERVED.contains(name.toUpperCase(Locale.ROOT))) {
            throw invalid("Attribute name is a reserved keyword; reserved keyword: " + name);
        }
        return next();
    }

    private static Set<String> reserved() {
        try (var words = ExpressionTokens.class.getResourceAsStream("reserved-words.txt")) {
            return Set.copyOf(new String(words.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .toList());
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
