package cloudhsm.pipeline.localcloud.sns;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument.Decision;
import cloudhsm.pipeline.localcloud.kms.KmsService;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.QueryProtocol;
import cloudhsm.pipeline.localcloud.wire.Service;
import cloudhsm.pipeline.localcloud.wire.Violation;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Amazon SNS (query protocol): topics and subscriptions. Queues get what is published; nothing is e-mailed. All of it is
 * kept for tests.
 */
public final class SnsService implements Service {
    /** A message is at most 256 KiB [API:sns:Publish]. */
    private static final int MOST_BYTES = 262_144;

    private static final QueryProtocol PROTOCOL = new QueryProtocol("http://sns.amazonaws.com/doc/2010-03-31/");

    private static final String MANAGED_BY_AWS = "alias/aws/sns";

    private static final String PRINCIPAL = "sns.amazonaws.com";

    /** Messages reach queues in less than a second as a rule [FAQ:sns]. */
    private static final Duration DELIVERY = Duration.ofSeconds(1);

    private static final Set<String> PROTOCOLS = Set.of("email", "email-json", "sms", "https", "sqs");

    private final Account account;
    private final KmsService kms;
    private final SqsService sqs;
    private final Map<String, Topic> topics = new TreeMap<>();
    private final Map<String, Subscription> subscriptions = new LinkedHashMap<>();
    private final List<Published> published = new ArrayList<>();
    private final Set<String> confirmed = new TreeSet<>();

    private static final class Topic {
        private final Map<String, String> attributes = new TreeMap<>();
    }

    /** @param raw whether a queue gets the message as it was published, without SNS's envelope */
    private record Subscription(String arn, String topicArn, String protocol, String endpoint, boolean raw) {}

    /**
     * A message that was published.
     *
     * @param subject empty where there was none
     */
    public record Published(Instant at, String messageId, String topicArn, String subject, String message) {}

    public SnsService(Account account, KmsService kms, SqsService sqs) {
        this.kms = kms;
        this.sqs = sqs;
        this.account = account;
    }

    @Override
    public String signingName() {
        return "sns";
    }

    @Override
    public Set<String> operations() {
        return Set.of(
                "CreateTopic",
                "ListTopics",
                "GetTopicAttributes",
                "SetTopicAttributes",
                "DeleteTopic",
                "Subscribe",
                "ListSubscriptionsByTopic",
                "Publish");
    }

    @Override
    public String operation(AwsRequest request) {
        return PROTOCOL.operation(request);
    }

    @Override
    public AwsException refusal(List<Violation> violations) {
        var missing = violations.stream().anyMatch(violation -> violation.kind() == Violation.Kind.MISSING);
        return AwsException.badRequest(missing ? "ValidationError" : "InvalidParameter", Violation.message(violations));
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        return PROTOCOL.error(error, request);
    }

    @Override
    public AwsResponse handle(String operation, ObjectNode typedInput, AwsRequest request) {
        var input = QueryProtocol.parameters(request);
        var answer = switch (operation) {
            case "CreateTopic" -> createTopic(input, request);
            case "ListTopics" -> listTopics(request);
            case "GetTopicAttributes" -> getTopicAttributes(input, request);
            case "SetTopicAttributes" -> setTopicAttributes(input, request);
            case "DeleteTopic" -> deleteTopic(input, request);
            case "Subscribe" -> subscribe(input, request);
            case "ListSubscriptionsByTopic" -> listSubscriptions(input, request);
            case "Publish" -> publish(input, request);
            default -> throw QueryProtocol.unknown("sns", operation);
        };
        return PROTOCOL.answer(operation, answer, request);
    }

    /** Creates a topic at once, as a stack does. Returns its ARN. */
    public String createTopic(String name, Map<String, String> attributes) {
        return account.time().locked(() -> {
            if (!name.matches("[A-Za-z0-9_-]{1,256}")) {
                throw AwsException.badRequest("InvalidParameter", "Invalid parameter: Topic Name");
            }
            attributes.forEach(SnsService::checkAttribute);
            var arn = account.arn("sns", name);
            topics.computeIfAbsent(arn, any -> new Topic()).attributes.putAll(attributes);
            return arn;
        });
    }

    /** Changes one attribute at once, as a stack does; {@code Policy} is the topic's policy. */
    public void setTopicAttribute(String topicArn, String attribute, String value) {
        account.time().locked(() -> {
            checkAttribute(attribute, value);
            return topic(topicArn).attributes.put(attribute, value);
        });
    }

