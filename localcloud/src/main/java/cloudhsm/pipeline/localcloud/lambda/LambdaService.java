package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.account.Quotas;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.Role;
import cloudhsm.pipeline.localcloud.logs.LogsService;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.Service;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * AWS Lambda: runs the built artifacts in this JVM through the Lambda runtime's own loader, each function under its
 * role and with its own environment. Functions are made by the stack; the HTTP API invokes and describes them.
 */
public final class LambdaService implements Service {
    /** Waits before the second and the third attempt of an asynchronous invocation [LAM:invocation-async-error-handling]. */
    private static final List<Duration> RETRIES = List.of(Duration.ofMinutes(1), Duration.ofMinutes(2));

    /** An asynchronous event that is throttled comes back after a second, then later and later, for six hours. */
    private static final Duration LONGEST_BACKOFF = Duration.ofMinutes(5);

    private static final Duration MAXIMUM_EVENT_AGE = Duration.ofHours(6);

    private final Account account;
    private final SqsService sqs;
    private final LogsService logs;
    private final Supplier<URI> endpoint;
    private final LambdaApi api;
    private final Concurrency concurrency;
    private final Map<String, LambdaFunction> functions = new LinkedHashMap<>();
    private final List<EventSourceMapping> mappings = new ArrayList<>();

    public LambdaService(Account account, SqsService sqs, LogsService logs, Supplier<URI> endpoint) {
        this.account = account;
        this.sqs = sqs;
        this.logs = logs;
        this.endpoint = endpoint;
        this.api = new LambdaApi(this, account);
        this.concurrency = new Concurrency(account.time().clock());
    }

    /**
     * A function as its template describes it.
     *
     * @param code the built zip
     * @param handler class, or class::method
     */
    public record FunctionConfiguration(
            String functionName,
            Path code,
            String handler,
            String runtime,
            List<String> architectures,
            Duration timeout,
            int memorySize,
            Map<String, String> environment,
            Role role,
            String logGroup) {
        public FunctionConfiguration {
            architectures = List.copyOf(architectures);
            environment = Map.copyOf(environment);
        }
    }

    /**
     * @param functionError empty where the function returned; otherwise {@code Unhandled}, and the payload is the
     *     runtime's {errorMessage, errorType, stackTrace}
     */
    public record InvocationResult(byte[] payload, String functionError) {}

    @Override
    public String signingName() {
        return "lambda";
    }

    @Override
    public Set<String> operations() {
        return Set.of(
                "Invoke",
                "GetFunction",
                "GetFunctionConfiguration",
                "GetAccountSettings",
                "ListFunctions",
                "ListEventSourceMappings",
                "GetPolicy",
                "AddPermission");
    }

    @Override
    public String operation(AwsRequest request) {
        return LambdaApi.operation(request);
    }

    @Override
    public boolean runsUnlocked(String operation) {
        return operation.equals("Invoke");
    }

    @Override
    public AwsResponse handle(String operation, ObjectNode input, AwsRequest request) {
        return api.handle(operation, input, request);
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        return LambdaApi.error(error);
    }

    /**
     * Creates a function at once, as a stack does. Returns its ARN.
     *
     * @throws AwsException ResourceConflictException where the name is taken, InvalidParameterValueException where
     *     Lambda would not accept the configuration
     */
    public String createFunction(FunctionConfiguration configuration) {
        return account.time().locked(() -> {
            LambdaLimits.check(configuration);
            var name = configuration.functionName();
            if (functions.containsKey(name)) {
                throw new AwsException("ResourceConflictException", 409, "Function already exist: " + name);
            }
            var function = new LambdaFunction(
                    configuration, Artifacts.of(configuration.code()), account, logs, Artifacts.INTERFACES);
            functions.put(name, function);
            return function.arn();
        });
    }

    /**
     * What queues and EventBridge invoke is from now on a version with a snapshot (SnapStart), which Lambda deletes
     * after 14 days without an invocation. Invocations over HTTP are of $LATEST, which has none.
     *
     * @param alias by which the version is described
     */
    public void startFromSnapshot(String functionName, String alias) {
        account.time().locked(() -> find(functionName).startFromSnapshot(alias));
    }

