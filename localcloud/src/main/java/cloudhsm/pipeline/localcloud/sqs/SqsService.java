package cloudhsm.pipeline.localcloud.sqs;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.PolicyDocument.Decision;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import cloudhsm.pipeline.localcloud.wire.Violation;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * Amazon SQS (JSON protocol): standard queues. WaitTimeSeconds is accepted and answered at once, because simulated
 * time stands still while a client waits.
 */
public final class SqsService extends JsonService {
    private static final int MOST_ENTRIES = 10;

    private final Account account;
    private final Queues queues;

    public SqsService(Account account) {
        super("sqs", "1.0");
        this.account = account;
        this.queues = new Queues(account);
        on("CreateQueue", this::createQueue);
        on("GetQueueUrl", this::getQueueUrl);
        on("ListQueues", this::listQueues);
        on("DeleteQueue", inQueue("DeleteQueue", (queue, input) -> queues.delete(queue)));
        on("GetQueueAttributes", inQueueAnswering("GetQueueAttributes", this::getQueueAttributes));
        on(
                "SetQueueAttributes",
                inQueue(
                        "SetQueueAttributes",
                        (queue, input) -> queues.setAttributes(queue, texts(present(input, "Attributes")))));
        on("PurgeQueue", inQueue("PurgeQueue", (queue, input) -> queues.purge(queue)));
        on("TagQueue", inQueue("TagQueue", (queue, input) -> queue.tags.putAll(texts(present(input, "Tags")))));
        on(
                "UntagQueue",
                inQueue(
                        "UntagQueue",
                        (queue, input) -> present(input, "TagKeys").forEach(key -> queue.tags.remove(key.asText()))));
        on(
                "ListQueueTags",
                inQueueAnswering(
                        "ListQueueTags",
                        (queue, input) -> Json.object().set("Tags", Json.MAPPER.valueToTree(queue.tags))));
        on("SendMessage", this::sendMessage);
        on("SendMessageBatch", this::sendMessageBatch);
        on("ReceiveMessage", inQueueAnswering("ReceiveMessage", this::receiveMessage));
        on("DeleteMessage", inQueue("DeleteMessage", this::deleteMessage));
        on("DeleteMessageBatch", batch("DeleteMessage", this::deleteMessage));
        on("ChangeMessageVisibility", inQueue("ChangeMessageVisibility", this::changeMessageVisibility));
        on("ChangeMessageVisibilityBatch", batch("ChangeMessageVisibility", this::changeMessageVisibility));
        on("StartMessageMoveTask", this::startMessageMoveTask);
        on("ListDeadLetterSourceQueues", inQueueAnswering("ListDeadLetterSourceQueues", (queue, input) -> {
            var urls = Json.array();
            queues.deadLetterSources(queue).forEach(source -> urls.add(url(source.name)));
            return Json.object().set("queueUrls", urls);
        }));
    }

    @Override
    public AwsException refusal(List<Violation> violations) {
        var first = violations.getFirst();
        return switch (first.kind()) {
            case MISSING -> missing(first.member());
            case TYPE -> Violation.refusal("SerializationException", violations);
            default ->
                AwsException.badRequest(
                        "InvalidParameterValue",
                        "Value " + first.value() + " for parameter " + first.member() + " is invalid. Reason: "
                                + first.constraint() + ".");
        };
    }

    /**
     * A message taken by a consumer; it comes back when its visibility timeout ends, unless deleted.
     *
     * @param attributes the system attributes: ApproximateReceiveCount, SentTimestamp, SenderId, …
     */
    public record Received(String messageId, String receiptHandle, String body, Map<String, String> attributes) {
        public Received {
            attributes = Map.copyOf(attributes);
        }
    }

    /**
     * Creates a queue at once, as a stack does.
     *
     * @param attributes as in CreateQueue: VisibilityTimeout, RedrivePolicy, Policy, …
     * @return the queue's ARN
     */
    public String createQueue(String name, Map<String, String> attributes) {
        return account.time()
                .locked(() -> queues.create(name, attributes, Map.of()).arn());
    }

    /** Changes a queue's attributes, as SetQueueAttributes by the account's administrator does. */
    public void setQueueAttributes(String queueArn, Map<String, String> attributes) {
        account.time().locked(() -> {
            queues.setAttributes(queues.byArn(queueArn), attributes);
        });
    }

