package cloudhsm.pipeline.localcloud.lambda;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Map;
import java.util.function.Consumer;

/**
 * What a function sees of its surroundings while it runs in this JVM. Calls of {@code System.getenv}, {@code
 * System.out} and {@code Clock.systemUTC} in a function's classes are redirected to the members of the same names here
 * (see {@link Redirection}), which answer for the invocation that the calling thread belongs to.
 *
 * <p>Threads that a function starts, virtual ones too, inherit its invocation. A thread of a pool that outlives the
 * invocation keeps the one that started it.
 */
public final class Invocation {
    /** Where redirected {@code System.out} writes: to the log of the current invocation. */
    public static final PrintStream out = new PrintStream(new CurrentLog(), true, StandardCharsets.UTF_8);

    /** As {@link #out}; Lambda keeps both in one log stream. */
    public static final PrintStream err = out;

    private static final InheritableThreadLocal<Invocation> CURRENT = new InheritableThreadLocal<>();

    private final Map<String, String> environment;
    private final Clock clock;
    private final Consumer<String> log;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

    /** @param log receives each line of output */
    Invocation(Map<String, String> environment, Clock clock, Consumer<String> log) {
        this.environment = Map.copyOf(environment);
        this.clock = clock;
        this.log = log;
    }

    /** From now on the calling thread, and those it starts, belong to this invocation. */
    void enter() {
        CURRENT.set(this);
    }

    /** One event of the log of the calling thread's invocation, as the Lambda logger writes it. */
    static void logHere(String message) {
        var current = CURRENT.get();
        if (current != null) current.log(message);
    }

    /** One event of the function's log, as the Lambda logger writes it. */
    void log(String message) {
        log.accept(message.stripTrailing());
    }

    private synchronized void write(byte[] bytes, int offset, int length) {
        for (int i = offset; i < offset + length; i++) {
            if (bytes[i] == '\n') endLine();
            else line.write(bytes[i]);
        }
    }

    /** Logs what was written without a line end. */
    synchronized void endLine() {
        if (line.size() == 0) return;
        log(line.toString(StandardCharsets.UTF_8));
        line.reset();
    }

    /** Stands in for {@link System#getenv(String)}. */
    public static String getenv(String name) {
        return getenv().get(name);
    }

    /** Stands in for {@link System#getenv()}; empty outside an invocation, never this JVM's own environment. */
    public static Map<String, String> getenv() {
        var current = CURRENT.get();
        return current == null ? Map.of() : current.environment;
    }

    /** Stands in for {@link Clock#systemUTC()}: the embedded AWS's time. */
    public static Clock systemUTC() {
        var current = CURRENT.get();
        return current == null ? Clock.systemUTC() : current.clock;
    }

    private static final class CurrentLog extends OutputStream {
        @Override
        public void write(int oneByte) {
            write(new byte[] {(byte) oneByte}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            var current = CURRENT.get();
            if (current == null) System.out.write(bytes, offset, length);
            else current.write(bytes, offset, length);
        }
    }
}
