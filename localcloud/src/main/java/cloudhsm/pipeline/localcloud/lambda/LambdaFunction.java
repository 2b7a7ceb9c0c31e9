package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.lambda.LambdaService.FunctionConfiguration;
import cloudhsm.pipeline.localcloud.lambda.LambdaService.InvocationResult;
import cloudhsm.pipeline.localcloud.logs.LogsService;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** One function: its configuration, who may invoke it, and its execution environments. */
final class LambdaFunction {
    /**
     * How long an invocation may take on the real clock. Simulated time stands still meanwhile, so the configured
     * timeout cannot be measured; this catches a function that never returns.
     */
    private static final Duration REAL_LIMIT = Duration.ofSeconds(60);

    /** After so long without an invocation Lambda deletes a version's snapshot [LAM:snapstart]. */
    private static final Duration IDLE = Duration.ofDays(14);

    /** Until there is another: as long as an initialization may take [LAM:snapstart-runtime-hooks-java]. */
    // Assumed: new-snapshot
    private static final Duration NEW_SNAPSHOT = Duration.ofMinutes(15);

    private final FunctionConfiguration configuration;
    private final Map<String, String> otherVariables = new ConcurrentHashMap<>();
    private final String arn;
    private final Artifact artifact;
    private final Account account;
    private final LogsService logs;
    private final ClassLoader interfaces;
    private final Identity identity;
    private final Instant created;
    private final Map<String, ObjectNode> permissions = new LinkedHashMap<>();
    private final Deque<Idle> idle = new ArrayDeque<>();
    private final List<Run> running = new ArrayList<>();
    private boolean failsNext;

    /** Of a function that starts from a snapshot: when its version was last invoked, and when its snapshot is ready. */
    private Optional<Instant> lastInvoked = Optional.empty();

    private Instant snapshotReady = Instant.EPOCH;

    private Optional<String> alias = Optional.empty();

    /** An environment that waits for its next invocation, as Lambda keeps them warm. */
    private record Idle(ExecutionEnvironment environment, Identity session, Map<String, String> variables) {}

    LambdaFunction(
            FunctionConfiguration configuration,
            Artifact artifact,
            Account account,
            LogsService logs,
            ClassLoader interfaces) {
        this.configuration = configuration;
        this.arn = account.arn("lambda", "function:" + configuration.functionName());
        this.artifact = artifact;
        this.account = account;
        this.logs = logs;
        this.interfaces = interfaces;
        identity = account.iam().session(configuration.role(), configuration.functionName());
        this.created = account.time().now();
    }

    void set(String variable, String value) {
        otherVariables.put(variable, value);
    }

    FunctionConfiguration configuration() {
        return configuration;
    }

    String arn() {
        return arn;
    }

    Artifact artifact() {
        return artifact;
    }

    Instant created() {
        return created;
    }

    /** A session of the function's role for what Lambda does in its name, and for a process of its own. */
    Identity identity() {
        return identity;
    }

    /** Another session of the role for a process of its own; nobody can sign with the one before any longer. */
    Identity anotherSession(Identity before) {
        return account.time().locked(() -> {
            if (!before.equals(identity)) account.iam().endSession(before);
            return account.iam().session(configuration.role(), configuration.functionName());
        });
    }

    /** Statements of the function's policy, by statement id. */
    Map<String, ObjectNode> permissions() {
        return permissions;
    }

    /** The next invocation dies before the handler runs. */
    void failNext() {
        failsNext = true;
    }

    /** From now on what invokes the function by its alias starts from a snapshot, which was just made. */
    void startFromSnapshot(String publishedAs) {
        alias = Optional.of(publishedAs);
        lastInvoked = Optional.of(account.time().now());
    }

    /** Of the version that starts from a snapshot. */
    boolean isPublishedAs(String name) {
        return alias.filter(name::equals).isPresent();
    }