    public String queueUrl(String queueArn) {
        return url(queueArn.substring(queueArn.lastIndexOf(':') + 1));
    }

    public String queueArn(String queueUrl) {
        return account.arn("sqs", queueUrl.substring(queueUrl.lastIndexOf('/') + 1));
    }

    /** Whether the queue exists. */
    public boolean exists(String queueArn) {
        return account.time().locked(() -> queues.find(queueArn).isPresent());
    }

    /** How long a message that {@link #receive} hands out stays invisible. */
    public Duration visibilityTimeout(String queueArn) {
        return account.time().locked(() -> queues.byArn(queueArn).seconds("VisibilityTimeout"));
    }

    /**
     * A service (S3, EventBridge, Lambda) sends; the queue's policy must allow it.
     *
     * @param principal for example {@code s3.amazonaws.com}
     * @param sourceArn for aws:SourceArn
     * @throws AwsException where queue or permission is missing
     */
    public void sendAs(String principal, String sourceArn, String queueArn, String body) {
        sendAs(principal, sourceArn, queueArn, body, Map.of());
    }

    /** @param attributes text attributes of the message, for example those of EventBridge's dead letters */
    public void sendAs(
            String principal, String sourceArn, String queueArn, String body, Map<String, String> attributes) {
        account.time().locked(() -> {
            requireServiceMaySend(principal, sourceArn, queueArn);
            return queues.send(queues.byArn(queueArn), message(body, attributes), principal);
        });
    }

    /**
     * Sends under a role's rights, as EventBridge Scheduler puts aside what it could not deliver.
     *
     * @param attributes text attributes of the message
     * @throws AwsException where the queue is gone, the role may not send, or the queue's policy denies it
     */
    public void sendUnder(Identity role, String queueArn, String body, Map<String, String> attributes) {
        account.time().locked(() -> {
            var queue = queues.byArn(queueArn);
            account.iam().authorize(role, "sqs:SendMessage", queueArn);
            var context = Map.of("aws:SecureTransport", "true");
            if (queue.policy()
                    .filter(policy ->
                            policy.decide(Iam.namesOf(role), "sqs:SendMessage", queueArn, context) == Decision.DENIED)
                    .isPresent()) {
                throw Iam.denied(role, "sqs:SendMessage", queueArn, "with an explicit deny in a resource-based policy");
            }
            return queues.send(queue, message(body, attributes), role.arn());
        });
    }

    private static ObjectNode message(String body, Map<String, String> attributes) {
        var nodes = Json.object();
        attributes.forEach((name, value) ->
                nodes.set(name, Json.object().put("DataType", "String").put("StringValue", value)));
        var input = Json.object().put("MessageBody", body);
        input.set("MessageAttributes", nodes);
        return input;
    }

    /**
     * What S3 and others check when a queue is made a destination, without sending.
     *
     * @throws AwsException where queue or permission is missing
     */
    public void requireServiceMaySend(String principal, String sourceArn, String queueArn) {
        account.time().locked(() -> {
            var queue = queues.byArn(queueArn);
            var context =
                    Map.of("aws:SourceArn", sourceArn, "aws:SourceAccount", Iam.ACCOUNT, "aws:SecureTransport", "true");
            var decision = queue.policy()
                    .map(policy -> policy.decide(Set.of(principal), "sqs:SendMessage", queueArn, context))
                    .orElse(Decision.NOT_MENTIONED);
            if (decision != Decision.ALLOWED) {
                throw new AwsException(
                        "AccessDenied",
                        403,
                        principal + " is not authorized to perform: sqs:sendmessage on resource: " + queueArn
                                + " because no resource-based policy allows the sqs:sendmessage action");
            }
            // The AWS managed key's policy admits no service but SQS: AWS asks for a customer managed key here.
            if (queue.attributes.getOrDefault("KmsMasterKeyId", "").equals("alias/aws/sqs")) {
                throw AwsException.badRequest(
                        "KmsAccessDenied", principal + " may not use alias/aws/sqs, which encrypts " + queueArn);
            }
        });
    }

    /** For Lambda's poller: up to {@code most} visible messages, for the queue's visibility timeout. */
    public List<Received> receive(String queueArn, int most) {
        return account.time().locked(() -> {
            var queue = queues.byArn(queueArn);
            return queues.receive(queue, most, queue.seconds("VisibilityTimeout")).stream()
                    .map(taken -> new Received(
                            taken.message().messageId,
                            taken.receiptHandle(),
                            taken.message().body,
                            systemAttributes(taken.message())))
                    .toList();
        });
    }

