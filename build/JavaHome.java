import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes down where the toolchain's JDK is, so that ./run-local starts the one that Maven chose. */
public final class JavaHome {
    public static void main(String[] args) throws IOException {
        Files.writeString(Path.of(args[0]), System.getProperty("java.home"));
    }
}
