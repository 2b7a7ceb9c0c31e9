import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * Stores what is in the jars of a Lambda zip uncompressed: {@code java StoreJars.java <zip>}. The function then starts
 * without inflating its classes, and the zip, which still compresses the jars as wholes, becomes smaller. Entries keep
 * their order and times, so that the same build gives the same bytes.
 */
public final class StoreJars {
    private StoreJars() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 1) {
            System.err.println("Usage: java StoreJars.java <zip>");
            System.exit(2);
        }
        var zip = Path.of(arguments[0]);
        Files.write(zip, withStoredJars(Files.readAllBytes(zip)));
    }

    private static byte[] withStoredJars(byte[] zip) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var in = new ZipInputStream(new ByteArrayInputStream(zip));
                var out = new ZipOutputStream(bytes)) {
            for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                var content = in.readAllBytes();
                out.putNextEntry(sameTime(entry));
                out.write(entry.getName().endsWith(".jar") ? stored(content) : content);
            }
        }
        return bytes.toByteArray();
    }

    private static byte[] stored(byte[] jar) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var in = new ZipInputStream(new ByteArrayInputStream(jar));
                var out = new ZipOutputStream(bytes)) {
            out.setMethod(ZipOutputStream.STORED);
            for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                var content = in.readAllBytes();
                var stored = sameTime(entry);
                stored.setSize(content.length);
                stored.setCrc(crc(content));
                out.putNextEntry(stored);
                out.write(content);
            }
        }
        return bytes.toByteArray();
    }

    private static ZipEntry sameTime(ZipEntry entry) {
        var copy = new ZipEntry(entry.getName());
        copy.setTimeLocal(entry.getTimeLocal());
        return copy;
    }

    private static long crc(byte[] content) {
        var crc = new CRC32();
        crc.update(content);
        return crc.getValue();
    }
}