    /** Removes the function, as deleting its stack does. */
    public void deleteFunction(String functionName) {
        account.time().locked(() -> {
            find(functionName).close();
            functions.remove(functionName);
            concurrency.forget(functionName);
            mappings.removeIf(
                    mapping -> mapping.function().configuration().functionName().equals(functionName));
        });
    }

    /** The account's quota "Concurrent executions"; 1,000 at first, 10 in many new accounts. */
    public void concurrencyQuota(int executions) {
        account.quotas().apply(Quotas.CONCURRENT_EXECUTIONS, executions);
        account.time().locked(() -> concurrency.quota(executions));
    }

    /**
     * Keeps so many executions for the function, as PutFunctionConcurrency does.
     *
     * @throws AwsException InvalidParameterValueException where too few would be left for all other functions
     */
    public void reserveConcurrency(String functionName, int executions) {
        account.time()
                .locked(() ->
                        concurrency.reserve(find(functionName).configuration().functionName(), executions));
    }

    /** Sets an environment variable beside the template's, for environments that start from now on. */
    public void setVariable(String functionName, String variable, String value) {
        find(functionName).set(variable, value);
    }

    /** From now on each invocation of the function takes so long in simulated time; 200 ms at first. */
    public void takes(String functionName, Duration duration) {
        account.time()
                .locked(() ->
                        concurrency.duration(find(functionName).configuration().functionName(), duration));
    }

    /**
     * How long an invocation of the function takes.
     *
     * @throws AwsException ResourceNotFoundException
     */
    public Duration duration(String functionNameOrArn) {
        return account.time()
                .locked(() -> concurrency.duration(
                        find(functionNameOrArn).configuration().functionName()));
    }

    /**
     * Gives a principal the right to invoke, as AddPermission does.
     *
     * @param sourceArn may be null
     */
    public void addPermission(String functionName, String principal, String sourceArn) {
        account.time().locked(() -> {
            var function = find(functionName);
            var statementId = "permission-" + (function.permissions().size() + 1);
            addPermission(function, statementId, principal, Optional.ofNullable(sourceArn));
        });
    }

    ObjectNode addPermission(
            LambdaFunction function, String statementId, String principal, Optional<String> sourceArn) {
        if (function.permissions().containsKey(statementId)) {
            throw new AwsException(
                    "ResourceConflictException",
                    409,
                    "The statement id (" + statementId + ") provided already exists. Please provide a new statement id,"
                            + " or remove the existing statement.");
        }
        var statement = Json.object().put("Sid", statementId).put("Effect", "Allow");
        var kind = principal.endsWith(".amazonaws.com") ? "Service" : "AWS";
        statement.putObject("Principal").put(kind, principal);
        statement.put("Action", "lambda:InvokeFunction").put("Resource", function.arn());
        sourceArn.ifPresent(
                arn -> statement.putObject("Condition").putObject("ArnLike").put("AWS:SourceArn", arn));
        function.permissions().put(statementId, statement);
        return statement;
    }

    /** The function's resource-based policy. */
    static ObjectNode policy(LambdaFunction function) {
        var policy = Json.object().put("Version", "2012-10-17").put("Id", "default");
        var statements = policy.putArray("Statement");
        function.permissions().values().forEach(statements::add);
        return policy;
    }

    /**
     * Polls the queue for the function, at once, as a stack does. Returns the mapping's UUID.
     *
     * @param batchSize 1 to 10,000; above 10 only with a batching window
     * @param batchingWindow 0 to 300 s: how long messages are gathered for a fuller batch
     * @param maximumConcurrency 2 to 1,000, or 0 for no limit of its own
     */
    public String createEventSourceMapping(
            String functionName,
            String queueArn,
            int batchSize,
            Duration batchingWindow,
            boolean reportBatchItemFailures,
            int maximumConcurrency) {
        return account.time().locked(() -> {
            LambdaLimits.checkMapping(batchSize, batchingWindow, maximumConcurrency);
            LambdaLimits.checkVisibility(
                    sqs.visibilityTimeout(queueArn),
                    find(functionName).configuration().timeout());
            var uuid = account.uuid().toString();
            var mapping = new EventSourceMapping(
                    uuid,
                    this,
                    find(functionName),
                    queueArn,
                    batchSize,
                    batchingWindow,
                    reportBatchItemFailures,
                    maximumConcurrency == 0 ? LambdaLimits.ACCOUNT_CONCURRENCY : maximumConcurrency,
                    account,
                    sqs);
            mappings.add(mapping);
            mapping.start();
            return uuid;
        });
    }

