package cloudhsm.pipeline.localcloud.sqs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;

/** A message in a queue. */
final class Message {
    final String messageId;
    final String body;

    /** As in SendMessage's MessageAttributes; empty where there are none. */
    final ObjectNode attributes;

    final String senderId;
    final Instant sentAt;

    /** When a consumer may take it: later than now while it is delayed or in flight. */
    Instant visibleAt;

    /** Null until it was first received. */
    Instant firstReceivedAt;

    Instant lastReceivedAt;
    int receiveCount;

    /** The queue it came from by its redrive policy; null in the queue it was sent to. */
    String deadLetterSourceArn;

    Message(String messageId, String body, ObjectNode attributes, String senderId, Instant sentAt, Instant visibleAt) {
        this.messageId = messageId;
        this.body = body;
        this.attributes = attributes;
        this.senderId = senderId;
        this.sentAt = sentAt;
        this.visibleAt = visibleAt;
    }

    boolean visible(Instant now) {
        return !visibleAt.isAfter(now);
    }

    /** Sent with a delay that has not passed, and never received. */
    boolean delayed(Instant now) {
        return receiveCount == 0 && !visible(now);
    }

    /** Received, and neither deleted nor visible again. */
    boolean inFlight(Instant now) {
        return receiveCount > 0 && !visible(now);
    }
}
