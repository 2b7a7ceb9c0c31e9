package cloudhsm.pipeline.localcloud.sqs;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** All queues, and what happens between them. Callers hold the lock of the simulated time. */
final class Queues {
    /** A message's, and a batch's, most bytes: 1 MiB. */
    static final int MOST_BYTES = 1_048_576;

    /** "You must wait 60 seconds after deleting a queue before you can create another" [API:sqs:CreateQueue]. */
    private static final Duration NAME_REUSABLE_AFTER = Duration.ofSeconds(60);

    /** "Only one PurgeQueue operation is allowed every 60 seconds" [API:sqs:PurgeQueue]. */
    private static final Duration BETWEEN_PURGES = Duration.ofSeconds(60);

    /** A message may be in flight for 12 hours at most [API:sqs:ChangeMessageVisibility]. */
    private static final Duration MOST_IN_FLIGHT = Duration.ofHours(12);

    private final Account account;
    private final Map<String, Queue> byName = new TreeMap<>();
    private final Map<String, Instant> deletedAt = new HashMap<>();

    Queues(Account account) {
        this.account = account;
    }

    Set<String> names() {
        return byName.keySet();
    }

    Optional<Queue> find(String arn) {
        return Optional.ofNullable(byName.get(arn.substring(arn.lastIndexOf(':') + 1)))
                .filter(queue -> queue.arn().equals(arn));
    }

    Queue byArn(String arn) {
        return find(arn).orElseThrow(Queues::doesNotExist);
    }

    Queue byName(String name) {
        return find(account.arn("sqs", name)).orElseThrow(Queues::doesNotExist);
    }

    private static AwsException doesNotExist() {
        return AwsException.badRequest("QueueDoesNotExist", "The specified queue does not exist.");
    }