    /**
     * The batch size of the function's only event source.
     *
     * @throws java.util.NoSuchElementException where it has none
     */
    public int batchSize(String functionName) {
        return account.time()
                .locked(() -> mappings.stream()
                        .filter(mapping -> mapping.function().equals(find(functionName)))
                        .findFirst()
                        .orElseThrow()
                        .batchSize());
    }

    /**
     * Runs the function now, on this thread, without the lock; for other services and sync invokes.
     *
     * @throws AwsException ResourceNotFoundException; TooManyRequestsException where the account's concurrency, or
     *     the function's reservation, is in use
     */
    public InvocationResult invoke(String functionNameOrArn, byte[] payload) {
        if (account.time().isLockedByThisThread()) {
            throw new IllegalStateException("A function calls back over HTTP: invoke " + functionNameOrArn
                    + " without the lock of the simulated time");
        }
        return run(account.time().locked(() -> find(functionNameOrArn)), payload);
    }

    /** The same for callers that invoke a version: without its snapshot it is not ready. */
    InvocationResult runVersion(LambdaFunction function, byte[] payload) {
        return function.notReady().orElseGet(() -> run(function, payload));
    }

    /** @throws AwsException TooManyRequestsException */
    InvocationResult run(LambdaFunction function, byte[] payload) {
        account.time().locked(() -> concurrency.begin(function.configuration().functionName()));
        return function.invoke(payload, endpoint.get());
    }

    /**
     * Runs the function now, as a caller with these rights; for Step Functions.
     *
     * @throws AwsException ResourceNotFoundException; AccessDeniedException without lambda:InvokeFunction on it;
     *     TooManyRequestsException as for {@link #invoke}
     */
    public InvocationResult invokeAs(Identity caller, String functionNameOrArn, byte[] payload) {
        account.time()
                .locked(() -> account.iam()
                        .authorize(
                                caller,
                                "lambda:InvokeFunction",
                                find(functionNameOrArn).arn()));
        return invoke(functionNameOrArn, payload);
    }

    /** The next invocation of the function dies before its handler runs. */
    public void failNextInvocation(String functionName) {
        account.time().locked(() -> find(functionName).failNext());
    }

    /** The invocation that signs with these credentials ends at once; nothing that its code still does has effect. */
    public void kill(Identity caller) {
        account.time().locked(() -> functions.values().forEach(function -> function.kill(caller)));
    }

    /**
     * Runs one invocation in a JVM of its own, by the real runtime client against a local Runtime API; Linux only.
     * That JVM reads the real clock, not the simulated one.
     */
    public InvocationResult invokeInSeparateProcess(String functionName, byte[] payload) {
        try (var process = separateProcess(functionName)) {
            return process.invoke(payload);
        }
    }

    /**
     * An execution environment in a JVM of its own, as for {@link #invokeInSeparateProcess}, to be closed after use. It
     * comes from a snapshot where the function's alias does.
     */
    public LambdaProcess separateProcess(String functionName) {
        return account.time().locked(() -> {
            var fromSnapshot = find(functionName).startsFromSnapshot();
            return separateProcess(
                    functionName, fromSnapshot ? LambdaProcess.Start.FROM_SNAPSHOT : LambdaProcess.Start.ON_DEMAND);
        });
    }

    /** The same, however the function's alias starts. */
    public LambdaProcess separateProcess(String functionName, LambdaProcess.Start start) {
        return account.time().locked(() -> new LambdaProcess(find(functionName), endpoint.get(), start));
    }