    /**
     * Subscribes at once, as a stack does; an e-mail address counts as confirmed.
     *
     * @param attributes {@code RawMessageDelivery} of a queue
     * @return the subscription's ARN
     */
    public String subscribe(String topicArn, String protocol, String endpoint, Map<String, String> attributes) {
        return account.time().locked(() -> {
            topic(topicArn);
            if (!PROTOCOLS.contains(protocol)) {
                throw AwsException.badRequest(
                        "InvalidParameter",
                        "Invalid parameter: the embedded AWS does not deliver by the protocol " + protocol);
            }
            var toQueue = protocol.equals("sqs");
            if (toQueue && !endpoint.matches(account.arn("sqs", "[A-Za-z0-9_-]{1,80}"))) {
                throw AwsException.badRequest("InvalidParameter", "Invalid parameter: SQS endpoint ARN");
            }
            attributes.forEach((name, value) -> {
                if (toQueue && name.equals("RawMessageDelivery") && value.matches("true|false")) return;
                throw AwsException.badRequest("InvalidParameter", "Invalid parameter: Attributes Reason: " + name);
            });
            var arn = topicArn + ":" + account.uuid();
            var raw = attributes.getOrDefault("RawMessageDelivery", "false").equals("true");
            subscriptions.put(arn, new Subscription(arn, topicArn, protocol, endpoint, raw));
            return arn;
        });
    }

    /** Publishes to the topic's subscribers; keeps what was published for tests to read. */
    public void publish(String topicArn, String subject, String message) {
        account.time().locked(() -> accept(topicArn, subject == null ? "" : subject, message));
    }

    /**
     * Has the caller use the key of an encrypted topic, as SNS does for each message: both rights are needed.
     *
     * @throws AwsException KMSAccessDenied, KMSDisabled, …; nothing happens where the topic has no key
     * @see <a href="https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html">Managing SNS encryption keys</a>
     */
    public void requireUseOfKey(Identity caller, String topicArn) {
        useKey(topicArn, key -> {
            if (key.equals(MANAGED_BY_AWS)) return;
            var context = Map.of("aws:sns:topicArn", topicArn);
            var viaService = account.host("sns");
            kms.decrypt(
                    caller,
                    kms.generateDataKey(caller, key, context, viaService).encrypted(),
                    context,
                    viaService);
        });
    }

    /** Does something with the topic's key, if it has one; what KMS refuses is refused in SNS's name. */
    private void useKey(String topicArn, Consumer<String> use) {
        var key = topic(topicArn).attributes.getOrDefault("KmsMasterKeyId", "");
        if (key.isEmpty()) return;
        try {
            use.accept(key);
        } catch (AwsException refused) {
            throw ofKms(refused);
        }
    }

    /** @see <a href="https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors">Publish, errors</a> */
    private static AwsException ofKms(AwsException refused) {
        return switch (refused.code()) {
            case "AccessDeniedException" -> AwsException.badRequest("KMSAccessDenied", refused.getMessage());
            case "DisabledException" -> AwsException.badRequest("KMSDisabled", refused.getMessage());
            case "KMSInvalidStateException" -> AwsException.badRequest("KMSInvalidState", refused.getMessage());
            case "NotFoundException" -> AwsException.badRequest("KMSNotFound", refused.getMessage());
            case "ThrottlingException" -> AwsException.badRequest("KMSThrottling", refused.getMessage());
            case "OptInRequired" -> new AwsException("KMSOptInRequired", 403, refused.getMessage());
            default -> new AwsException("InternalError", 500, refused.getMessage());
        };
    }

    /**
     * Whether an alarm of CloudWatch would reach the topic's subscribers: the policy of the key that AWS manages for SNS
     * admits no service, so that CloudWatch can publish to no topic under it.
     */
    public boolean takesAlarms(String topicArn) {
        return topics.containsKey(topicArn)
                && !topics.get(topicArn)
                        .attributes
                        .getOrDefault("KmsMasterKeyId", "")
                        .equals(MANAGED_BY_AWS);
    }

    /**
     * A service publishes; the topic's policy must allow it, and so must the policy of the key that encrypts the topic.
     *
     * @param sourceArn for aws:SourceArn
     * @param subject empty for none
     * @throws AwsException where topic or permission is missing
     * @see <a href="https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html">Managing SNS encryption keys</a>
     */
    public void publishAs(String principal, String sourceArn, String topicArn, String subject, String message) {
        account.time().locked(() -> {
            var context =
                    Map.of("aws:SourceArn", sourceArn, "aws:SourceAccount", Iam.ACCOUNT, "aws:SecureTransport", "true");
            if (policyOf(topicArn, Set.of(principal), "sns:Publish", context) != Decision.ALLOWED) {
                throw new AwsException(
                        "AccessDeniedException",
                        403,
                        principal + " is not authorized to perform: SNS:Publish on resource: " + topicArn
                                + " because no resource-based policy allows the SNS:Publish action");
            }
            useKey(topicArn, key -> {
                if (key.equals(MANAGED_BY_AWS)) {
                    throw AwsException.badRequest(
                            "AccessDeniedException", "The policy of " + key + " admits no service: " + principal);
                }
                for (var action : List.of("kms:GenerateDataKey", "kms:Decrypt"))
                    kms.useByService(principal, action, key, context);
            });
            return accept(topicArn, subject, message);
        });
    }

