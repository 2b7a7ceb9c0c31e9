package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.events.SQSEvent.SQSMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.ChangeMessageVisibilityBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;

/** The queue that messages come from, and its dead-letter queue. */
final class UploadsQueue {
    /** Entries of one ChangeMessageVisibilityBatch. */
    private static final int MOST_ENTRIES = 10;

    private final Supplier<SqsClient> client;
    private final String queueUrl;
    private final String deadLetterQueueUrl;
    private SqsClient sqs;

    /** A message that is to stay invisible for so long. */
    record Waiting(SQSMessage message, Duration delay) {}

    UploadsQueue(SqsClient sqs, String queueUrl, String deadLetterQueueUrl) {
        this(() -> sqs, queueUrl, deadLetterQueueUrl);
    }

    /** @param client asked once, when the queue is first spoken to: most invocations never do */
    UploadsQueue(Supplier<SqsClient> client, String queueUrl, String deadLetterQueueUrl) {
        this.client = client;
        this.queueUrl = queueUrl;
        this.deadLetterQueueUrl = deadLetterQueueUrl;
    }

    private SqsClient sqs() {
        if (sqs == null) sqs = client.get();
        return sqs;
    }

    /** Lets the messages come back later. Where that fails, they come back after the queue's visibility timeout. */
    void comeBackLater(List<Waiting> waiting) {
        for (int first = 0; first < waiting.size(); first += MOST_ENTRIES) {
            var entries = new ArrayList<ChangeMessageVisibilityBatchRequestEntry>();
            for (var message : waiting.subList(first, Math.min(first + MOST_ENTRIES, waiting.size()))) {
                entries.add(ChangeMessageVisibilityBatchRequestEntry.builder()
                        .id(String.valueOf(entries.size()))
                        .receiptHandle(message.message().getReceiptHandle())
                        .visibilityTimeout((int) message.delay().toSeconds())
                        .build());
            }
            try {
                sqs().changeMessageVisibilityBatch(
                                request -> request.queueUrl(queueUrl).entries(entries));
            } catch (SdkException notChanged) {
                // Nothing is lost: the messages are still in the queue.
            }
        }
    }

    /**
     * Sends a copy to the dead-letter queue, with the attribute {@code Reason}.
     *
     * @return whether it is there, so that the original may leave its queue
     */
    boolean putAside(SQSMessage message, String reason) {
        try {
            sqs().sendMessage(request -> request.queueUrl(deadLetterQueueUrl)
                    .messageBody(message.getBody())
                    .messageAttributes(Map.of(
                            "Reason",
                            MessageAttributeValue.builder()
                                    .dataType("String")
                                    .stringValue(reason)
                                    .build())));
            return true;
        } catch (SdkException notSent) {
            return false;
        }
    }
}
