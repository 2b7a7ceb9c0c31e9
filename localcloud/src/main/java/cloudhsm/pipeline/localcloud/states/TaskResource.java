package cloudhsm.pipeline.localcloud.states;

import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a Task calls, from its Resource ARN.
 *
 * @param type as history events name it: {@code lambda}, {@code states}, {@code aws-sdk:kms}, …
 * @param api as written, without the pattern: {@code invoke}, {@code describeKey}
 * @param pattern how the task ends
 */
record TaskResource(String type, String api, Pattern pattern) {
    /** The integration patterns of Step Functions. */
    enum Pattern {
        REQUEST_RESPONSE(""),
        WAIT_FOR_TASK_TOKEN(".waitForTaskToken"),
        SYNC_2(".sync:2");

        private final String suffix;

        Pattern(String suffix) {
            this.suffix = suffix;
        }
    }

    /** A service behind aws-sdk: the signing name of its endpoint, and the prefix of its error names. */
    record SdkService(String signingName, String errorPrefix, boolean camelCaseOnTheWire) {}

    private static final Map<String, SdkService> SDK_SERVICES = Map.of(
            "cloudhsmv2", new SdkService("cloudhsm", "CloudHsmV2", false),
            "kms", new SdkService("kms", "Kms", false),
            "ssm", new SdkService("ssm", "Ssm", false),
            "sfn", new SdkService("states", "Sfn", true),
            "dynamodb", new SdkService("dynamodb", "DynamoDb", false),
            "sqs", new SdkService("sqs", "Sqs", false),
            "secretsmanager", new SdkService("secretsmanager", "SecretsManager", false),
            "eventbridge", new SdkService("events", "EventBridge", false),
            "cloudwatchlogs", new SdkService("logs", "CloudWatchLogs", true));

    private static final Map<String, SdkService> OPTIMIZED = Map.of(
            "dynamodb", new SdkService("dynamodb", "DynamoDB", false),
            "sqs", new SdkService("sqs", "SQS", false),
            "events", new SdkService("events", "EventBridge", false),
            "states", new SdkService("states", "StepFunctions", true));

    private static final Set<String> OPTIMIZED_APIS = Set.of(
            "lambda:invoke",
            "states:startExecution",
            "events:putEvents",
            "sqs:sendMessage",
            "dynamodb:getItem",
            "dynamodb:putItem",
            "dynamodb:updateItem",
            "dynamodb:deleteItem");

    private static final java.util.regex.Pattern ARN = java.util.regex.Pattern.compile(
            "arn:aws:states:::(aws-sdk:[a-z0-9]+|[a-z]+):([a-zA-Z0-9]+)(\\.[a-zA-Z:0-9]+)?");

    /** Empty where the embedded AWS does not offer the integration. */
    static Optional<TaskResource> parse(String arn) {
        var matcher = ARN.matcher(arn);
        if (!matcher.matches()) return Optional.empty();
        var type = matcher.group(1);
        var api = matcher.group(2);
        var suffix = matcher.group(3) == null ? "" : matcher.group(3);
        var sdk = type.startsWith("aws-sdk:");
        if (sdk && !SDK_SERVICES.containsKey(type.substring("aws-sdk:".length()))) return Optional.empty();
        if (!sdk && !OPTIMIZED_APIS.contains(type + ":" + api)) return Optional.empty();
        for (var pattern : Pattern.values()) {
            if (!pattern.suffix.equals(suffix)) continue;
            var offered = pattern != Pattern.SYNC_2 || (type + ":" + api).equals("states:startExecution");
            return offered ? Optional.of(new TaskResource(type, api, pattern)) : Optional.empty();
        }
        return Optional.empty();
    }

    SdkService service() {
        return type.startsWith("aws-sdk:")
                ? SDK_SERVICES.get(type.substring("aws-sdk:".length()))
                : OPTIMIZED.get(type);
    }

    boolean isLambda() {
        return type.equals("lambda");
    }

    boolean waitsForTaskToken() {
        return pattern == Pattern.WAIT_FOR_TASK_TOKEN;
    }

    /** The resource as history events name it: api and pattern. */
    String withPattern() {
        return api + pattern.suffix;
    }
}
