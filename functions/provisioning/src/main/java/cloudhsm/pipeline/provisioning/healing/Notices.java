package cloudhsm.pipeline.provisioning.healing;

import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.sns.SnsClient;

/** Tells whoever has subscribed to the pipeline's topic what self-healing does. */
final class Notices {
    /** SNS's limit for the subject of a mail, characters. */
    private static final int SUBJECT_LENGTH = 100;

    private final SnsClient sns;
    private final String topicArn;

    Notices(SnsClient sns, String topicArn) {
        this.sns = sns;
        this.topicArn = topicArn;
    }

    /** Healing counts more than telling it: if the topic cannot be reached, the log says so. */
    void publish(String subject, String message) {
        try {
            sns.publish(request -> request.topicArn(topicArn)
                    .subject(subject.substring(0, Math.min(subject.length(), SUBJECT_LENGTH)))
                    .message(message));
        } catch (SdkException failure) {
            System.out.println("{\"notification\":\"failed\",\"error\":\""
                    + failure.getClass().getSimpleName() + "\"}");
        }
    }
}