    public void delete(String queueArn, String receiptHandle) {
        account.time().locked(() -> {
            var queue = queues.byArn(queueArn);
            queue.byReceiptHandle(receiptHandle).ifPresent(message -> queue.messages.remove(message.messageId));
        });
    }

    /**
     * Called, holding the lock, whenever a message becomes visible in the queue; Lambda's poller registers here.
     * Messages that are there already count as becoming visible now.
     */
    public void onVisible(String queueArn, Runnable poll) {
        account.time().locked(() -> {
            var queue = queues.byArn(queueArn);
            queue.pollers.add(poll);
            queue.messages.values().forEach(message -> queues.notifyWhenVisible(queue, message));
        });
    }

    private String url(String queueName) {
        return "https://" + account.host("sqs") + "/" + Iam.ACCOUNT + "/" + queueName;
    }

    private JsonNode createQueue(ObjectNode input, AwsRequest request) {
        var name = parameter(input, "QueueName");
        authorize(request, "CreateQueue", name);
        var queue = queues.create(name, texts(input.path("Attributes")), texts(input.path("tags")));
        return Json.object().put("QueueUrl", url(queue.name));
    }

    private JsonNode getQueueUrl(ObjectNode input, AwsRequest request) {
        var name = parameter(input, "QueueName");
        authorize(request, "GetQueueUrl", name);
        return Json.object().put("QueueUrl", url(queues.byName(name).name));
    }

    private JsonNode listQueues(ObjectNode input, AwsRequest request) {
        account.iam().authorize(request.caller(), "sqs:ListQueues", "*");
        var prefix = text(input, "QueueNamePrefix").orElse("");
        var after = text(input, "NextToken").orElse("");
        var most = number(input, "MaxResults", 1, 1000, 1000);
        var urls = Json.array();
        var output = Json.object();
        for (var name : queues.names()) {
            if (!name.startsWith(prefix) || name.compareTo(after) <= 0) continue;
            if (urls.size() == most) {
                var last = urls.get(urls.size() - 1).asText();
                output.put("NextToken", last.substring(last.lastIndexOf('/') + 1));
                break;
            }
            urls.add(url(name));
        }
        return output.set("QueueUrls", urls);
    }

    private JsonNode getQueueAttributes(Queue queue, JsonNode input) {
        queue.expire(account.time().now());
        var described = queue.described(account.time().now());
        var wanted = new HashSet<String>();
        input.path("AttributeNames").forEach(name -> wanted.add(name.asText()));
        if (!wanted.contains("All")) described.keySet().retainAll(wanted);
        return Json.object().set("Attributes", Json.MAPPER.valueToTree(described));
    }

    private JsonNode sendMessage(ObjectNode input, AwsRequest request) {
        var queue = queueOf(input, request, "SendMessage");
        return sent(queues.send(queue, input, senderId(request)));
    }

    private JsonNode sendMessageBatch(ObjectNode input, AwsRequest request) {
        var queue = queueOf(input, request, "SendMessage");
        var total = 0;
        for (var entry : entries(input)) total += Queues.size(entry);
        if (total > Queues.MOST_BYTES) {
            throw AwsException.badRequest(
                    "BatchRequestTooLong",
                    "Batch requests cannot be longer than " + Queues.MOST_BYTES + " bytes. You have sent " + total
                            + " bytes.");
        }
        return each(input, entry -> sent(queues.send(queue, entry, senderId(request))));
    }

    private static String senderId(AwsRequest request) {
        var caller = request.caller();
        return caller.role()
                .map(role -> role.id() + ":" + caller.arn().replaceFirst(".*/", ""))
                .orElseGet(caller::accessKeyId);
    }

    private static ObjectNode sent(Message message) {
        var output = Json.object()
                .put("MessageId", message.messageId)
                .put("MD5OfMessageBody", MessageAttributes.md5(message.body));
        if (!message.attributes.isEmpty()) {
            output.put("MD5OfMessageAttributes", MessageAttributes.md5(message.attributes));
        }
        return output;
    }

