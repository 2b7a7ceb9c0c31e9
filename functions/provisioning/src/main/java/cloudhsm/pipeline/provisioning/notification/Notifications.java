package cloudhsm.pipeline.provisioning.notification;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.sns.SnsClient;

/** Tells whoever has subscribed to the topic. What happened counts more than telling it: no failure leaves this class. */
public final class Notifications {
    /** SNS's limit for the subject of a mail, characters. */
    private static final int SUBJECT_LENGTH = 100;

    private final SnsClient sns;
    private final String topicArn;

    /** @param topicArn empty if nobody is to be told */
    public Notifications(SnsClient sns, String topicArn) {
        this.sns = sns;
        this.topicArn = topicArn;
    }

    /** To the topic of the function's environment: NOTIFICATION_TOPIC_ARN. */
    public static Notifications ofFunction() {
        return new Notifications(Aws.sns(), Aws.environment("NOTIFICATION_TOPIC_ARN"));
    }

    /**
     * Publishes the message; if the topic cannot be reached, the log says so.
     *
     * @param subject cut after the 100 characters that SNS takes
     */
    public void publish(String subject, String message) {
        if (topicArn.isEmpty()) return;
        var shortened = subject.substring(0, Math.min(subject.length(), SUBJECT_LENGTH));
        try {
            sns.publish(request -> request.topicArn(topicArn).subject(shortened).message(message));
        } catch (SdkException failure) {
            System.out.println("{\"notification\":\"failed\",\"error\":\""
                    + failure.getClass().getSimpleName() + "\"}");
        }
    }
}
