package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.AwsException;
import cloudhsm.pipeline.localcloud.http.AwsRequest;
import cloudhsm.pipeline.localcloud.http.AwsResponse;
import cloudhsm.pipeline.localcloud.http.Service;
import cloudhsm.pipeline.localcloud.logs.LogsService;
import cloudhsm.pipeline.localcloud.sqs.SqsService;

/** AWS Lambda: runs the built artifacts. */
public final class LambdaService implements Service {
    public LambdaService(
            Account account, SqsService sqs, LogsService logs, java.util.function.Supplier<java.net.URI> endpoint) {}

    @Override
    public String signingName() {
        return "lambda";
    }

    @Override
    public String operation(AwsRequest request) {
        throw new UnsupportedOperationException("to be written");
    }

    @Override
    public AwsResponse handle(String operation, AwsRequest request) {
        throw new UnsupportedOperationException("to be written");
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        throw new UnsupportedOperationException("to be written");
    }

    /**
     * A function as its template describes it.
     *
     * @param code the built zip
     * @param handler class, or class::method
     */
    public record FunctionConfiguration(
            String functionName,
            java.nio.file.Path code,
            String handler,
            String runtime,
            java.util.List<String> architectures,
            java.time.Duration timeout,
            int memorySize,
            java.util.Map<String, String> environment,
            cloudhsm.pipeline.localcloud.iam.Role role,
            String logGroup) {}

    /**
     * @param functionError empty where the function returned; otherwise {@code Unhandled}, and the payload is the
     *     runtime's {errorMessage, errorType, stackTrace}
     */
    public record InvocationResult(byte[] payload, String functionError) {}

    /** Creates a function at once, as a stack does. Returns its ARN. */
    public String createFunction(FunctionConfiguration configuration) {
        throw new UnsupportedOperationException("to be written");
    }

    /**
     * Gives a principal the right to invoke, as AddPermission does.
     *
     * @param sourceArn may be null
     */
    public void addPermission(String functionName, String principal, String sourceArn) {
        throw new UnsupportedOperationException("to be written");
    }

    /** Polls the queue for the function, at once, as a stack does. Returns the mapping's UUID. */
    public String createEventSourceMapping(
            String functionName,
            String queueArn,
            int batchSize,
            boolean reportBatchItemFailures,
            int maximumConcurrency) {
        throw new UnsupportedOperationException("to be written");
    }

    /** Runs the function now, on this thread, without the lock; for other services and sync invokes. */
    public InvocationResult invoke(String functionNameOrArn, byte[] payload) {
        throw new UnsupportedOperationException("to be written");
    }

    /**
     * Queues an asynchronous invocation by a service: two retries on function errors, after one and two minutes.
     *
     * @param principal for example {@code events.amazonaws.com}; checked against the function's permissions
     */
    public void invokeLaterAs(String principal, String sourceArn, String functionArn, byte[] payload) {
        throw new UnsupportedOperationException("to be written");
    }

    /** Ends the processes of functions that run as processes. */
    public void close() {}
}
