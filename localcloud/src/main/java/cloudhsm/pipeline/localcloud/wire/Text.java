package cloudhsm.pipeline.localcloud.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.math.BigDecimal;

/** Values that travel as text: parameters, headers, XML. */
final class Text {
    private Text() {}

    /** The value as its shape says; text that is no such value stays text, which the shape then refuses. */
    static JsonNode value(Shape shape, String text) {
        try {
            return switch (shape.type()) {
                case "boolean" ->
                    text.equals("true") || text.equals("false")
                            ? BooleanNode.valueOf(text.equals("true"))
                            : TextNode.valueOf(text);
                case "integer", "long" -> LongNode.valueOf(Long.parseLong(text.strip()));
                case "double", "float" -> DecimalNode.valueOf(new BigDecimal(text.strip()));
                default -> TextNode.valueOf(text);
            };
        } catch (NumberFormatException noNumber) {
            return TextNode.valueOf(text);
        }
    }
}
