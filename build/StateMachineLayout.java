import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.List;

/**
 * Lays a state machine out so that a screen shows several states: what fits on a line stands on one, lists of words and
 * the plain members of an object fill theirs, and a state, a list of states and a comment always have lines of their own.
 */
final class StateMachineLayout {
    private static final int WIDTH = 120;
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final StringBuilder text = new StringBuilder();

    private StateMachineLayout() {}

    /** The same JSON, laid out. */
    static String of(String definition) throws IOException {
        var layout = new StateMachineLayout();
        var read = JSON.readTree(definition);
        layout.write(read, 0, 0);
        var laidOut = layout.text.append('\n').toString();
        if (!JSON.readTree(laidOut).equals(read)) throw new IllegalStateException("Laid out, it says something else.");
        return laidOut;
    }

    /** Writes a value that {@code reserved} characters follow on its last line. */
    private void write(JsonNode value, int indent, int reserved) {
        var line = onOneLine(value);
        if (value.isValueNode()
                || value.isEmpty()
                || column() + line.length() + reserved <= WIDTH && !isLaidOut(value)) {
            text.append(line);
        } else if (value.isObject()) {
            block('{', '}', indent, members(value));
        } else {
            block('[', ']', indent, elements(value));
        }
    }

    /** A state, or what holds states: never on one line, so that its name is found at the left. */
    private static boolean isLaidOut(JsonNode value) {
        return value.has("Type")
                || value.has("States")
                || value.isObject()
                        && value.properties().stream()
                                .anyMatch(member -> member.getValue().has("Type"))
                || value.isArray() && value.valueStream().anyMatch(StateMachineLayout::isLaidOut);
    }

    private record Part(String name, JsonNode value) {
        /** May share its line with its neighbours. */
        boolean fills() {
            return value.isValueNode() && !name.equals("\"Comment\": ");
        }
    }

    private static List<Part> members(JsonNode object) {
        return object.properties().stream()
                .map(member -> new Part(quoted(member.getKey()) + ": ", member.getValue()))
                .toList();
    }

    private static List<Part> elements(JsonNode array) {
        return array.valueStream().map(element -> new Part("", element)).toList();
    }

    private void block(char open, char close, int indent, List<Part> parts) {
        text.append(open);
        var inner = indent + 2;
        Part before = null;
        for (var part : parts) {
            if (before != null) text.append(',');
            var comma = part == parts.getLast() ? 0 : 1;
            var shares = before != null && before.fills() && part.fills();
            var length = 1 + part.name().length() + onOneLine(part.value()).length() + comma;
            text.append(shares && column() + length <= WIDTH ? " " : "\n" + " ".repeat(inner));
            text.append(part.name());
            write(part.value(), inner, comma);
            before = part;
        }
        text.append('\n').append(" ".repeat(indent)).append(close);
    }

    private int column() {
        return text.length() - 1 - text.lastIndexOf("\n");
    }

    private static String onOneLine(JsonNode value) {
        if (value.isObject() && !value.isEmpty()) {
            return "{ " + joined(members(value)) + " }";
        }
        return value.isArray()
                ? "[" + joined(elements(value)) + "]"
                : value.isTextual() ? quoted(value.asText()) : value.toString();
    }

    private static String joined(List<Part> parts) {
        return String.join(
                ", ",
                parts.stream()
                        .map(part -> part.name() + onOneLine(part.value()))
                        .toList());
    }

    private static String quoted(String word) {
        return JSON.getNodeFactory().textNode(word).toString();
    }
}