    Queue create(String name, Map<String, String> attributes, Map<String, String> tags) {
        if (!name.matches("[A-Za-z0-9_-]{1,80}")) {
            throw AwsException.badRequest(
                    "InvalidParameterValue",
                    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
        }
        QueueAttributes.check(attributes);
        var existing = byName.get(name);
        if (existing != null) {
            attributes.forEach((attribute, value) -> {
                if (!value.equals(existing.attributes.getOrDefault(attribute, ""))) {
                    throw AwsException.badRequest(
                            "QueueNameExists",
                            "A queue already exists with the same name and a different value for attribute "
                                    + attribute);
                }
            });
            return existing;
        }
        var now = account.time().now();
        var deleted = deletedAt.get(name);
        if (deleted != null && deleted.plus(NAME_REUSABLE_AFTER).isAfter(now)) {
            throw AwsException.badRequest(
                    "QueueDeletedRecently",
                    "You must wait 60 seconds after deleting a queue before you can create another with the same"
                            + " name.");
        }
        var queue = new Queue(name, account.arn("sqs", name), now);
        checkRedrive(queue, attributes);
        queue.attributes.putAll(attributes);
        queue.tags.putAll(tags);
        byName.put(name, queue);
        return queue;
    }

    void setAttributes(Queue queue, Map<String, String> attributes) {
        QueueAttributes.check(attributes);
        checkRedrive(queue, attributes);
        queue.attributes.putAll(attributes);
        queue.modifiedAt = account.time().now();
    }

    private void checkRedrive(Queue queue, Map<String, String> attributes) {
        if (!QueueAttributes.present(attributes, "RedrivePolicy")) return;
        var value = attributes.get("RedrivePolicy");
        var policy = parsed(value);
        var target = policy.path("deadLetterTargetArn").asText();
        var most = policy.path("maxReceiveCount").asInt();
        if (most < 1 || most > 1000) {
            throw redrive(
                    value,
                    "Invalid value for maxReceiveCount: "
                            + policy.path("maxReceiveCount").asText()
                            + ", valid values are from 1 to 1000 both inclusive.");
        }
        var deadLetters = find(target).orElseThrow(() -> redrive(value, "Dead letter target does not exist."));
        var allow = parsed(deadLetters.attributes.getOrDefault("RedriveAllowPolicy", "{}"));
        var permission = allow.path("redrivePermission").asText("allowAll");
        var named = false;
        for (var source : allow.path("sourceQueueArns"))
            named |= source.asText().equals(queue.arn());
        if (permission.equals("denyAll") || permission.equals("byQueue") && !named) {
            throw redrive(value, "The dead-letter queue's RedriveAllowPolicy does not allow this source queue.");
        }
    }

    private static JsonNode parsed(String json) {
        try {
            return Json.parse(json);
        } catch (AwsException noJson) {
            throw QueueAttributes.invalid("RedrivePolicy");
        }
    }

    private static AwsException redrive(String value, String reason) {
        return AwsException.badRequest(
                "InvalidParameterValue",
                "Value " + value + " for parameter RedrivePolicy is invalid. Reason: " + reason);
    }

    List<Queue> deadLetterSources(Queue deadLetters) {
        return byName.values().stream()
                .filter(queue -> queue.deadLetterTargetArn()
                        .map(deadLetters.arn()::equals)
                        .orElse(false))
                .toList();
    }

    void delete(Queue queue) {
        byName.remove(queue.name);
        deletedAt.put(queue.name, account.time().now());
    }

    void purge(Queue queue) {
        var now = account.time().now();
        if (queue.purgedAt != null && queue.purgedAt.plus(BETWEEN_PURGES).isAfter(now)) {
            throw new AwsException(
                    "PurgeQueueInProgress",
                    403,
                    "Only one PurgeQueue operation on " + queue.name + " is allowed every 60 seconds.");
        }
        queue.purgedAt = now;
        queue.messages.clear();
    }

    static int size(JsonNode input) {
        return input.path("MessageBody").asText().getBytes(StandardCharsets.UTF_8).length
                + MessageAttributes.size(MessageAttributes.checked(input.path("MessageAttributes")));
    }

    /** @param input as SendMessage's, or an entry of SendMessageBatch */
    Message send(Queue queue, JsonNode input, String senderId) {
        var body = input.path("MessageBody").asText();
        if (body.isEmpty()) {
            throw AwsException.badRequest("MissingParameter", "The request must contain the parameter MessageBody.");
        }
        if (input.hasNonNull("MessageGroupId") || input.hasNonNull("MessageDeduplicationId")) {
            throw new AwsException("UnsupportedOperation", 400, "The embedded AWS has no groups of messages");
        }
        if (!body.codePoints().allMatch(Queues::allowed)) {
            throw AwsException.badRequest(
                    "InvalidMessageContents", "The message contains characters outside the allowed set.");
        }
        var most = Integer.parseInt(queue.attributes.get("MaximumMessageSize"));
        if (size(input) > most) {
            throw AwsException.badRequest(
                    "InvalidParameterValue",
                    "One or more parameters are invalid. Reason: Message must be shorter than " + most + " bytes.");
        }
        var delay = SqsService.number(input, "DelaySeconds", 0, 900, (int)
                queue.seconds("DelaySeconds").toSeconds());
        var now = account.time().now();
        var message = new Message(
                account.uuid().toString(),
                body,
                MessageAttributes.checked(input.path("MessageAttributes")),
                senderId,
                now,
                now.plusSeconds(delay));
        queue.messages.put(message.messageId, message);
        notifyWhenVisible(queue, message);
        return message;
    }

    private static boolean allowed(int c) {
        return c == 9 || c == 10 || c == 13 || c >= 0x20 && c <= 0xD7FF || c >= 0xE000 && c <= 0xFFFD || c >= 0x10000;
    }

    /** Hands out visible messages; those received too often already go to the dead-letter queue instead. */
    List<Queue.Taken> receive(Queue queue, int most, Duration visibilityTimeout) {
        var now = account.time().now();
        queue.expire(now);
        var taken = new ArrayList<Queue.Taken>();
        for (var message : queue.visible(now)) {
            if (taken.size() == most) break;
            var deadLetters = queue.deadLetterTargetArn().flatMap(this::find);
            if (deadLetters.isPresent() && message.receiveCount >= queue.maxReceiveCount()) {
                queue.messages.remove(message.messageId);
                message.deadLetterSourceArn = queue.arn();
                deadLetters.get().messages.put(message.messageId, message);
                notifyWhenVisible(deadLetters.get(), message);
            } else {
                taken.add(queue.take(message, now, visibilityTimeout));
                notifyWhenVisible(queue, message);
            }
        }
        return taken;
    }

    void changeVisibility(Queue queue, String receiptHandle, Duration timeout) {
        var now = account.time().now();
        var message = queue.byReceiptHandle(receiptHandle)
                .orElseThrow(() -> AwsException.badRequest(
                        "InvalidParameterValue",
                        "Value " + receiptHandle + " for parameter ReceiptHandle is invalid. Reason: Message does not"
                                + " exist or is not available for visibility timeout change."));
        if (!message.inFlight(now)) {
            throw AwsException.badRequest("MessageNotInflight", "The message referred to isn't in flight.");
        }
        if (now.plus(timeout).isAfter(message.lastReceivedAt.plus(MOST_IN_FLIGHT))) {
            throw AwsException.badRequest(
                    "InvalidParameterValue",
                    "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].");
        }
        message.visibleAt = now.plus(timeout);
        notifyWhenVisible(queue, message);
    }

    /** Moves all messages back where they came from, or to the destination, as new messages with new ids. */
    void startMessageMoveTask(String sourceArn, Optional<String> destinationArn) {
        var source = find(sourceArn)
                .orElseThrow(() -> new AwsException(
                        "ResourceNotFoundException",
                        404,
                        "The resource that you specified for the SourceArn parameter" + " doesn't exist."));
        if (deadLetterSources(source).isEmpty()) {
            throw AwsException.badRequest(
                    "InvalidParameterValue", "Source queue must be configured as a Dead Letter" + " Queue.");
        }
        var now = account.time().now();
        source.expire(now);
        for (var message : source.visible(now)) {
            var destination = destinationArn
                    .or(() -> Optional.ofNullable(message.deadLetterSourceArn))
                    .flatMap(this::find);
            if (destination.isEmpty()) continue;
            source.messages.remove(message.messageId);
            var moved = new Message(
                    account.uuid().toString(), message.body, message.attributes, message.senderId, now, now);
            destination.get().messages.put(moved.messageId, moved);
            notifyWhenVisible(destination.get(), moved);
        }
    }

    /** Queues without a poller cost the clock nothing. */
    void notifyWhenVisible(Queue queue, Message message) {
        if (queue.pollers.isEmpty()) return;
        var now = account.time().now();
        var delay = message.visible(now) ? Duration.ZERO : Duration.between(now, message.visibleAt);
        account.time().schedule(delay, "SQS: a message becomes visible in " + queue.name, () -> {
            var there = byName.get(queue.name) == queue && queue.messages.containsKey(message.messageId);
            if (there && message.visible(account.time().now())) queue.pollers.forEach(Runnable::run);
        });
    }
}