    private JsonNode receiveMessage(Queue queue, JsonNode input) {
        var most = number(input, "MaxNumberOfMessages", 1, 10, 1);
        number(input, "WaitTimeSeconds", 0, 20, 0);
        var timeout = number(input, "VisibilityTimeout", 0, 43_200, (int)
                queue.seconds("VisibilityTimeout").toSeconds());
        var wanted = new HashSet<String>();
        input.path("AttributeNames").forEach(name -> wanted.add(name.asText()));
        input.path("MessageSystemAttributeNames").forEach(name -> wanted.add(name.asText()));
        var messages = Json.array();
        for (var taken : queues.receive(queue, most, Duration.ofSeconds(timeout))) {
            var message = taken.message();
            var node = Json.object()
                    .put("MessageId", message.messageId)
                    .put("ReceiptHandle", taken.receiptHandle())
                    .put("MD5OfBody", MessageAttributes.md5(message.body))
                    .put("Body", message.body);
            var system = new TreeMap<>(systemAttributes(message));
            if (!wanted.contains("All")) system.keySet().retainAll(wanted);
            if (!system.isEmpty()) node.set("Attributes", Json.MAPPER.valueToTree(system));
            var selected = MessageAttributes.selected(message.attributes, input.path("MessageAttributeNames"));
            if (!selected.isEmpty()) {
                node.put("MD5OfMessageAttributes", MessageAttributes.md5(selected));
                node.set("MessageAttributes", selected);
            }
            messages.add(node);
        }
        return messages.isEmpty() ? Json.object() : Json.object().set("Messages", messages);
    }

    private static Map<String, String> systemAttributes(Message message) {
        var attributes = new TreeMap<String, String>();
        attributes.put("ApproximateReceiveCount", String.valueOf(message.receiveCount));
        attributes.put("SentTimestamp", String.valueOf(message.sentAt.toEpochMilli()));
        attributes.put("ApproximateFirstReceiveTimestamp", String.valueOf(message.firstReceivedAt.toEpochMilli()));
        attributes.put("SenderId", message.senderId);
        if (message.deadLetterSourceArn != null) {
            attributes.put("DeadLetterQueueSourceArn", message.deadLetterSourceArn);
        }
        return attributes;
    }

    private void deleteMessage(Queue queue, JsonNode input) {
        queue.byReceiptHandle(parameter(input, "ReceiptHandle"))
                .ifPresent(message -> queue.messages.remove(message.messageId));
    }

    private void changeMessageVisibility(Queue queue, JsonNode input) {
        present(input, "VisibilityTimeout");
        var timeout = number(input, "VisibilityTimeout", 0, 43_200, 0);
        queues.changeVisibility(queue, parameter(input, "ReceiptHandle"), Duration.ofSeconds(timeout));
    }

    private JsonNode startMessageMoveTask(ObjectNode input, AwsRequest request) {
        var source = parameter(input, "SourceArn");
        authorize(request, "StartMessageMoveTask", source.substring(source.lastIndexOf(':') + 1));
        authorize(request, "ReceiveMessage", source.substring(source.lastIndexOf(':') + 1));
        authorize(request, "DeleteMessage", source.substring(source.lastIndexOf(':') + 1));
        text(input, "DestinationArn")
                .ifPresent(arn -> authorize(request, "SendMessage", arn.substring(arn.lastIndexOf(':') + 1)));
        queues.startMessageMoveTask(source, text(input, "DestinationArn"));
        return Json.object().put("TaskHandle", account.hex(64));
    }

    private Operation inQueueAnswering(String action, BiFunction<Queue, JsonNode, JsonNode> work) {
        return (input, request) -> work.apply(queueOf(input, request, action), input);
    }

    private Operation inQueue(String action, BiConsumer<Queue, JsonNode> work) {
        return (input, request) -> {
            work.accept(queueOf(input, request, action), input);
            return Json.object();
        };
    }

    private Operation batch(String action, BiConsumer<Queue, JsonNode> work) {
        return (input, request) -> {
            var queue = queueOf(input, request, action);
            return each(input, entry -> {
                work.accept(queue, entry);
                return Json.object();
            });
        };
    }

    private static JsonNode each(JsonNode input, Function<JsonNode, ObjectNode> work) {
        var successful = Json.array();
        var failed = Json.array();
        for (var entry : entries(input)) {
            var id = entry.path("Id").asText();
            try {
                successful.add(work.apply(entry).put("Id", id));
            } catch (AwsException refused) {
                failed.add(Json.object()
                        .put("Id", id)
                        .put("SenderFault", refused.status() < 500)
                        .put("Code", refused.code())
                        .put("Message", refused.getMessage()));
            }
        }
        var output = Json.object();
        output.set("Successful", successful);
        output.set("Failed", failed);
        return output;
    }

