package cloudhsm.pipeline.localcloud.lambda;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.api.client.EventHandlerLoader;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * The jars of the managed Java runtime, found on the embedded AWS's own class path. The interfaces that functions
 * implement are loaded once; the runtime itself once per function, because it keeps the function's environment in
 * static fields.
 */
final class LambdaRuntimeJars {
    private LambdaRuntimeJars() {}

    /** Interfaces shared by runtime and functions. */
    static List<URL> interfaces() {
        return List.of(jarOf(Context.class));
    }

    /** The runtime interface client and its JSON. */
    static List<URL> runtime() {
        return List.of(
                jarOf(EventHandlerLoader.class),
                jarOf(PojoSerializer.class),
                jarOf(software.amazon.awssdk.utilslite.SdkInternalThreadLocal.class));
    }

    /**
     * The runtime client's native library for this machine. The managed runtime names its own copy in the same
     * property; left to itself, each process unpacks it to one file in /tmp, under the feet of the others.
     */
    static Path nativeLibrary() {
        return NativeLibrary.UNPACKED;
    }

    private static final class NativeLibrary {
        private static final Path UNPACKED = unpack();

        private static Path unpack() {
            var arm = System.getProperty("os.arch").equals("aarch64");
            var musl = Files.exists(Path.of("/lib/ld-musl-" + (arm ? "aarch64" : "x86_64") + ".so.1"));
            var name = "libaws-lambda-jni.linux" + (musl ? "_musl" : "") + (arm ? "-aarch_64" : "-x86_64") + ".so";
            try (var library = EventHandlerLoader.class.getResourceAsStream("/jni/" + name)) {
                var file = Files.createTempFile("libaws-lambda-jni", ".so");
                file.toFile().deleteOnExit();
                Files.copy(library, file, StandardCopyOption.REPLACE_EXISTING);
                return file;
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
        }
    }

    private static URL jarOf(Class<?> type) {
        return type.getProtectionDomain().getCodeSource().getLocation();
    }
}
