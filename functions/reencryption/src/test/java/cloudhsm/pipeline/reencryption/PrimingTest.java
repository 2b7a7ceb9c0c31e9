package cloudhsm.pipeline.reencryption;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

@Isolated("the proxy selector is the JVM's")
class PrimingTest {
    /** Asked by the JVM before each connection. */
    private static final class Connections extends ProxySelector {
        private final Set<String> asked = new TreeSet<>();

        @Override
        public List<Proxy> select(URI uri) {
            asked.add(uri.toString());
            return List.of(Proxy.NO_PROXY);
        }

        @Override
        public void connectFailed(URI uri, SocketAddress address, IOException failure) {
            // Heard of proxies only.
        }
    }

    @Test
    void nothingIsAskedButAPortOfThisMachineThatRefuses() {
        var before = ProxySelector.getDefault();
        var connections = new Connections();
        ProxySelector.setDefault(connections);
        try {
            new Priming().beforeCheckpoint(null);
        } finally {
            ProxySelector.setDefault(before);
        }
        assertEquals(
                Set.of(
                        "socket://127.0.0.1:1", // each connection asks once more
                        "https://127.0.0.1:1/", // both operations of the queue
                        "https://127.0.0.1:1/priming?encryption", // GetBucketEncryption
                        "https://127.0.0.1:1/priming/priming", // HeadObject, CopyObject
                        "https://127.0.0.1:1/priming/priming?encryption"), // UpdateObjectEncryption
                connections.asked);
    }

    @Test
    void noPartFails() {
        var log = new ArrayList<String>();
        new Priming(Priming.PARTS, log::add).beforeCheckpoint(null);
        assertEquals(List.of(), log, "each part came as far as the refused connection");
    }

    @Test
    void aClassThatIsMissingEndsNeitherTheOtherPartsNorTheSnapshot() {
        var log = new ArrayList<String>();
        var ran = new ArrayList<String>();
        Runnable missing = () -> {
            throw new NoClassDefFoundError("software/amazon/Missing");
        };
        Runnable failing = () -> {
            throw new IllegalStateException("unexpected");
        };
        new Priming(List.of(missing, failing, () -> ran.add("last")), log::add).beforeCheckpoint(null);
        assertEquals(List.of("last"), ran);
        assertEquals(
                List.of(
                        "{\"outcome\":\"NOT_PRIMED\",\"reason\":\"java.lang.NoClassDefFoundError:"
                                + " software/amazon/Missing\"}",
                        "{\"outcome\":\"NOT_PRIMED\",\"reason\":\"java.lang.IllegalStateException: unexpected\"}"),
                log);
    }

    @Test
    void noThreadIsLeftInTheSnapshot() {
        new Priming().beforeCheckpoint(null);
        var before = threads();
        new Priming().beforeCheckpoint(null);
        var left = threads();
        left.removeAll(before);
        assertEquals(Set.of(), left);
    }

    private static Set<Thread> threads() {
        return new HashSet<>(Thread.getAllStackTraces().keySet());
    }

    /** Copies of a snapshot share their seeds; AWS says that SecureRandom's they do not. */
    @Test
    void theFunctionsOwnClassesDrawFromSecureRandomOnly() throws IOException {
        var secure = false;
        var offenders = new ArrayList<String>();
        try (var files = Files.walk(Path.of("target/classes/cloudhsm"))) {
            for (var file :
                    files.filter(each -> each.toString().endsWith(".class")).toList()) {
                var names = Files.readString(file, StandardCharsets.ISO_8859_1);
                secure |= names.contains("java/security/SecureRandom");
                for (var shared : List.of("java/util/Random", "ThreadLocalRandom", "SplittableRandom")) {
                    if (names.contains(shared)) offenders.add(file.getFileName() + " uses " + shared);
                }
            }
        }
        assertEquals(List.of(), offenders);
        assertTrue(secure, "the delays of messages");
    }
}
