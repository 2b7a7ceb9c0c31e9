package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A file that a command will write: refused before the command runs where that cannot work. */
final class OutputFile implements ITypeConverter<Path> {
    @Override
    public Path convert(String text) {
        if (text.isBlank()) throw new TypeConversionException("a file's name is needed, not an empty one");
        var file = Path.of(text).toAbsolutePath();
        if (file.getParent() == null || !Files.isDirectory(file.getParent())) {
            throw new TypeConversionException("there is no directory for " + text);
        }
        if (Files.isDirectory(file)) throw new TypeConversionException(text + " is a directory");
        if (!isWritable(file)) throw new TypeConversionException(text + " cannot be written");
        return file;
    }

    /** Writes it as JSON that a person can read. */
    static void writeJson(Path file, Object content) throws IOException {
        var mapper = Json.MAPPER.copy().enable(SerializationFeature.INDENT_OUTPUT);
        Files.writeString(file, mapper.writeValueAsString(content) + System.lineSeparator());
    }

    /** Tried out, because the right to write in a directory, as root has it everywhere, makes no file in /proc. */
    private static boolean isWritable(Path file) {
        if (Files.exists(file)) return Files.isWritable(file);
        try {
            Files.delete(Files.createTempFile(file.getParent(), ".run-local", ""));
            return true;
        } catch (IOException refused) {
            return false;
        }
    }
}
