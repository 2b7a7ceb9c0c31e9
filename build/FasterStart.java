import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * Lets the function in a Lambda zip start faster: {@code java FasterStart.java <zip>}. Lambdas of the jars in it become
 * ordinary classes, see {@link DesugaredLambdas}, and what is in the jars is stored uncompressed, so that a start
 * inflates nothing; the zip, which still compresses the jars as wholes, becomes smaller. Entries keep their order and
 * times, so that the same build gives the same bytes.
 */
public final class FasterStart {
    private FasterStart() {}

    private record Entry(String name, LocalDateTime time, byte[] content) {
        private boolean isJar() {
            return name.endsWith(".jar");
        }
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 1) {
            System.err.println("Usage: java FasterStart.java <zip>");
            System.exit(2);
        }
        var zip = Path.of(arguments[0]);
        Files.write(zip, faster(Files.readAllBytes(zip)));
    }

    private static byte[] faster(byte[] zip) throws IOException {
        var entries = entries(zip);
        var lambdas = new DesugaredLambdas();
        for (var entry : entries) {
            if (!entry.isJar()) continue;
            for (var inJar : entries(entry.content())) lambdas.know(inJar.name(), inJar.content());
        }
        var faster = new ArrayList<Entry>();
        for (var entry : entries) {
            faster.add(entry.isJar() ? new Entry(entry.name(), entry.time(), jar(entry.content(), lambdas)) : entry);
        }
        return zip(faster, ZipOutputStream.DEFLATED);
    }

    private static byte[] jar(byte[] jar, DesugaredLambdas lambdas) throws IOException {
        var entries = new ArrayList<Entry>();
        for (var entry : entries(jar)) {
            lambdas.desugared(entry.name(), entry.content())
                    .forEach((name, content) -> entries.add(new Entry(name, entry.time(), content)));
        }
        return zip(entries, ZipOutputStream.STORED);
    }

    private static List<Entry> entries(byte[] zip) throws IOException {
        var entries = new ArrayList<Entry>();
        try (var in = new ZipInputStream(new ByteArrayInputStream(zip))) {
            for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry())
                entries.add(new Entry(entry.getName(), entry.getTimeLocal(), in.readAllBytes()));
        }
        return entries;
    }

    private static byte[] zip(List<Entry> entries, int method) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var out = new ZipOutputStream(bytes)) {
            out.setMethod(method);
            for (var entry : entries) {
                var copy = new ZipEntry(entry.name());
                copy.setTimeLocal(entry.time());
                if (method == ZipOutputStream.STORED) {
                    copy.setSize(entry.content().length);
                    copy.setCrc(crc(entry.content()));
                }
                out.putNextEntry(copy);
                out.write(entry.content());
            }
        }
        return bytes.toByteArray();
    }

    private static long crc(byte[] content) {
        var crc = new CRC32();
        crc.update(content);
        return crc.getValue();
    }
}
