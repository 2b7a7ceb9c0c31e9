package cloudhsm.pipeline.provisioning.report;

import static cloudhsm.pipeline.provisioning.report.Markup.all;
import static cloudhsm.pipeline.provisioning.report.Markup.element;
import static cloudhsm.pipeline.provisioning.report.Markup.text;

import cloudhsm.pipeline.provisioning.stage.Settled;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * One self-contained HTML page: no script, nothing fetched, and a policy that forbids both to the browser, so that a name
 * that came through as markup could not do anything. Serif-free, light and dark, narrow and on paper: {@code page.css}.
 */
public final class Page {
    private Page() {}

    /**
     * The whole document.
     *
     * @param title of the window and the print-out
     * @param content of the body
     */
    public static String of(String title, Stream<Markup> content) {
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width, initial-scale=1" />
            <meta name="color-scheme" content="light dark" />
            <meta name="referrer" content="no-referrer" />
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
            <title>%s</title>
            <style>
            %s</style>
            </head>
            <body>
            <main>
            %s
            </main>
            </body>
            </html>
            """.formatted(text(title).html(), style(), all(content).html());
    }

    /** A heading and what belongs to it. */
    public static Markup section(String heading, Markup... content) {
        return element("section", "", element("h2", "", heading), all(Stream.of(content)));
    }

    /** The section with what an execution has found out; nothing where that is nothing. */
    public static Markup settled(List<Settled> settled) {
        if (settled.isEmpty()) return Markup.NONE;
        var questions = settled.stream().map(one -> fact(one.question(), text(one.answer())));
        return section(
                "What this run settled",
                element("p", "", "Questions of docs/limits.md that AWS has answered on the way."),
                element("dl", "facts", all(questions)));
    }

    /** A name and its value, for a {@code dl}. */
    public static Markup fact(String name, Markup value) {
        return element("div", "", element("dt", "", name), element("dd", "", value));
    }

    /** An identifier, in a typeface that tells 0 from O. */
    public static Markup code(String identifier) {
        return element("code", "", identifier);
    }

    /** One of the few figures that are read first. */
    public static Markup tile(String name, String value, String note) {
        return element(
                "div",
                "tile",
                element("span", "name", name),
                element("strong", "", value),
                element("span", "note", note));
    }

    private static String style() {
        try (var css = Page.class.getResourceAsStream("page.css")) {
            return new String(Objects.requireNonNull(css, "page.css").readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }
}
