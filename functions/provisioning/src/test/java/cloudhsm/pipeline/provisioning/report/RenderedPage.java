package cloudhsm.pipeline.provisioning.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;

/** A page as a browser gets it, and what must hold for every one. */
public record RenderedPage(String html) {
    private static final Path CHROMIUM = Path.of("/usr/bin/chromium");

    /** Well-formed, nothing that a browser would fetch or run. */
    public Document requireSelfContained() {
        var document = parsed();
        var elements = document.getElementsByTagName("*");
        for (int i = 0; i < elements.getLength(); i++) {
            var element = (Element) elements.item(i);
            assertFalse(
                    List.of("script", "img", "iframe", "object", "embed", "form", "base", "a", "link")
                            .contains(element.getTagName()),
                    () -> "the page needs nothing but itself: " + element.getTagName());
            for (var attribute : List.of("src", "href", "srcset", "data", "action", "onload", "onerror", "onclick")) {
                assertFalse(element.hasAttribute(attribute), () -> element.getTagName() + " has " + attribute);
            }
        }
        assertFalse(Pattern.compile("https?:|url\\(|@import").matcher(html).find(), "an address in the page");
        assertTrue(html.contains("default-src 'none'"), "the browser is told to fetch nothing");
        return document;
    }

    private Document parsed() {
        try {
            return DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(new InputSource(new StringReader(html)));
        } catch (ParserConfigurationException | SAXException | IOException malformed) {
            throw new AssertionError("not well-formed: " + malformed.getMessage() + "\n" + html, malformed);
        }
    }

    /**
     * Has Chromium lay the page out in a frame of that width, and looks for whatever sticks out of it. Without Chromium
     * it says so and checks nothing.
     *
     * @param pixels as wide as a telephone or a window is
     */
    public void requireNothingSticksOut(int pixels, Path directory) throws IOException, InterruptedException {
        if (!Files.isExecutable(CHROMIUM)) {
            System.out.println("Chromium is not installed: the layout of the page is not checked.");
            return;
        }
        var frame = directory.resolve("frame.html");
        Files.writeString(frame, measuring(pixels));
        var chromium = new ProcessBuilder(
                        CHROMIUM.toString(),
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-quic",
                        "--no-first-run",
                        "--disable-background-networking",
                        "--disable-component-update",
                        "--disable-sync",
                        "--user-data-dir=" + directory.resolve("profile"),
                        "--dump-dom",
                        frame.toUri().toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        var dom = new String(chromium.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        chromium.waitFor();
        var measured = Pattern.compile("<title>(.*?)</title>", Pattern.DOTALL).matcher(dom);
        assertTrue(measured.find(), () -> "Chromium has measured nothing: " + dom);
        assertEquals("fits", measured.group(1), () -> "at " + pixels + " pixels");
    }

    /** The frame may measure what is in it, because its content has this document's origin. */
    private String measuring(int pixels) {
        var content = Base64.getEncoder().encodeToString(html.getBytes(StandardCharsets.UTF_8));
        return """
            <!DOCTYPE html><title>not measured</title><iframe style="width:%1$dpx;height:9000px;border:0"></iframe>
            <script>
            const frame = document.querySelector('iframe');
            frame.onload = () => {
              const inside = frame.contentDocument;
              const out = [...inside.querySelectorAll('body *')]
                  .filter(element => element.getBoundingClientRect().right > %1$d + 0.5)
                  .map(element => element.tagName + '.' + element.className + ' ' + element.textContent.slice(0, 40));
              if (inside.querySelectorAll('section').length < 3) out.push('the page was not there');
              if (inside.documentElement.scrollWidth > %1$d) out.push('scrolls to ' + inside.documentElement.scrollWidth);
              document.title = out.length ? out.join('; ') : 'fits';
            };
            frame.srcdoc = new TextDecoder().decode(Uint8Array.from(atob('%2$s'), c => c.charCodeAt(0)));
            </script>
            """.formatted(pixels, content);
    }
}
