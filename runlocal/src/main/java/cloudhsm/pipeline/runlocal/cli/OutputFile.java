package cloudhsm.pipeline.runlocal.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A file that a command will write: refused before the command runs where that cannot work. */
final class OutputFile implements ITypeConverter<Path> {
    @Override
    public Path convert(String text) {
        var file = Path.of(text).toAbsolutePath();
        if (file.getParent() == null || !Files.isDirectory(file.getParent())) {
            throw new TypeConversionException("there is no directory for " + text);
        }
        if (Files.isDirectory(file)) throw new TypeConversionException(text + " is a directory");
        if (!Files.isWritable(Files.exists(file) ? file : file.getParent())) {
            throw new TypeConversionException(text + " cannot be written");
        }
        return file;
    }
}
