package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.cli.LocalDeployment;
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

    /** Each kind of lambda and method reference, captured value and conversion. */
    private static final Map<String, String> SAMPLE =
            Map.of("sample/Sample.java", """
                package sample;

                import java.util.*;
                import java.util.function.*;

                public class Sample extends Base implements Supplier<String> {
                    private final String name = "sample";
                    private long counted;

                    private Sample(String ignored) { }

                    public Sample() { }

                    private String hidden(String of) { return name + "'s own " + of; }

                    private static String twice(Object text) { return text + "" + text; }

                    static long wide(long value) { return value + 1; }

                    static Integer boxed(Object any) { return 7; }

                    long count(String text) { return counted += text.length(); }

                    public String get() {
                        StringBuilder out = new StringBuilder();
                        byte b = 1; short s = 2; char c = 'c'; boolean t = true; float f = 1.5f; double d = 2.5; long l = 4; int i = 3;
                        Supplier<String> captured = () -> b + "," + s + "," + c + "," + t + "," + f + "," + d + "," + l + "," + i + name;
                        out.append(captured.get()).append('\\n');
                        BiFunction<Long, Double, String> both = (x, y) -> l + x + d + y + name;
                        out.append(both.apply(5L, 6.5)).append('\\n');
                        Function<String, String> own = this::hidden;
                        Function<Object, String> statically = Sample::twice;
                        Function<String, Sample> made = Sample::new;
                        IntFunction<int[]> array = int[]::new;
                        Function<Integer, Long> widened = Sample::wide;
                        ToLongFunction<Object> unboxed = Sample::boxed;
                        ToDoubleFunction<Integer> toDouble = Integer::intValue;
                        Supplier<Object> boxing = name::length;
                        Consumer<String> dropped = this::count;
                        BiConsumer<List<String>, String> dropsBoolean = List::add;
                        Function<CharSequence, Integer> throughInterface = CharSequence::length;
                        Comparator<String> order = Comparator.comparing(String::length);
                        IntBinaryOperator sum = (x, y) -> x + y;
                        LongFunction<String> longs = value -> "long " + value + d;
                        ObjIntConsumer<StringBuilder> appends = (to, value) -> to.append(value);
                        Supplier<Supplier<String>> nested = () -> () -> name + i;
                        Supplier<String> inherited = super::told;
                        Supplier<String> fromInterface = Spoken.of(name);
                        List<String> list = new ArrayList<>(Arrays.asList("ccc", "a", "bb"));
                        dropsBoolean.accept(list, "dddd");
                        list.sort(order.reversed());
                        dropped.accept("four");
                        appends.accept(out, 9);
                        out.append(own.apply("x")).append(statically.apply(8)).append(made.apply("y").name).append(array.apply(3).length)
                                .append(widened.apply(41)).append(unboxed.applyAsLong("")).append(toDouble.applyAsDouble(2))
                                .append(boxing.get()).append(throughInterface.apply("abc")).append(list).append(counted)
                                .append(sum.applyAsInt(1, 2)).append(longs.apply(10L)).append(nested.get().get())
                                .append(inherited.get()).append(fromInterface.get()).append(told()).append(new Lower().both());
                        try {
                            @SuppressWarnings({"unchecked", "rawtypes"})
                            Object never = ((Function) own).apply(1);
                        } catch (ClassCastException refused) {
                            out.append(" refused");
                        }
                        return out.toString();
                    }

                    String told() { return "overridden"; }
                }

                class Base {
                    String told() { return "told"; }
                }

                interface Spoken {
                    static Supplier<String> of(String name) { return () -> quoted(name); }

                    static String quoted(String name) { return "<" + name + ">"; }

                    default Supplier<String> again(String name) { return () -> of(name).get() + this; }
                }

                /** The compiler gives its lambda's body the name that its subclass's has. */
                class Upper implements Spoken {
                    Supplier<String> first() { return () -> "upper " + say(); }

                    private String say() { return "U"; }

                    Supplier<String> said() { return this::say; }

                    public String toString() { return "upper"; }
                }

                class Lower extends Upper {
                    Supplier<String> second() { return () -> "lower " + say(); }

                    String say() { return "L"; }

                    String both() { return first().get() + second().get() + said().get() + again("again").get(); }
                }
                """, "sample/Serializable.java", """
                package sample;

                class Serializable {
                    Runnable run() { return (Runnable & java.io.Serializable) () -> { }; }
                }
                """, "sample/Broken.java", """
                package sample;

                class Broken {
                    java.util.function.Supplier<Object> any(boolean yes) { return () -> yes ? new Missing() : new Other(); }
                }

                class Missing extends Parent { }

                class Other extends Parent { }

                class Parent { }
                """);

    @TempDir
    private Path directory;

    private Path classes;

    @BeforeEach
    void compile() throws IOException {
        classes = compiled("8", SAMPLE);
    }

    @Test
    void everyKindOfLambdaDoesTheSameAsAClass() throws Exception {
        var original = jar(classes);
        var faster = faster(original);
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
        var newer =
                compiled("17", Map.of("newer/Newer.java", "package newer; class Newer { Runnable run = () -> { }; }"));
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

    private Path compiled(String release, Map<String, String> sources) throws IOException {
        var in = Files.createDirectories(directory.resolve("sources-" + release));
        var out = Files.createDirectories(directory.resolve("classes-" + release));
        var command = new ArrayList<>(List.of("-nowarn", "--release", release, "-d", out.toString()));
        for (var source : sources.entrySet()) {
            var file = in.resolve(source.getKey());
            Files.createDirectories(file.getParent());
            command.add(Files.writeString(file, source.getValue()).toString());
        }
        var messages = new ByteArrayOutputStream();
        var exit = ToolProvider.getSystemJavaCompiler().run(null, messages, messages, command.toArray(String[]::new));
        assertEquals(0, exit, () -> messages.toString(StandardCharsets.UTF_8));
        return out;
    }

    /** What the sample says, loaded from these classes. */
    private Object said(Map<String, byte[]> jar) throws Exception {
        var file = Files.createTempFile(directory, "sample", ".jar");
        Files.write(file, zipped(jar));
        try (var loader = new URLClassLoader(new URL[] {file.toUri().toURL()})) {
            var sample = (Supplier<?>)
                    loader.loadClass("sample.Sample").getConstructor().newInstance();
            return sample.get();
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
