package cloudhsm.pipeline.localcloud.sqs;

import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The attributes that CreateQueue and SetQueueAttributes accept, their bounds and defaults.
 *
 * @see <a
 *     href="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html">SetQueueAttributes</a>
 */
final class QueueAttributes {
    private record Bounds(int least, int most) {}

    private static final Map<String, Bounds> NUMBERS = Map.of(
            "DelaySeconds", new Bounds(0, 900),
            "MaximumMessageSize", new Bounds(1024, 1_048_576),
            "MessageRetentionPeriod", new Bounds(60, 1_209_600),
            "ReceiveMessageWaitTimeSeconds", new Bounds(0, 20),
            "VisibilityTimeout", new Bounds(0, 43_200),
            "KmsDataKeyReusePeriodSeconds", new Bounds(60, 86_400));

    private static final Set<String> OTHERS =
            Set.of("Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "SqsManagedSseEnabled");

    private QueueAttributes() {}

    /** What a queue has when CreateQueue says nothing. */
    static Map<String, String> defaults() {
        return new TreeMap<>(Map.of(
                "DelaySeconds", "0",
                "MaximumMessageSize", "1048576",
                "MessageRetentionPeriod", "345600",
                "ReceiveMessageWaitTimeSeconds", "0",
                "VisibilityTimeout", "30",
                "SqsManagedSseEnabled", "true"));
    }

    /** @throws AwsException InvalidAttributeName or InvalidAttributeValue */
    static void check(Map<String, String> attributes) {
        attributes.forEach((name, value) -> {
            if (name.equals("FifoQueue") || name.equals("ContentBasedDeduplication")) {
                throw new AwsException("UnsupportedOperation", 400, "The embedded AWS has standard queues only");
            }
            if (NUMBERS.containsKey(name)) checkNumber(name, value, NUMBERS.get(name));
            else if (!OTHERS.contains(name)) {
                throw AwsException.badRequest("InvalidAttributeName", "Unknown Attribute " + name + ".");
            }
        });
        if (present(attributes, "Policy")) checkPolicy(attributes.get("Policy"));
        var sse = attributes.get("SqsManagedSseEnabled");
        if (sse != null && !sse.equals("true") && !sse.equals("false")) throw invalid("SqsManagedSseEnabled");
    }

    static boolean present(Map<String, String> attributes, String name) {
        return !attributes.getOrDefault(name, "").isEmpty();
    }

    private static void checkNumber(String name, String value, Bounds bounds) {
        if (!value.matches("\\d{1,9}")) throw invalid(name);
        var number = Integer.parseInt(value);
        if (number < bounds.least || number > bounds.most) throw invalid(name);
    }

    private static void checkPolicy(String policy) {
        try {
            var statements = PolicyDocument.parse(Json.parse(policy)).statements();
            if (statements.stream().anyMatch(statement -> statement.principals().isEmpty())) throw invalid("Policy");
        } catch (AwsException malformed) {
            throw AwsException.badRequest(
                    "InvalidAttributeValue", "Invalid value for the parameter Policy. " + malformed.getMessage());
        }
    }

    static AwsException invalid(String name) {
        return AwsException.badRequest("InvalidAttributeValue", "Invalid value for the parameter " + name + ".");
    }
}
