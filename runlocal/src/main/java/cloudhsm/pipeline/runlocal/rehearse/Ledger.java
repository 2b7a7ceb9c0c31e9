package cloudhsm.pipeline.runlocal.rehearse;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The file that says what a rehearsal makes, each thing before AWS is asked for it, so that a rehearsal that was killed
 * leaves nothing that the next one does not find. One JSON object a line; empty where nothing is left. It is locked while
 * it is open, and only its owner may read it: whoever writes it says what is deleted.
 */
public final class Ledger implements AutoCloseable {
    private static final String BEGIN = "{\"rehearsal\":";

    private final Path file;
    private final FileChannel channel;
    private Optional<Made> made;

    private Ledger(Path file, FileChannel channel) throws IOException {
        this.file = file;
        this.channel = channel;
        made = read();
    }

    /**
     * Opens the file, or makes it.
     *
     * @throws IllegalStateException where a rehearsal has it open, or it is no such file; the message is a sentence
     * @throws IOException where it cannot be read or written
     */
    public static Ledger open(Path file) throws IOException {
        var posix = file.getFileSystem().supportedFileAttributeViews().contains("posix");
        var ownersOnly = posix
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
                }
                : new FileAttribute<?>[0];
        var channel = FileChannel.open(
                file, Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE), ownersOnly);
        try {
            if (channel.tryLock() == null) throw new OverlappingFileLockException();
            if (Files.exists(file)) return new Ledger(file, channel);
        } catch (OverlappingFileLockException running) {
            channel.close();
            throw new IllegalStateException(
                    "a rehearsal is running that writes down in " + file
                            + " what it makes; wait for its end, or give another file with --record",
                    running);
        } catch (IllegalStateException | IOException unreadable) {
            channel.close();
            throw unreadable;
        }
        // A rehearsal that has just ended took it away between the two.
        channel.close();
        return open(file);
    }

    private Optional<Made> read() throws IOException {
        var text = Files.readString(file);
        if (text.isEmpty()) return Optional.empty();
        // A line without its end was not yet written when AWS would have been asked for what it names.
        var lines = text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
        if (lines.isEmpty() && BEGIN.startsWith(text.substring(0, Math.min(text.length(), BEGIN.length())))) {
            return Optional.empty();
        }
        try {
            var begun = Json.parse(lines.isEmpty() ? "" : lines.getFirst()).path("rehearsal");
            var keys = new EnumMap<RehearsalKey, Optional<String>>(RehearsalKey.class);
            for (var line : lines.subList(1, lines.size())) {
                var entry = Json.parse(line);
                keys.put(
                        RehearsalKey.valueOf(text(entry, "key")),
                        Optional.ofNullable(entry.path("arn").textValue()));
            }
            return Optional.of(new Made(
                    text(begun, "account"),
                    text(begun, "region"),
                    text(begun, "stack"),
                    text(begun, "id"),
                    text(begun, "bucket"),
                    keys));
        } catch (AwsException | IllegalArgumentException | IndexOutOfBoundsException foreign) {
            throw new IllegalStateException(
                    file + " was not written by a rehearsal, so it is left as it is; give another file with --record",
                    foreign);
        }
    }

    private static String text(JsonNode entry, String member) {
        var text = entry.path(member).textValue();
        if (text == null) throw new IllegalArgumentException("no " + member);
        return text;
    }

    /** Where it is. */
    Path file() {
        return file;
    }

    /** What is written down as made. */
    Optional<Made> made() {
        return made;
    }

    /** Where a former rehearsal has left something; empty where none has. */
    public Optional<String> region() {
        return made.map(Made::region);
    }

    /** Before anything is made. */
    void begin(Made begun) {
        if (made.isPresent())
            throw new IllegalStateException(
                    file + " has what is left of " + made.get().stack());
        var members = Json.object()
                .put("account", begun.account())
                .put("region", begun.region())
                .put("stack", begun.stack())
                .put("id", begun.id())
                .put("bucket", begun.bucket());
        write(Json.object().set("rehearsal", members));
        made = Optional.of(begun);
    }

    /** Before the key is made. */
    void creating(RehearsalKey key) {
        write(Json.object().put("key", key.name()));
        note(key, Optional.empty());
    }

    /** Once AWS has told the key's ARN. */
    void created(RehearsalKey key, String arn) {
        write(Json.object().put("key", key.name()).put("arn", arn));
        note(key, Optional.of(arn));
    }

    private void note(RehearsalKey key, Optional<String> arn) {
        var before = made.orElseThrow();
        Map<RehearsalKey, Optional<String>> keys = new EnumMap<>(RehearsalKey.class);
        keys.putAll(before.keys());
        keys.put(key, arn);
        made = Optional.of(
                new Made(before.account(), before.region(), before.stack(), before.id(), before.bucket(), keys));
    }

    /** Nothing is left. */
    void end() {
        try {
            channel.truncate(0);
            channel.force(true);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        made = Optional.empty();
    }

    private void write(JsonNode entry) {
        try {
            if (made.isEmpty()) channel.truncate(0); // half a line
            channel.position(channel.size());
            var line = ByteBuffer.wrap((entry + "\n").getBytes(StandardCharsets.UTF_8));
            while (line.hasRemaining()) channel.write(line);
            channel.force(true);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** The file goes where nothing is left. */
    @Override
    public void close() throws IOException {
        if (made.isEmpty()) Files.deleteIfExists(file);
        channel.close();
    }
}
