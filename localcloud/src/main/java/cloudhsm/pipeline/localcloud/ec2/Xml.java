package cloudhsm.pipeline.localcloud.ec2;

import java.util.function.Consumer;

/** Writes the XML of an EC2 answer. */
final class Xml {
    private final StringBuilder text = new StringBuilder();

    /** An element with elements in it. */
    void element(String name, Runnable content) {
        text.append('<').append(name).append('>');
        content.run();
        text.append("</").append(name).append('>');
    }

    void text(String name, String value) {
        text.append('<').append(name).append('>');
        value.chars().forEach(c -> {
            switch (c) {
                case '&' -> text.append("&amp;");
                case '<' -> text.append("&lt;");
                case '>' -> text.append("&gt;");
                case '"' -> text.append("&quot;");
                default -> text.append((char) c);
            }
        });
        text.append("</").append(name).append('>');
    }

    /** A list as EC2 writes it: one {@code item} for each. */
    <T> void items(String name, Iterable<T> values, Consumer<T> item) {
        element(name, () -> values.forEach(value -> element("item", () -> item.accept(value))));
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
