package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.http.Json;
import cloudhsm.pipeline.localcloud.lambda.LambdaService.InvocationResult;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One function in a JVM of its own, run by the real runtime client ({@code AWSLambda}, with its native library) against
 * a local Runtime API. Shows that an artifact starts as Lambda starts it; serves one invocation.
 *
 * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html">Lambda runtime API</a>
 */
final class LambdaProcess implements AutoCloseable {
    private static final String MAIN_CLASS = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda";
    private static final String API = "/2018-06-01/runtime/";

    /** How long the process may take on the real clock, its start included. */
    private static final Duration REAL_LIMIT = Duration.ofSeconds(60);

    private final LambdaFunction function;
    private final URI endpoint;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final CompletableFuture<InvocationResult> result = new CompletableFuture<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final String requestId = UUID.randomUUID().toString();
    private byte[] payload = new byte[0];
    private boolean taken;

    LambdaProcess(LambdaFunction function, URI endpoint) {
        this.function = function;
        this.endpoint = endpoint;
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 16);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        server.setExecutor(threads);
        server.createContext(API, this::serve);
    }

    InvocationResult invoke(byte[] event) {
        payload = event;
        server.start();
        Process process = null;
        try {
            process = start();
            var exited = process.onExit().thenApply(ended -> exit(ended.exitValue()));
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
            if (process != null) process.destroyForcibly();
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
        var command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-cp",
                String.join(File.pathSeparator, classPath),
                MAIN_CLASS,
                function.configuration().handler());
        var builder = new ProcessBuilder(command)
                .directory(function.artifact().directory().toFile());
        builder.environment().clear();
        builder.environment().putAll(function.environmentVariables(function.identity(), endpoint));
        builder.environment()
                .put(
                        "AWS_LAMBDA_RUNTIME_API",
                        "127.0.0.1:" + server.getAddress().getPort());
        builder.redirectErrorStream(true);
        builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
        return builder.start();
    }

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            var path = exchange.getRequestURI().getPath().substring(API.length());
            var body = exchange.getRequestBody().readAllBytes();
            if (path.equals("invocation/next")) {
                next(exchange);
            } else if (path.equals("invocation/" + requestId + "/response")) {
                accept(exchange, new InvocationResult(body, ""));
            } else if (path.equals("invocation/" + requestId + "/error") || path.equals("init/error")) {
                accept(exchange, new InvocationResult(body, "Unhandled"));
            } else {
                exchange.sendResponseHeaders(404, -1);
            }
        }
    }

    private void next(HttpExchange exchange) throws IOException {
        boolean first;
        synchronized (this) {
            first = !taken;
            taken = true;
        }
        if (!first) {
            // The Runtime API holds the call until there is an event; this process gets only one.
            try {
                closed.await();
            } catch (InterruptedException closing) {
                Thread.currentThread().interrupt();
            }
            return;
        }
        var deadline = Instant.now().plus(function.configuration().timeout()).toEpochMilli();
        var headers = exchange.getResponseHeaders();
        headers.set("Lambda-Runtime-Aws-Request-Id", requestId);
        headers.set("Lambda-Runtime-Deadline-Ms", String.valueOf(deadline));
        headers.set("Lambda-Runtime-Invoked-Function-Arn", function.arn());
        headers.set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, payload.length == 0 ? -1 : payload.length);
        exchange.getResponseBody().write(payload);
    }

    private void accept(HttpExchange exchange, InvocationResult answer) throws IOException {
        exchange.sendResponseHeaders(202, -1);
        result.complete(answer);
    }

    private InvocationResult exit(int status) {
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
        closed.countDown();
        server.stop(0);
        threads.shutdownNow();
    }
}
