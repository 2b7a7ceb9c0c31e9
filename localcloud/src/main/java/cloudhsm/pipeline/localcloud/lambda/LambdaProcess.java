package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.lambda.LambdaService.InvocationResult;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One execution environment in a JVM of its own, run by the real runtime client ({@code AWSLambda}, with its native
 * library) against a local Runtime API. Shows that an artifact starts as Lambda starts it, and what it costs.
 *
 * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html">Lambda runtime API</a>
 */
public final class LambdaProcess implements AutoCloseable {
    private static final String MAIN_CLASS = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda";
    private static final String NATIVE_LIBRARY_PROPERTY =
            "com.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI";
    private static final String API = "/2018-06-01/runtime/";
    private static final String CREDENTIALS = "/2021-04-23/credentials";

    /** With it the managed runtime leads org.crac, which functions use, to its own implementation. */
    private static final String HOOKS = "-Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac";

    /** How long one invocation may take on the real clock, the start of the process included. */
    private static final Duration REAL_LIMIT = Duration.ofMinutes(15);

    /** Of what the credentials' endpoint answers. */
    private static final Duration CREDENTIALS_LIFETIME = Duration.ofHours(6);

    /** How an execution environment comes to be. */
    public enum Start {
        /** The process is started for its first event. */
        ON_DEMAND,
        /**
         * From a snapshot (SnapStart): the function is initialised and its hooks are run, then the process is held until
         * the first event. It is the same process that goes on: nothing is really stored, and there is one copy.
         */
        FROM_SNAPSHOT,
        /** The same without the function's hooks, which AWS does not do: shows what they are good for. */
        FROM_SNAPSHOT_WITHOUT_HOOKS
    }

    private final LambdaFunction function;
    private final URI endpoint;
    private final Start start;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final Map<String, CompletableFuture<InvocationResult>> results = new ConcurrentHashMap<>();

    /** Ends with "" when the runtime client asks to be restored. */
    private final CompletableFuture<String> snapshot = new CompletableFuture<>();

    private final CountDownLatch restored = new CountDownLatch(1);
    private final String credentialsToken = UUID.randomUUID().toString();
    private volatile Identity session;
    private Optional<Process> process = Optional.empty();
    private Optional<Path> log = Optional.empty();
    private volatile String errorType = "";

    private record Event(String requestId, byte[] payload) {}

