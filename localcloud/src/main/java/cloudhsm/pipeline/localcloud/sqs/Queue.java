package cloudhsm.pipeline.localcloud.sqs;

import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A standard queue: its attributes and messages. Callers hold the lock of the simulated time. */
final class Queue {
    /** A message that its consumer has until {@code message.visibleAt}. */
    record Taken(Message message, String receiptHandle) {}

    final String name;
    private final String arn;
    final Instant createdAt;
    final Map<String, String> attributes = QueueAttributes.defaults();
    final Map<String, String> tags = new TreeMap<>();
    final List<Runnable> pollers = new ArrayList<>();
    final Map<String, Message> messages = new LinkedHashMap<>();
    Instant modifiedAt;

    /** Null if it never was. */
    Instant purgedAt;

    Queue(String name, String arn, Instant createdAt) {
        this.name = name;
        this.arn = arn;
        this.createdAt = createdAt;
        this.modifiedAt = createdAt;
    }

    String arn() {
        return arn;
    }

    Duration seconds(String attribute) {
        return Duration.ofSeconds(Long.parseLong(attributes.get(attribute)));
    }

    Optional<PolicyDocument> policy() {
        return QueueAttributes.present(attributes, "Policy")
                ? Optional.of(PolicyDocument.parse(Json.parse(attributes.get("Policy"))))
                : Optional.empty();
    }

    /** Empty where the queue has no dead-letter queue. */
    Optional<String> deadLetterTargetArn() {
        return QueueAttributes.present(attributes, "RedrivePolicy")
                ? Optional.of(Json.parse(attributes.get("RedrivePolicy"))
                        .path("deadLetterTargetArn")
                        .asText())
                : Optional.empty();
    }

    int maxReceiveCount() {
        return Json.parse(attributes.get("RedrivePolicy"))
                .path("maxReceiveCount")
                .asInt();
    }

    /** Forgets what has been kept for the retention period. A dead letter's age counts from its first queue. */
    void expire(Instant now) {
        var retention = seconds("MessageRetentionPeriod");
        messages.values().removeIf(message -> !message.sentAt.plus(retention).isAfter(now));
    }

    List<Message> visible(Instant now) {
        return messages.values().stream()
                .filter(message -> message.visible(now))
                .toList();
    }

    Taken take(Message message, Instant now, Duration visibilityTimeout) {
        message.receiveCount++;
        message.lastReceivedAt = now;
        if (message.firstReceivedAt == null) message.firstReceivedAt = now;
        message.visibleAt = now.plus(visibilityTimeout);
        var handle = name + "/" + message.messageId + "/" + message.receiveCount;
        return new Taken(message, Base64.getEncoder().encodeToString(handle.getBytes(StandardCharsets.UTF_8)));
    }

    /**
     * The message that the handle was given for, unless it is gone or was received again since: AWS deletes only by
     * the handle of the last receipt.
     *
     * @throws AwsException ReceiptHandleIsInvalid if this queue never gave such a handle
     */
    Optional<Message> byReceiptHandle(String receiptHandle) {
        String[] parts;
        try {
            parts = new String(Base64.getDecoder().decode(receiptHandle), StandardCharsets.UTF_8).split("/");
        } catch (IllegalArgumentException noBase64) {
            parts = new String[0];
        }
        if (parts.length != 3 || !parts[0].equals(name)) {
            throw new AwsException("ReceiptHandleIsInvalid", 400, "The input receipt handle is invalid.");
        }
        var message = messages.get(parts[1]);
        return message != null && parts[2].equals(String.valueOf(message.receiveCount))
                ? Optional.of(message)
                : Optional.empty();
    }

    /** What GetQueueAttributes tells. */
    Map<String, String> described(Instant now) {
        var described = new TreeMap<>(attributes);
        described.values().removeIf(String::isEmpty);
        described.put("QueueArn", arn());
        described.put("CreatedTimestamp", String.valueOf(createdAt.getEpochSecond()));
        described.put("LastModifiedTimestamp", String.valueOf(modifiedAt.getEpochSecond()));
        var all = messages.values();
        described.put("ApproximateNumberOfMessages", String.valueOf(visible(now).size()));
        described.put(
                "ApproximateNumberOfMessagesNotVisible",
                String.valueOf(
                        all.stream().filter(message -> message.inFlight(now)).count()));
        described.put(
                "ApproximateNumberOfMessagesDelayed",
                String.valueOf(
                        all.stream().filter(message -> message.delayed(now)).count()));
        return described;
    }
}