    /** Of that version, as Lambda describes it; it does not notice by itself that the snapshot is gone. */
    String versionState() {
        var now = account.time().now();
        if (now.isBefore(snapshotReady)) return "Pending";
        return lastInvoked.filter(last -> now.isAfter(last.plus(IDLE))).isPresent() ? "Inactive" : "Active";
    }

    /** Whether {@link #startFromSnapshot} was called. */
    boolean startsFromSnapshot() {
        return account.time().locked(lastInvoked::isPresent);
    }

    /**
     * What an invocation of the version is answered while it has no snapshot; empty where it may run.
     *
     * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html">Function states</a>
     */
    Optional<InvocationResult> notReady() {
        return account.time().locked(() -> {
            if (lastInvoked.isEmpty()) return Optional.empty();
            var now = account.time().now();
            if (now.isBefore(snapshotReady)) {
                return Optional.of(failure("ResourceConflictException", "The function is Pending: " + arn));
            }
            if (now.isAfter(lastInvoked.get().plus(IDLE))) {
                snapshotReady = now.plus(NEW_SNAPSHOT);
                lastInvoked = Optional.of(snapshotReady);
                return Optional.of(failure(
                        "SnapStartNotReadyException", "Lambda is initializing your function. It will be ready soon."));
            }
            lastInvoked = Optional.of(now);
            return Optional.empty();
        });
    }

    /** Runs the handler. The caller must not hold the lock: the function calls back over HTTP. */
    InvocationResult invoke(byte[] payload, URI endpoint) {
        var requestId = UUID.randomUUID().toString();
        if (account.time().locked(this::failsNow)) {
            return failure("Runtime.ExitError", "RequestId: " + requestId + " Error: Runtime exited");
        }
        var warm = account.time().locked(idle::poll);
        var session = warm == null ? newSession() : warm.session();
        var variables = warm == null ? environmentVariables(session, endpoint) : warm.variables();
        var run = new Run(requestId, payload, warm, session, variables);
        var thread = Thread.ofPlatform()
                .name("lambda-" + configuration.functionName())
                .daemon()
                .unstarted(run);
        return run.on(thread);
    }

    private boolean failsNow() {
        var fails = failsNext;
        failsNext = false;
        return fails;
    }

    private Identity newSession() {
        return account.time()
                .locked(() -> account.iam()
                        .session(
                                configuration.role(),
                                configuration.functionName(),
                                account.time().clock()));
    }

    /** The invocation with these credentials, if there is one, ends now. The caller holds the lock. */
    void kill(Identity caller) {
        running.stream().filter(run -> run.session.equals(caller)).toList().forEach(Run::kill);
    }

    private final class Run implements Runnable {
        private final String requestId;
        private final byte[] payload;
        private final Identity session;
        private final Map<String, String> variables;
        private final CompletableFuture<InvocationResult> end = new CompletableFuture<>();
        private ExecutionEnvironment environment;

        private Run(String requestId, byte[] payload, Idle warm, Identity session, Map<String, String> variables) {
            this.requestId = requestId;
            this.payload = payload;
            this.environment = warm == null ? null : warm.environment();
            this.session = session;
            this.variables = variables;
        }

        /** Runs on the thread until the handler returns, the function is killed, or the real limit has passed. */
        InvocationResult on(Thread thread) {
            account.time().locked(() -> running.add(this));
            thread.start();
            try {
                return end.get(REAL_LIMIT.toSeconds(), TimeUnit.SECONDS);
            } catch (TimeoutException stuck) {
                var seconds = configuration.timeout().toSeconds();
                return failure(
                        "Sandbox.Timedout",
                        "RequestId: " + requestId + " Error: Task timed out after " + seconds + ".00 seconds");
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                return failure("Runtime.ExitError", "RequestId: " + requestId + " Error: the embedded AWS is closing");
            } catch (ExecutionException impossible) {
                throw new IllegalStateException(impossible);
            } finally {
                account.time().locked(() -> running.remove(this));
                if (thread.isAlive()) thread.interrupt();
            }
        }