    LambdaProcess(LambdaFunction function, URI endpoint, Start start) {
        this.function = function;
        this.endpoint = endpoint;
        this.start = start;
        session = function.identity();
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 16);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        server.setExecutor(threads);
        server.createContext(API, this::serve);
        server.createContext(CREDENTIALS, this::credentials);
    }

    /**
     * Starts the process and returns when its snapshot would be taken, at once if it has been. What follows is restored
     * from it.
     *
     * @throws IllegalStateException where the initialisation or a hook failed, or where the start is on demand
     */
    public void takeSnapshot() {
        if (start == Start.ON_DEMAND) throw new IllegalStateException("The function starts on demand");
        if (process.isPresent()) return;
        try {
            session = function.anotherSession(session);
            var exited = start().onExit().thenApply(ended -> errorType.isEmpty() ? "Runtime.ExitError" : errorType);
            var failure =
                    snapshot.applyToEither(exited, either -> either).get(REAL_LIMIT.toSeconds(), TimeUnit.SECONDS);
            if (!failure.isEmpty()) throw new IllegalStateException("No snapshot: " + failure + ": " + log());
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (TimeoutException late) {
            throw new IllegalStateException("No snapshot: the initialisation takes too long", late);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("The embedded AWS is closing", interrupted);
        } catch (ExecutionException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Credentials that were read before the snapshot are void after it. */
    private void restore() {
        takeSnapshot();
        if (restored.getCount() == 0) return;
        session = function.anotherSession(session);
        restored.countDown();
    }

    /**
     * Runs one invocation; the first one starts or restores the process. One at a time, as in every execution
     * environment.
     *
     * @throws IllegalStateException as {@link #takeSnapshot} does
     */
    public InvocationResult invoke(byte[] payload) {
        if (start != Start.ON_DEMAND) restore();
        var requestId = UUID.randomUUID().toString();
        var result = new CompletableFuture<InvocationResult>();
        results.put(requestId, result);
        try {
            events.add(new Event(requestId, payload));
            var running = process.isPresent() ? process.get() : start();
            var exited = running.onExit().thenApply(ended -> exit(requestId, ended.exitValue()));
            return result.applyToEither(exited, answer -> answer).get(REAL_LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        } catch (TimeoutException late) {
            return failure(
                    "Sandbox.Timedout",
                    "Task timed out after " + function.configuration().timeout().toSeconds() + ".00 seconds");
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return failure("Runtime.ExitError", "the embedded AWS is closing");
        } catch (ExecutionException impossible) {
            throw new IllegalStateException(impossible);
        } finally {
            results.remove(requestId);
        }
    }

    /**
     * The type of the last error that the runtime client posted, as its header {@code
     * Lambda-Runtime-Function-Error-Type} says; empty before the first.
     */
    public String errorType() {
        return errorType;
    }

    /** What the process has written so far, its standard output and error; empty before it has started. */
    public String log() {
        try {
            return log.isPresent() ? Files.readString(log.get()) : "";
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** CPU time of the process so far, its start included; zero before the first invocation. */
    public Duration cpu() {
        return process.flatMap(running -> running.info().totalCpuDuration()).orElse(Duration.ZERO);
    }

    /**
     * The most memory that the process has held so far, in bytes; Linux only.
     *
     * @throws IllegalStateException before the first invocation and where there is no /proc
     */
    public long peakMemory() {
        var running = process.orElseThrow(() -> new IllegalStateException("The process has not started"));
        try (var status = Files.lines(Path.of("/proc", String.valueOf(running.pid()), "status"))) {
            return status.filter(line -> line.startsWith("VmHWM:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
                    .findFirst()
                    .orElseThrow(() -> new IllegalStateException("/proc does not show the peak memory"));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private Process start() throws IOException {
        var classPath = new ArrayList<String>();
        try {
            for (var jar : LambdaRuntimeJars.interfaces())
                classPath.add(Path.of(jar.toURI()).toString());
            for (var jar : LambdaRuntimeJars.runtime())
                classPath.add(Path.of(jar.toURI()).toString());
        } catch (URISyntaxException impossible) {
            throw new IllegalStateException(impossible);
        }
        var command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                // As Lambda starts functions on demand.
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-D" + NATIVE_LIBRARY_PROPERTY + "=" + LambdaRuntimeJars.nativeLibrary(),
                "-cp",
                String.join(File.pathSeparator, classPath),
                MAIN_CLASS,
                function.configuration().handler()));
        if (start != Start.FROM_SNAPSHOT_WITHOUT_HOOKS) command.add(1, HOOKS);
        server.start();
        var builder = new ProcessBuilder(command)
                .directory(function.artifact().directory().toFile());
        builder.environment().clear();
        builder.environment().putAll(function.environmentVariables(session, endpoint));
        if (start != Start.ON_DEMAND) readCredentialsFromEndpoint(builder.environment());
        // What Lambda's own surroundings set; the values are those of its image.
        builder.environment().put("LANG", "en_US.UTF-8");
        builder.environment().put("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin");
        builder.environment().put("LD_LIBRARY_PATH", "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/task:/opt/lib");
        builder.environment().put("LAMBDA_RUNTIME_DIR", "/var/runtime");
        builder.environment().put("AWS_LAMBDA_RUNTIME_API", address());
        builder.redirectErrorStream(true);
        var output = Files.createTempFile("lambda-", ".log");
        log = Optional.of(output);
        builder.redirectOutput(output.toFile());
        var started = builder.start();
        process = Optional.of(started);
        return started;
    }

    private String address() {
        return "127.0.0.1:" + server.getAddress().getPort();
    }

    /**
     * With SnapStart, credentials are not in the environment, which is part of the snapshot.
     *
     * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html">Activating SnapStart</a>
     */
    private void readCredentialsFromEndpoint(Map<String, String> environment) {
        environment.keySet().removeAll(Set.of("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"));
        environment.put("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start");
        environment.put("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://" + address() + CREDENTIALS);
        environment.put("AWS_CONTAINER_AUTHORIZATION_TOKEN", credentialsToken);
    }

    private void credentials(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (!credentialsToken.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
                exchange.sendResponseHeaders(403, -1);
                return;
            }
            var current = session;
            var answer = Json.bytes(Json.object()
                    .put("AccessKeyId", current.accessKeyId())
                    .put("SecretAccessKey", current.secretAccessKey())
                    .put("Token", "embedded-aws")
                    .put("Expiration", Instant.now().plus(CREDENTIALS_LIFETIME).toString()));
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
        }
    }

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            var path = exchange.getRequestURI().getPath().substring(API.length());
            var body = exchange.getRequestBody().readAllBytes();
            if (path.equals("invocation/next")) {
                next(exchange);
            } else if (path.startsWith("invocation/") && path.endsWith("/response")) {
                accept(exchange, requestId(path), new InvocationResult(body, ""));
            } else if (path.startsWith("invocation/") && path.endsWith("/error")) {
                errorType = errorType(exchange);
                accept(exchange, requestId(path), new InvocationResult(body, "Unhandled"));
            } else if (path.equals("init/error")) {
                errorType = errorType(exchange);
                snapshot.complete(errorType);
                results.values().forEach(result -> result.complete(new InvocationResult(body, "Unhandled")));
                exchange.sendResponseHeaders(202, -1);
            } else if (path.equals("restore/next")) {
                restoreNext(exchange);
            } else if (path.equals("restore/error")) {
                errorType = errorType(exchange);
                exchange.sendResponseHeaders(202, -1);
            } else {
                exchange.sendResponseHeaders(404, -1);
            }
        }
    }

    private static String errorType(HttpExchange exchange) {
        return Objects.requireNonNullElse(
                exchange.getRequestHeaders().getFirst("Lambda-Runtime-Function-Error-Type"), "");
    }

    private static String requestId(String path) {
        return path.split("/")[1];
    }

    /** The Runtime API holds the call until the snapshot is restored. */
    private void restoreNext(HttpExchange exchange) throws IOException {
        snapshot.complete("");
        try {
            restored.await();
        } catch (InterruptedException closing) {
            Thread.currentThread().interrupt();
            return;
        }
        exchange.sendResponseHeaders(200, -1);
    }

    /** The Runtime API holds the call until there is an event. */
    private void next(HttpExchange exchange) throws IOException {
        Event event;
        try {
            event = events.take();
        } catch (InterruptedException closing) {
            Thread.currentThread().interrupt();
            return;
        }
        var deadline = Instant.now().plus(function.configuration().timeout()).toEpochMilli();
        var headers = exchange.getResponseHeaders();
        headers.set("Lambda-Runtime-Aws-Request-Id", event.requestId());
        headers.set("Lambda-Runtime-Deadline-Ms", String.valueOf(deadline));
        headers.set("Lambda-Runtime-Invoked-Function-Arn", function.arn());
        headers.set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, event.payload().length == 0 ? -1 : event.payload().length);
        exchange.getResponseBody().write(event.payload());
    }

    private void accept(HttpExchange exchange, String requestId, InvocationResult answer) throws IOException {
        var result = results.get(requestId);
        exchange.sendResponseHeaders(result == null ? 404 : 202, -1);
        if (result != null) result.complete(answer);
    }

    private static InvocationResult exit(String requestId, int status) {
        return failure(
                "Runtime.ExitError",
                "RequestId: " + requestId + " Error: Runtime exited with error: exit status " + status);
    }

    private static InvocationResult failure(String type, String message) {
        return new InvocationResult(
                Json.bytes(Json.object().put("errorType", type).put("errorMessage", message)), "Unhandled");
    }

    @Override
    public void close() {
        process.ifPresent(Process::destroyForcibly);
        log.ifPresent(file -> file.toFile().delete());
        server.stop(0);
        threads.shutdownNow();
    }
}
