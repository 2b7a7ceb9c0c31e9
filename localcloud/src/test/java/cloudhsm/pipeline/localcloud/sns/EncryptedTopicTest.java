package cloudhsm.pipeline.localcloud.sns;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import software.amazon.awssdk.services.kms.KmsClient;

/** What KMS refuses when a message is published to an encrypted topic is refused in SNS's name, whoever publishes. */
class EncryptedTopicTest {
    private static final String SERVICE = "events.amazonaws.com";
    private static final String RULE = "arn:aws:events:eu-central-1:111122223333:rule/r";

    private final LocalCloud cloud = LocalCloud.start();
    private final KmsClient kms = cloud.client(KmsClient.builder());
    private final String key = kms.createKey(request -> request.policy(policy(SERVICE)))
            .keyMetadata()
            .arn();
    private final String topic =
            cloud.sns().createTopic("told", Map.of("KmsMasterKeyId", key, "Policy", """
                {"Statement": [{"Effect": "Allow", "Principal": {"Service": "%s"}, "Action": "sns:Publish",
                  "Resource": "*"}]}
                """.formatted(SERVICE)));

    @AfterEach
    void close() {
        cloud.close();
    }

    /** For the account, and for a service that publishes by itself. */
    private static String policy(String service) {
        return """
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
              {"Effect": "Allow", "Principal": {"Service": "%s"}, "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
               "Resource": "*"}]}
            """.formatted(service);
    }

    enum Publisher {
        CALLER,
        SERVICE
    }

    private void publish(Publisher publisher) {
        switch (publisher) {
            case CALLER -> cloud.sns().requireUseOfKey(cloud.iam().administrator(), topic);
            case SERVICE -> cloud.sns().publishAs(EncryptedTopicTest.SERVICE, RULE, topic, "", "text");
        }
    }

    private String refusal(Publisher publisher) {
        return assertThrows(AwsException.class, () -> publish(publisher)).code();
    }

    @ParameterizedTest
    @EnumSource(Publisher.class)
    void whatKmsRefusesHasSnssNameForIt(Publisher publisher) {
        publish(publisher);
        kms.disableKey(request -> request.keyId(key));
        assertEquals("KMSDisabled", refusal(publisher));
        kms.enableKey(request -> request.keyId(key));
        kms.scheduleKeyDeletion(request -> request.keyId(key));
        assertEquals("KMSInvalidState", refusal(publisher));
        kms.cancelKeyDeletion(request -> request.keyId(key));
        kms.enableKey(request -> request.keyId(key));
        publish(publisher);
        cloud.sns().setTopicAttribute(topic, "KmsMasterKeyId", "alias/gone");
        assertEquals("KMSNotFound", refusal(publisher));
    }

    @Test
    void whoMayNotUseTheKeyIsDeniedInSnssName() {
        kms.putKeyPolicy(request -> request.keyId(key).policy("""
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
              {"Effect": "Deny", "Principal": "*", "Action": "kms:GenerateDataKey", "Resource": "*"}]}
            """));
        assertEquals("KMSAccessDenied", refusal(Publisher.CALLER));
        kms.putKeyPolicy(request -> request.keyId(key).policy(policy("s3.amazonaws.com")));
        publish(Publisher.CALLER);
        assertEquals("KMSAccessDenied", refusal(Publisher.SERVICE));
        cloud.sns().setTopicAttribute(topic, "KmsMasterKeyId", "alias/aws/sns");
        publish(Publisher.CALLER);
        assertEquals("KMSAccessDenied", refusal(Publisher.SERVICE), "the policy of AWS's own key admits no service");
    }

    @Test
    void aBusyOrBrokenKmsIsThrottlingAndAnInternalError() {
        cloud.faults().add("kms", "GenerateDataKey", 1, Faults.Kind.THROTTLED);
        assertEquals("KMSThrottling", refusal(Publisher.CALLER));
        cloud.faults().add("kms", "Decrypt", 1, Faults.Kind.INTERNAL_ERROR);
        assertEquals("InternalError", refusal(Publisher.CALLER));
        publish(Publisher.CALLER);
    }
}