    /** Everything published so far, oldest first. */
    public List<Published> published() {
        return account.time().locked(() -> List.copyOf(published));
    }

    private Topic topic(String arn) {
        var topic = topics.get(arn);
        if (topic == null) throw new AwsException("NotFound", 404, "Topic does not exist");
        return topic;
    }

    private static void checkAttribute(String name, String value) {
        if (!Set.of("Policy", "DisplayName", "KmsMasterKeyId", "TracingConfig", "SignatureVersion")
                .contains(name)) {
            throw AwsException.badRequest("InvalidParameter", "Invalid parameter: AttributeName: " + name);
        }
        if (name.equals("Policy") && !value.isEmpty()) PolicyDocument.parse(Json.parse(value));
    }

    /** What the topic's own policy says of a request; nothing where it has none. */
    public Decision policyOf(String topicArn, Set<String> callers, String action, Map<String, String> context) {
        var policy = topic(topicArn).attributes.getOrDefault("Policy", "");
        if (policy.isEmpty()) return Decision.NOT_MENTIONED;
        return PolicyDocument.parse(Json.parse(policy)).decide(callers, action, topicArn, context);
    }

    private String accept(String topicArn, String subject, String message) {
        topic(topicArn);
        if (message.isEmpty()) throw AwsException.badRequest("InvalidParameter", "Invalid parameter: Empty message");
        if (message.getBytes(java.nio.charset.StandardCharsets.UTF_8).length > MOST_BYTES) {
            throw AwsException.badRequest("InvalidParameter", "Invalid parameter: Message too long");
        }
        if (subject.length() > 100 || subject.chars().anyMatch(Character::isISOControl)) {
            throw AwsException.badRequest("InvalidParameter", "Invalid parameter: Subject");
        }
        var id = account.uuid().toString();
        published.add(new Published(account.time().now(), id, topicArn, subject, message));
        for (var subscription : subscriptions.values()) {
            if (!subscription.topicArn.equals(topicArn) || !subscription.protocol.equals("sqs")) continue;
            var body = subscription.raw ? message : envelope(subscription, id, subject, message);
            account.time().schedule(DELIVERY, "SNS " + topicArn + " to " + subscription.endpoint, () -> {
                try {
                    sqs.sendAs(PRINCIPAL, topicArn, subscription.endpoint, body);
                } catch (AwsException refused) {
                    // A queue that is gone or does not admit SNS: dropped without another attempt
                    // [SNS:sns-message-delivery-retries].
                }
            });
        }
        return id;
    }

    private String envelope(Subscription subscription, String id, String subject, String message) {
        var host = "https://" + account.host("sns") + "/";
        var envelope =
                Json.object().put("Type", "Notification").put("MessageId", id).put("TopicArn", subscription.topicArn);
        if (!subject.isEmpty()) envelope.put("Subject", subject);
        return Json.text(envelope.put("Message", message)
                .put(
                        "Timestamp",
                        account.time().now().truncatedTo(ChronoUnit.MILLIS).toString())
                .put("SignatureVersion", "1")
                .put("Signature", "the embedded AWS does not sign")
                .put("SigningCertURL", host + "SimpleNotificationService-0.pem")
                .put("UnsubscribeURL", host + "?Action=Unsubscribe&SubscriptionArn=" + subscription.arn));
    }

    private void authorize(AwsRequest request, String action, String topicArn) {
        var caller = request.caller();
        var context = Map.of("aws:SecureTransport", "true");
        var identity = account.iam().decide(caller, "sns:" + action, topicArn, context);
        var resource = topics.containsKey(topicArn)
                ? policyOf(topicArn, Iam.namesOf(caller), "sns:" + action, context)
                : Decision.NOT_MENTIONED;
        var denied = identity == Decision.DENIED || resource == Decision.DENIED;
        if (!denied && (identity == Decision.ALLOWED || resource == Decision.ALLOWED)) return;
        throw new AwsException(
                "AuthorizationError",
                403,
                "User: " + caller.arn() + " is not authorized to perform: SNS:" + action + " on resource: " + topicArn
                        + (denied
                                ? " with an explicit deny"
                                : " because no identity-based policy allows the SNS:" + action + " action"));
    }