    /**
     * Queues an asynchronous invocation by a service: two retries on function errors, after one and two minutes; where
     * it is throttled, others for six hours.
     *
     * @param principal for example {@code events.amazonaws.com}; checked against the function's permissions
     * @throws AwsException AccessDeniedException where the function's policy does not name the principal
     */
    public void invokeLaterAs(String principal, String sourceArn, String functionArn, byte[] payload) {
        account.time().locked(() -> {
            var function = find(functionArn);
            var decision = function.permissions().isEmpty()
                    ? PolicyDocument.Decision.NOT_MENTIONED
                    : PolicyDocument.parse(policy(function))
                            .decide(
                                    Set.of(principal),
                                    "lambda:InvokeFunction",
                                    function.arn(),
                                    sourceArn == null
                                            ? Map.of("AWS:SourceAccount", Iam.ACCOUNT)
                                            : Map.of("AWS:SourceArn", sourceArn, "AWS:SourceAccount", Iam.ACCOUNT));
            if (decision != PolicyDocument.Decision.ALLOWED) {
                throw new AwsException(
                        "AccessDeniedException",
                        403,
                        principal + " is not authorized to perform: lambda:InvokeFunction on resource: "
                                + function.arn() + " because no resource-based policy allows it for the source "
                                + sourceArn);
            }
            invokeLater(function, payload);
        });
    }

    void invokeLater(LambdaFunction function, byte[] payload) {
        attempt(new Event(function, payload, account.time().now(), 0, 0), Duration.ZERO);
    }

    /**
     * An asynchronous invocation on its way.
     *
     * @param retries after errors of the function
     * @param throttled how often in a row the event has been throttled
     */
    private record Event(LambdaFunction function, byte[] payload, Instant accepted, int retries, int throttled) {
        Event afterError() {
            return new Event(function, payload, accepted, retries + 1, 0);
        }

        Event afterThrottling() {
            return new Event(function, payload, accepted, retries, throttled + 1);
        }
    }

    private void attempt(Event event, Duration delay) {
        account.time()
                .scheduleUnlocked(
                        delay, "asynchronous invocation of " + event.function().arn(), () -> attempt(event));
    }

    private void attempt(Event event) {
        InvocationResult result;
        try {
            result = runVersion(event.function(), event.payload());
        } catch (AwsException throttled) {
            var delay = backoff(event.throttled(), LONGEST_BACKOFF);
            var next = account.time().now().plus(delay);
            if (next.isAfter(event.accepted().plus(MAXIMUM_EVENT_AGE))) drop(event);
            else attempt(event.afterThrottling(), delay);
            return;
        }
        if (result.functionError().isEmpty()) return;
        if (event.retries() < RETRIES.size()) attempt(event.afterError(), RETRIES.get(event.retries()));
        else drop(event);
    }

    private static void drop(Event event) {
        System.getLogger(LambdaService.class.getName())
                .log(
                        System.Logger.Level.WARNING,
                        "Lambda dropped an asynchronous event of {0} after {1} attempts that ran and {2} that were"
                                + " throttled",
                        event.function().arn(),
                        event.throttled() > 0 ? event.retries() : event.retries() + 1,
                        event.throttled());
    }

    /** One second, then twice as long each time. */
    static Duration backoff(int timesSoFar, Duration longest) {
        return Duration.ofSeconds(Math.min(longest.toSeconds(), 1L << Math.min(timesSoFar, 30)));
    }

    /** @throws AwsException ResourceNotFoundException */
    LambdaFunction find(String nameOrArn) {
        var unqualified = nameOrArn.replaceFirst(":\\$LATEST$", "");
        var name = unqualified.substring(unqualified.lastIndexOf(':') + 1);
        var function = functions.get(name);
        if (function == null || (nameOrArn.startsWith("arn:") && !unqualified.equals(function.arn()))) {
            throw notFound(nameOrArn.startsWith("arn:") ? nameOrArn : account.arn("lambda", "function:" + nameOrArn));
        }
        return function;
    }

    static AwsException notFound(String arn) {
        return new AwsException("ResourceNotFoundException", 404, "Function not found: " + arn);
    }

    Collection<LambdaFunction> functions() {
        return functions.values();
    }

    ArrayNode describedMappings(Optional<String> eventSourceArn, Optional<String> functionName) {
        var described = Json.array();
        var function = functionName.map(this::find);
        mappings.stream()
                .filter(mapping ->
                        eventSourceArn.map(mapping.queueArn()::equals).orElse(true))
                .filter(mapping -> function.map(mapping.function()::equals).orElse(true))
                .forEach(mapping -> described.add(mapping.described()));
        return described;
    }

    Concurrency concurrency() {
        return concurrency;
    }

    /** Closes what the functions keep open; artifacts stay loaded for the next account of this JVM. */
    public void close() {
        functions.values().forEach(LambdaFunction::close);
    }
}