    private static List<JsonNode> entries(JsonNode input) {
        var entries = new ArrayList<JsonNode>();
        input.path("Entries").forEach(entries::add);
        if (entries.isEmpty()) {
            throw AwsException.badRequest("EmptyBatchRequest", "There should be at least one entry in the request.");
        }
        if (entries.size() > MOST_ENTRIES) {
            throw AwsException.badRequest(
                    "TooManyEntriesInBatchRequest",
                    "Maximum number of entries per request are 10. You have sent " + entries.size() + ".");
        }
        var ids = new HashSet<String>();
        for (var entry : entries) {
            var id = entry.path("Id").asText();
            if (!id.matches("[A-Za-z0-9_-]{1,80}")) {
                throw AwsException.badRequest(
                        "InvalidBatchEntryId",
                        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be"
                                + " at most 80 letters long.");
            }
            if (!ids.add(id)) {
                throw AwsException.badRequest("BatchEntryIdsNotDistinct", "Id " + id + " repeated.");
            }
        }
        return entries;
    }

    private Queue queueOf(JsonNode input, AwsRequest request, String action) {
        var url = parameter(input, "QueueUrl");
        if (!url.matches("(https?://.+/)?" + Iam.ACCOUNT + "/[^/]+")) {
            throw new AwsException("InvalidAddress", 404, "The address " + url + " is not valid for this endpoint.");
        }
        var name = url.substring(url.lastIndexOf('/') + 1);
        authorize(request, action, name);
        return queues.byName(name);
    }

    /** Within the account either the caller's policies or the queue's own must allow it, and neither may deny it. */
    private void authorize(AwsRequest request, String action, String queueName) {
        var caller = request.caller();
        var arn = account.arn("sqs", queueName);
        var context = Map.of("aws:SecureTransport", "true");
        var identity = account.iam().decide(caller, "sqs:" + action, arn, context);
        var resource = queues.find(arn)
                .flatMap(Queue::policy)
                .map(policy -> policy.decide(Iam.namesOf(caller), "sqs:" + action, arn, context))
                .orElse(Decision.NOT_MENTIONED);
        if (identity == Decision.DENIED || resource == Decision.DENIED) {
            throw denied(
                    request,
                    action,
                    arn,
                    "with an explicit deny in "
                            + (identity == Decision.DENIED ? "an identity-based policy" : "a resource-based policy"));
        }
        if (identity != Decision.ALLOWED && resource != Decision.ALLOWED) {
            throw denied(
                    request,
                    action,
                    arn,
                    "because no identity-based policy allows the sqs:" + action.toLowerCase(Locale.ROOT) + " action");
        }
    }

    /** SQS words the action in lower case and answers 403. */
    private static AwsException denied(AwsRequest request, String action, String arn, String because) {
        return new AwsException(
                "AccessDenied",
                403,
                "User: " + request.caller().arn() + " is not authorized to perform: sqs:"
                        + action.toLowerCase(Locale.ROOT) + " on resource: " + arn + " " + because);
    }

    private static String parameter(JsonNode input, String name) {
        return present(input, name).asText();
    }

    private static JsonNode present(JsonNode input, String name) {
        var value = input.path(name);
        if (!value.isMissingNode() && !value.isNull()) return value;
        throw missing(name);
    }

    private static AwsException missing(String parameter) {
        return AwsException.badRequest("MissingParameter", "The request must contain the parameter " + parameter + ".");
    }

    static int number(JsonNode input, String name, int least, int most, int otherwise) {
        var value = input.path(name);
        if (value.isMissingNode() || value.isNull()) return otherwise;
        if (value.asInt(-1) >= least && value.asInt() <= most) return value.asInt();
        throw AwsException.badRequest(
                "InvalidParameterValue",
                "Value " + value.asText() + " for parameter " + name + " is invalid. Reason: Must be >= " + least
                        + " and <= " + most + ", if provided.");
    }

    private static Map<String, String> texts(JsonNode node) {
        var texts = new TreeMap<String, String>();
        node.properties()
                .forEach(entry -> texts.put(entry.getKey(), entry.getValue().asText()));
        return texts;
    }
}