        /** What the process does after this has no effect: its credentials are void and nobody reads its answer. */
        void kill() {
            account.iam().endSession(session);
            end.complete(failure(
                    "Runtime.ExitError",
                    "RequestId: " + requestId + " Error: Runtime exited with error: signal: killed"));
        }

        @Override
        public void run() {
            var invocation = new Invocation(variables, account.time().clock(), this::log);
            invocation.enter();
            try {
                if (environment == null) {
                    environment = ExecutionEnvironment.initialize(artifact, configuration.handler(), interfaces);
                }
                invocation.log("START RequestId: " + requestId + " Version: $LATEST");
                var deadline = Instant.now().plus(configuration.timeout()).toEpochMilli();
                var answer = environment.invoke(requestId, arn, deadline, payload);
                invocation.endLine();
                if (answer.failed())
                    invocation.log(new String(answer.payload(), java.nio.charset.StandardCharsets.UTF_8));
                invocation.log("END RequestId: " + requestId);
                account.time().locked(() -> end(answer));
            } catch (ReflectiveOperationException | RuntimeException | Error defect) {
                end.complete(failure("Runtime.ExitError", "The Lambda runtime could not run the handler: " + defect));
            }
        }

        private void log(String message) {
            if (!end.isDone()) writeLog(variables, message);
        }

        private void end(ExecutionEnvironment.Answer answer) {
            var ended = end.complete(new InvocationResult(answer.payload(), answer.failed() ? "Unhandled" : ""));
            if (ended) idle.push(new Idle(environment, session, variables));
        }
    }

    private void writeLog(Map<String, String> variables, String message) {
        account.time()
                .locked(() ->
                        logs.write(configuration.logGroup(), variables.get("AWS_LAMBDA_LOG_STREAM_NAME"), message));
    }

    private static InvocationResult failure(String type, String message) {
        return new InvocationResult(
                Json.bytes(Json.object().put("errorType", type).put("errorMessage", message)), "Unhandled");
    }

    /**
     * The environment of one execution environment: the template's variables and those that Lambda defines, plus
     * {@code AWS_ENDPOINT_URL}, the SDK's own setting, which leads to the embedded AWS.
     *
     * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html">Lambda environment
     *     variables</a>
     */
    Map<String, String> environmentVariables(Identity session, URI endpoint) {
        return account.time().locked(() -> {
            var variables = new LinkedHashMap<>(configuration.environment());
            variables.putAll(otherVariables);
            var day = DateTimeFormatter.ofPattern("yyyy/MM/dd").withZone(ZoneOffset.UTC);
            variables.put("AWS_REGION", account.region());
            variables.put("AWS_DEFAULT_REGION", account.region());
            variables.put("AWS_ACCESS_KEY_ID", session.accessKeyId());
            variables.put("AWS_SECRET_ACCESS_KEY", session.secretAccessKey());
            variables.put("AWS_SESSION_TOKEN", "embedded-aws");
            variables.put("AWS_LAMBDA_FUNCTION_NAME", configuration.functionName());
            variables.put("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
            variables.put("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", String.valueOf(configuration.memorySize()));
            variables.put("AWS_LAMBDA_LOG_GROUP_NAME", configuration.logGroup());
            variables.put(
                    "AWS_LAMBDA_LOG_STREAM_NAME", day.format(account.time().now()) + "/[$LATEST]" + account.hex(32));
            variables.put("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
            variables.put("AWS_EXECUTION_ENV", "AWS_Lambda_" + configuration.runtime());
            variables.put("_HANDLER", configuration.handler());
            variables.put("LAMBDA_TASK_ROOT", artifact.directory().toString());
            variables.put("TZ", ":UTC");
            variables.put("AWS_ENDPOINT_URL", endpoint.toString());
            return variables;
        });
    }

    void close() {
        idle.forEach(warm -> warm.environment().close());
        idle.clear();
    }
}
