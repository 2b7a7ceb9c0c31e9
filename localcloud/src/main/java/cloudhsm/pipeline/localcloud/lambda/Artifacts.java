package cloudhsm.pipeline.localcloud.lambda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;

/**
 * The unpacked artifacts of this JVM. They outlive the account that first needed them, as AWS keeps code longer than
 * one execution environment: loading the AWS SDK takes longer than everything else in a run.
 */
final class Artifacts {
    /** The interfaces that the runtime and all functions share. */
    static final FunctionClassLoader INTERFACES = new FunctionClassLoader(
            "lambda-interfaces", LambdaRuntimeJars.interfaces(), ClassLoader.getPlatformClassLoader());

    private record Build(Path zip, FileTime builtAt) {}

    private static final Map<Build, Artifact> UNPACKED = new HashMap<>();

    private Artifacts() {}

    /** @throws IllegalArgumentException where the zip is missing or an entry leads out of its directory */
    static synchronized Artifact of(Path zip) {
        try {
            if (!Files.isRegularFile(zip)) {
                throw new IllegalArgumentException("There is no artifact at " + zip + "; build it first: mvn package");
            }
            return UNPACKED.computeIfAbsent(
                    new Build(zip.toRealPath(), Files.getLastModifiedTime(zip)),
                    build -> Artifact.unpack(zip, directory(), INTERFACES));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static Path directory() {
        try {
            var directory = Files.createTempDirectory("localcloud-lambda-");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory)));
            return directory;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static void delete(Path directory) {
        try (var files = Files.walk(directory)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) Files.deleteIfExists(file);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
