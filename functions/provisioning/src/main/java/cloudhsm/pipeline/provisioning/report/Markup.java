package cloudhsm.pipeline.provisioning.report;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A piece of HTML that is XML as well. Text gets into it escaped and in no other way: {@link #text} is the only door for
 * what comes from outside the code.
 *
 * @param html well-formed, nothing left to escape
 */
public record Markup(String html) {
    /** Nothing at all. */
    public static final Markup NONE = new Markup("");

    /** The text as a reader shall see it, whatever it is made of; characters that XML forbids are shown as U+FFFD. */
    public static Markup text(String text) {
        return new Markup(text.codePoints().mapToObj(Markup::escaped).collect(Collectors.joining()));
    }

    /**
     * One element.
     *
     * @param cssClass names from page.css, or "" for none
     */
    public static Markup element(String name, String cssClass, Markup... content) {
        var attribute = cssClass.isEmpty() ? "" : " class=\"" + cssClass + "\"";
        return new Markup("<" + name + attribute + ">" + all(Stream.of(content)).html() + "</" + name + ">");
    }

    /** One element that holds nothing but that text. */
    public static Markup element(String name, String cssClass, String text) {
        return element(name, cssClass, text(text));
    }

    /**
     * An empty element that lies across a track.
     *
     * @param left where it begins, per cent of the track
     * @param width per cent of the track
     */
    static Markup across(String cssClass, double left, double width) {
        return new Markup(String.format(
                Locale.ROOT, "<i class=\"%s\" style=\"left:%.2f%%;width:%.2f%%\"></i>", cssClass, left, width));
    }

    /** One after the other. */
    public static Markup all(Stream<Markup> pieces) {
        return new Markup(pieces.map(Markup::html).collect(Collectors.joining()));
    }

    /** A list of sentences. */
    public static Markup list(List<String> sentences) {
        return element("ul", "", all(sentences.stream().map(sentence -> element("li", "", sentence))));
    }

    private static String escaped(int character) {
        return switch (character) {
            case '&' -> "&amp;";
            case '<' -> "&lt;";
            case '>' -> "&gt;";
            case '"' -> "&quot;";
            case '\'' -> "&#39;";
            case '\n', '\t' -> " ";
            default -> isShown(character) ? Character.toString(character) : "\uFFFD";
        };
    }

    /** Neither a control character nor one that turns the direction of what follows, nor half of a pair. */
    private static boolean isShown(int character) {
        return switch (Character.getType(character)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.UNASSIGNED -> false;
            default -> true;
        };
    }
}
