package cloudhsm.pipeline.localcloud.sqs;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.JsonService;

/** Amazon SQS (JSON protocol). */
public final class SqsService extends JsonService {
    public SqsService(Account account) {
        super("sqs", "1.0", "message");
    }

    /** A message taken by a consumer; it comes back when its visibility timeout ends, unless deleted. */
    public record Received(
            String messageId, String receiptHandle, String body, java.util.Map<String, String> attributes) {}

    /**
     * Creates a queue at once, as a stack does.
     *
     * @param attributes as in CreateQueue: VisibilityTimeout, RedrivePolicy, Policy, …
     * @return the queue's ARN
     */
    public String createQueue(String name, java.util.Map<String, String> attributes) {
        throw new UnsupportedOperationException("to be written");
    }

    public String queueUrl(String queueArn) {
        throw new UnsupportedOperationException("to be written");
    }

    public String queueArn(String queueUrl) {
        throw new UnsupportedOperationException("to be written");
    }

    /**
     * A service (S3, EventBridge, Lambda) sends; the queue's policy must allow it.
     *
     * @param principal for example {@code s3.amazonaws.com}
     * @param sourceArn for aws:SourceArn
     * @throws cloudhsm.pipeline.localcloud.http.AwsException where queue or permission is missing
     */
    public void sendAs(String principal, String sourceArn, String queueArn, String body) {
        throw new UnsupportedOperationException("to be written");
    }

    /** For Lambda's poller: up to {@code most} visible messages. */
    public java.util.List<Received> receive(String queueArn, int most) {
        throw new UnsupportedOperationException("to be written");
    }

    public void delete(String queueArn, String receiptHandle) {
        throw new UnsupportedOperationException("to be written");
    }

    /** Called whenever a message becomes visible in the queue; Lambda's poller registers here. */
    public void onVisible(String queueArn, Runnable poll) {
        throw new UnsupportedOperationException("to be written");
    }
}