    private static String required(Map<String, String> input, String name) {
        var value = input.get(name);
        if (value == null) {
            throw AwsException.badRequest("InvalidParameter", "Invalid parameter: " + name + " must not be null");
        }
        return value;
    }

    private String createTopic(Map<String, String> input, AwsRequest request) {
        var name = required(input, "Name");
        authorize(request, "CreateTopic", account.arn("sns", name));
        return QueryProtocol.element("TopicArn", createTopic(name, QueryProtocol.entries(input, "Attributes.entry")));
    }

    private String listTopics(AwsRequest request) {
        account.iam().authorize(request.caller(), "sns:ListTopics", "*");
        var members = new StringBuilder();
        topics.keySet()
                .forEach(arn -> members.append("<member>")
                        .append(QueryProtocol.element("TopicArn", arn))
                        .append("</member>"));
        return "<Topics>" + members + "</Topics>";
    }

    private String getTopicAttributes(Map<String, String> input, AwsRequest request) {
        var arn = required(input, "TopicArn");
        authorize(request, "GetTopicAttributes", arn);
        var attributes = new TreeMap<>(topic(arn).attributes);
        attributes.put("TopicArn", arn);
        attributes.put("Owner", Iam.ACCOUNT);
        attributes.put(
                "SubscriptionsConfirmed",
                String.valueOf(subscriptions.values().stream()
                        .filter(subscription -> subscription.topicArn.equals(arn))
                        .count()));
        var entries = new StringBuilder();
        attributes.forEach((name, value) -> entries.append("<entry>")
                .append(QueryProtocol.element("key", name))
                .append(QueryProtocol.element("value", value))
                .append("</entry>"));
        return "<Attributes>" + entries + "</Attributes>";
    }

    private String setTopicAttributes(Map<String, String> input, AwsRequest request) {
        var arn = required(input, "TopicArn");
        authorize(request, "SetTopicAttributes", arn);
        setTopicAttribute(arn, required(input, "AttributeName"), input.getOrDefault("AttributeValue", ""));
        return "";
    }

    private String deleteTopic(Map<String, String> input, AwsRequest request) {
        var arn = required(input, "TopicArn");
        authorize(request, "DeleteTopic", arn);
        topics.remove(arn);
        subscriptions.values().removeIf(subscription -> subscription.topicArn.equals(arn));
        return "";
    }

    private String subscribe(Map<String, String> input, AwsRequest request) {
        var arn = required(input, "TopicArn");
        authorize(request, "Subscribe", arn);
        var subscription = subscribe(
                arn,
                required(input, "Protocol"),
                input.getOrDefault("Endpoint", ""),
                QueryProtocol.entries(input, "Attributes.entry"));
        return QueryProtocol.element("SubscriptionArn", subscription);
    }

    private String listSubscriptions(Map<String, String> input, AwsRequest request) {
        var arn = required(input, "TopicArn");
        authorize(request, "ListSubscriptionsByTopic", arn);
        topic(arn);
        var members = new StringBuilder();
        for (var subscription : subscriptions.values()) {
            if (!subscription.topicArn.equals(arn)) continue;
            members.append("<member>")
                    .append(QueryProtocol.element(
                            "SubscriptionArn", isConfirmed(subscription) ? subscription.arn : "PendingConfirmation"))
                    .append(QueryProtocol.element("Owner", Iam.ACCOUNT))
                    .append(QueryProtocol.element("Protocol", subscription.protocol))
                    .append(QueryProtocol.element("Endpoint", subscription.endpoint))
                    .append(QueryProtocol.element("TopicArn", arn))
                    .append("</member>");
        }
        return "<Subscriptions>" + members + "</Subscriptions>";
    }

    /** A queue of the account is asked for no confirmation; whoever reads mail is. */
    private boolean isConfirmed(Subscription subscription) {
        return subscription.protocol.equals("sqs") || confirmed.contains(subscription.endpoint);
    }

    /** As the reader of a mail box does who follows the link in SNS's mail. */
    public void confirm(String endpoint) {
        account.time().locked(() -> confirmed.add(endpoint));
    }

    private String publish(Map<String, String> input, AwsRequest request) {
        var arn = input.getOrDefault("TopicArn", input.get("TargetArn"));
        if (arn == null) throw AwsException.badRequest("InvalidParameter", "Invalid parameter: TopicArn");
        authorize(request, "Publish", arn);
        requireUseOfKey(request.caller(), arn);
        var id = accept(arn, input.getOrDefault("Subject", ""), required(input, "Message"));
        return QueryProtocol.element("MessageId", id);
    }
}
