package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeModel;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What build/FasterStart.java makes of a zip does what the original does, without lambdas. */
class FasterStartTest {
    private static final Path ROOT = LocalDeployment.projectRoot();
    private static final Path SOURCES = ROOT.resolve("endtoend/src/test/resources/lambdas");

    @TempDir
    private Path directory;

    private Path classes;

    @BeforeEach
    void compile() throws IOException {
        classes = compiled("8");
    }

    @Test
    void everyKindOfLambdaDoesTheSameAsAClass() throws Exception {
        var original = jar(classes);
        var faster = faster(original);
        assertTrue(said(original).endsWith(" refused refused too"), "what the JVM does with a value of another type");
        assertEquals(said(original), said(faster));
        for (var name : List.of("sample/Sample", "sample/Upper", "sample/Lower", "sample/Spoken")) {
            assertTrue(lambdas(original.get(name + ".class")) > 0, name);
            assertEquals(0, lambdas(faster.get(name + ".class")), name);
        }
        assertTrue(faster.containsKey("sample/Sample$$Lambda0.class"), () -> "" + faster.keySet());
    }

    @Test
    void classesThatCannotBeChangedStayAsTheyAre() throws Exception {
        Files.delete(classes.resolve("sample/Missing.class"));
        var newer = compiled("17");
        var original = jar(classes);
        original.putAll(jar(newer));
        var faster = faster(original);
        for (var name : List.of("sample/Serializable", "sample/Broken", "sample/Parent", "newer/Newer"))
            assertArrayEquals(original.get(name + ".class"), faster.get(name + ".class"), name);
    }

    @Test
    void theSameZipGivesTheSameBytes() throws Exception {
        var first = zip(jar(classes), "first");
        var second = zip(jar(classes), "second");
        run(first);
        run(second);
        assertArrayEquals(Files.readAllBytes(first), Files.readAllBytes(second));
    }

    @Test
    void theDeployedFunctionHasNoLambdasOfTheSdkAndStoredJars() throws Exception {
        var artifact = ROOT.resolve("functions/reencryption/target/reencryption.zip");
        int sdk = 0;
        try (var zip = new ZipFile(artifact.toFile())) {
            for (var jar : zip.stream()
                    .filter(entry -> entry.getName().endsWith(".jar"))
                    .toList()) {
                try (var in = new ZipInputStream(zip.getInputStream(jar))) {
                    for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                        assertEquals(ZipEntry.STORED, entry.getMethod(), entry.getName());
                        if (!entry.getName().matches("software/amazon/awssdk/services/s3/model/.*\\.class")) continue;
                        sdk++;
                        assertEquals(0, lambdas(in.readAllBytes()), entry.getName());
                    }
                }
            }
        }
        assertTrue(sdk > 500, "the model of S3 has " + sdk + " classes");
    }

    /** Runs build/FasterStart.java on the zip. */
    static void run(Path zip) throws IOException, InterruptedException {
        var exit = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        ROOT.resolve("build/FasterStart.java").toString(),
                        zip.toString())
                .inheritIO()
                .start()
                .waitFor();
        assertEquals(0, exit, "build/FasterStart.java must accept " + zip);
    }

    private Map<String, byte[]> faster(Map<String, byte[]> jar) throws IOException, InterruptedException {
        var zip = zip(jar, "faster");
        run(zip);
        try (var in = new ZipFile(zip.toFile())) {
            return entries(in.getInputStream(in.getEntry("lib/sample.jar")).readAllBytes());
        }
    }

    /** A Lambda zip with the jar in it. */
    private Path zip(Map<String, byte[]> jar, String name) throws IOException {
        var zip = directory.resolve(name + ".zip");
        Files.write(zip, zipped(Map.of("lib/sample.jar", zipped(jar))));
        return zip;
    }

    private static byte[] zipped(Map<String, byte[]> entries) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var out = new ZipOutputStream(bytes)) {
            for (var entry : entries.entrySet()) {
                var header = new ZipEntry(entry.getKey());
                header.setTime(0);
                out.putNextEntry(header);
                out.write(entry.getValue());
            }
        }
        return bytes.toByteArray();
    }

    private static Map<String, byte[]> entries(byte[] jar) throws IOException {
        var entries = new TreeMap<String, byte[]>();
        try (var in = new ZipInputStream(new ByteArrayInputStream(jar))) {
            for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry())
                entries.put(entry.getName(), in.readAllBytes());
        }
        return entries;
    }

    private static Map<String, byte[]> jar(Path classes) throws IOException {
        var jar = new TreeMap<String, byte[]>();
        try (var files = Files.walk(classes)) {
            for (var file : files.filter(Files::isRegularFile).toList())
                jar.put(classes.relativize(file).toString(), Files.readAllBytes(file));
        }
        return jar;
    }

    /** The sources for this version of Java, compiled for it. */
    private Path compiled(String release) throws IOException {
        var out = Files.createDirectories(directory.resolve("classes-" + release));
        var command = new ArrayList<>(List.of("-nowarn", "--release", release, "-d", out.toString()));
        try (var sources = Files.walk(SOURCES.resolve(release))) {
            sources.filter(Files::isRegularFile).map(Path::toString).forEach(command::add);
        }
        var messages = new ByteArrayOutputStream();
        var exit = ToolProvider.getSystemJavaCompiler().run(null, messages, messages, command.toArray(String[]::new));
        assertEquals(0, exit, () -> messages.toString(StandardCharsets.UTF_8));
        return out;
    }

    /** What the sample says, loaded from these classes. */
    private String said(Map<String, byte[]> jar) throws Exception {
        var file = Files.createTempFile(directory, "sample", ".jar");
        Files.write(file, zipped(jar));
        try (var loader = new URLClassLoader(new URL[] {file.toUri().toURL()})) {
            var sample = (Supplier<?>)
                    loader.loadClass("sample.Sample").getConstructor().newInstance();
            return (String) sample.get();
        }
    }

    private static long lambdas(byte[] content) {
        return ClassFile.of().parse(content).methods().stream()
                .flatMap(method -> method.code().stream())
                .flatMap(CodeModel::elementStream)
                .filter(InvokeDynamicInstruction.class::isInstance)
                .count();
    }
}
