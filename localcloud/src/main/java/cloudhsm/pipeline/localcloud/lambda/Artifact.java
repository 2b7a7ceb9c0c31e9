package cloudhsm.pipeline.localcloud.lambda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.zip.ZipInputStream;

/**
 * A built zip, unpacked as Lambda does: classes at its root, jars in {@code lib/}. All functions of one zip share its
 * loaded classes, so that the AWS SDK is loaded once; what a class keeps in static fields is therefore shared too.
 *
 * @param size of the zip, in bytes
 * @param sha256 of the zip, in base64, as GetFunction shows it
 * @param directory the unpacked zip: the functions' {@code LAMBDA_TASK_ROOT}
 */
record Artifact(Path zip, long size, String sha256, Path directory, FunctionClassLoader classes) {

    /** @throws IllegalArgumentException where an entry leads out of the directory */
    static Artifact unpack(Path zip, Path directory, ClassLoader interfaces) {
        try {
            var bytes = Files.readAllBytes(zip);
            try (var in = new ZipInputStream(Files.newInputStream(zip))) {
                for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                    var target = directory.resolve(entry.getName()).normalize();
                    if (!target.startsWith(directory)) {
                        throw new IllegalArgumentException(
                                "The artifact " + zip + " has an entry outside it: " + entry.getName());
                    }
                    if (entry.isDirectory()) {
                        Files.createDirectories(target);
                    } else {
                        Files.createDirectories(target.getParent());
                        Files.copy(in, target);
                    }
                }
            }
            var sha256 = Base64.getEncoder()
                    .encodeToString(MessageDigest.getInstance("SHA-256").digest(bytes));
            var classes = new FunctionClassLoader(zip.getFileName().toString(), classPath(directory), interfaces);
            return new Artifact(zip, bytes.length, sha256, directory, classes);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static List<URL> classPath(Path directory) throws IOException {
        var urls = new ArrayList<URL>();
        urls.add(url(directory));
        for (var jar : jars(directory)) urls.add(url(jar));
        return urls;
    }

    /** The jars of {@code lib/}, in the order of their names, as the runtime puts them on the class path. */
    static List<Path> jars(Path directory) throws IOException {
        var lib = directory.resolve("lib");
        if (!Files.isDirectory(lib)) return List.of();
        try (var files = Files.list(lib)) {
            return files.filter(file -> file.toString().endsWith(".jar"))
                    .sorted()
                    .toList();
        }
    }

    private static URL url(Path path) throws MalformedURLException {
        return path.toUri().toURL();
    }
}
