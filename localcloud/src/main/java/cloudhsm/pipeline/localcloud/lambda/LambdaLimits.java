package cloudhsm.pipeline.localcloud.lambda;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.lambda.LambdaService.FunctionConfiguration;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What Lambda accepts of a function and of an event source mapping.
 *
 * @see <a href="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html">Lambda quotas</a>
 */
final class LambdaLimits {
    /** Concurrent executions of an account by default. */
    static final int ACCOUNT_CONCURRENCY = 1_000;

    /** Bytes of all functions' artifacts together. */
    static final long TOTAL_CODE_SIZE = 80_530_636_800L;

    /** Bytes of one artifact and its layers, unpacked. */
    static final int CODE_SIZE_UNZIPPED = 262_144_000;

    /** Bytes of one artifact that is sent in the request. */
    static final int CODE_SIZE_ZIPPED = 52_428_800;

    /** Bytes of a synchronous payload. */
    static final int SYNCHRONOUS_PAYLOAD = 6_291_456;

    /** Bytes of an asynchronous payload. */
    static final int ASYNCHRONOUS_PAYLOAD = 1_048_576;

    private static final int ENVIRONMENT_BYTES = 4_096;
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9-_]{1,64}");
    private static final Pattern VARIABLE = Pattern.compile("[a-zA-Z][a-zA-Z0-9_]+");
    private static final Set<String> JAVA_RUNTIMES = Set.of("java25", "java21", "java17", "java11");

    /** Set by Lambda itself; a template that defines one is refused. */
    private static final Set<String> RESERVED = Set.of(
            "_HANDLER",
            "_X_AMZN_TRACE_ID",
            "AWS_DEFAULT_REGION",
            "AWS_REGION",
            "AWS_EXECUTION_ENV",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            "AWS_LAMBDA_LOG_GROUP_NAME",
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "AWS_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_LAMBDA_RUNTIME_API",
            "LAMBDA_TASK_ROOT",
            "LAMBDA_RUNTIME_DIR");

    private LambdaLimits() {}

    /** @throws AwsException InvalidParameterValueException */
    static void check(FunctionConfiguration configuration) {
        var name = configuration.functionName();
        if (!NAME.matcher(name).matches())
            throw invalid("Function name " + name + " must have 1 to 64 letters, digits, - or _");
        if (!JAVA_RUNTIMES.contains(configuration.runtime())) {
            throw invalid(
                    "The embedded AWS runs " + JAVA_RUNTIMES.stream().sorted().toList() + ", not "
                            + configuration.runtime() + " of function " + name);
        }
        var seconds = configuration.timeout().toSeconds();
        if (seconds < 1 || seconds > 900)
            throw invalid("Timeout of " + name + " must be 1 to 900 seconds, not " + seconds);
        var memory = configuration.memorySize();
        if (memory < 128 || memory > 10_240)
            throw invalid("Memory of " + name + " must be 128 to 10240 MB, not " + memory);
        checkEnvironment(configuration);
        if (!Iam.mayAssume("lambda.amazonaws.com", configuration.role(), Optional.empty())) {
            throw invalid("The role defined for the function cannot be assumed by Lambda.");
        }
    }

    private static void checkEnvironment(FunctionConfiguration configuration) {
        var environment = Json.object();
        configuration.environment().forEach((name, value) -> {
            if (RESERVED.contains(name)) {
                throw invalid("Lambda was unable to configure your environment variables because the environment"
                        + " variables you have provided contains reserved keys that are currently not supported for"
                        + " modification. Reserved keys used in this request: " + name);
            }
            if (!VARIABLE.matcher(name).matches()) throw invalid("Environment variable name " + name + " is not valid");
            environment.put(name, value);
        });
        if (Json.text(environment).getBytes(StandardCharsets.UTF_8).length > ENVIRONMENT_BYTES) {
            throw invalid("Lambda was unable to configure your environment variables because the environment variables"
                    + " you have provided exceeded the 4KB limit.");
        }
    }

    /** @throws AwsException InvalidParameterValueException */
    static void checkMapping(int batchSize, Duration batchingWindow, int maximumConcurrency) {
        if (batchSize < 1 || batchSize > 10_000) {
            throw invalid("Batch size must be 1 to 10000 for a standard SQS queue, not " + batchSize);
        }
        if (batchingWindow.isNegative() || batchingWindow.toSeconds() > 300) {
            throw invalid("Maximum batch window must be 0 to 300 seconds, not " + batchingWindow.toSeconds());
        }
        if (batchSize > 10 && batchingWindow.isZero()) {
            throw invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than"
                    + " 10");
        }
        if (maximumConcurrency != 0 && (maximumConcurrency < 2 || maximumConcurrency > 1_000)) {
            throw invalid("MaximumConcurrency must be 2 to 1000, not " + maximumConcurrency);
        }
    }

    /** A message must not come back while the function still works on it. */
    static void checkVisibility(Duration visibilityTimeout, Duration functionTimeout) {
        if (visibilityTimeout.compareTo(functionTimeout) < 0) {
            throw invalid("Queue visibility timeout: " + visibilityTimeout.toSeconds()
                    + " seconds is less than Function timeout: " + functionTimeout.toSeconds() + " seconds");
        }
    }

    static AwsException invalid(String message) {
        return AwsException.badRequest("InvalidParameterValueException", message);
    }
}
