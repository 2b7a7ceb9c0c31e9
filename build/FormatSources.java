import com.palantir.javaformat.java.Formatter;
import com.palantir.javaformat.java.FormatterException;
import com.palantir.javaformat.java.JavaFormatterOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Holds every Java source of the project to palantir-java-format, and every state machine to {@link StateMachineLayout}:
 * {@code check} fails with the list of files that differ, {@code write} mends them. Run by Maven from the project's root,
 * on the toolchain's JDK.
 */
public final class FormatSources {
    /** Its time is when everything was formatted last; without it everything is looked at. */
    private static final Path CHECKED = Path.of("target", "formatted");

    public static void main(String[] args) throws IOException {
        var write = args[0].equals("write");
        var formatter = Formatter.createFormatter(JavaFormatterOptions.builder()
                .style(JavaFormatterOptions.Style.PALANTIR)
                .formatJavadoc(false)
                .build());
        var differing = sources().parallelStream()
                .filter(source -> isChanged(source) && differs(formatter, source, write))
                .toList();
        if (write || differing.isEmpty()) {
            Files.createDirectories(CHECKED.getParent());
            Files.writeString(CHECKED, "");
            System.out.printf(
                    "Java sources and state machines: %d %s%n", differing.size(), write ? "rewritten" : "to format");
            return;
        }
        System.err.println("Not formatted; run `mvn validate exec:exec@format --non-recursive`:");
        differing.forEach(source -> System.err.println("  " + source));
        System.exit(1);
    }

    /** Since everything was found formatted, by the versions that pom.xml names. */
    private static boolean isChanged(Path source) {
        return !isOlder(source) || !isOlder(Path.of("pom.xml"));
    }

    private static boolean isOlder(Path file) {
        try {
            return Files.exists(CHECKED)
                    && Files.getLastModifiedTime(file).compareTo(Files.getLastModifiedTime(CHECKED)) < 0;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static boolean differs(Formatter formatter, Path source, boolean write) {
        try {
            var text = Files.readString(source);
            var formatted = source.toString().endsWith(".java")
                    ? formatted(formatter, source, text)
                    : StateMachineLayout.of(text);
            if (formatted.equals(text)) return false;
            if (write) Files.writeString(source, formatted);
            return true;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static String formatted(Formatter formatter, Path source, String text) {
        try {
            return formatter.formatSourceAndFixImports(text);
        } catch (FormatterException unreadable) {
            throw new IllegalStateException(source + ": " + unreadable.getMessage(), unreadable);
        }
    }

    private static List<Path> sources() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("."))) {
            return files.filter(file ->
                            file.toString().endsWith(".java") || file.toString().endsWith(".asl.json"))
                    .filter(file -> !file.toString().contains("/target/"))
                    .sorted()
                    .toList();
        }
    }
}
