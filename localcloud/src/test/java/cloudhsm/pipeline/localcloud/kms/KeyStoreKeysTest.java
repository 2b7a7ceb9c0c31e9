package cloudhsm.pipeline.localcloud.kms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterInvalidConfigurationException;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreInvalidStateException;
import software.amazon.awssdk.services.kms.model.KeyState;
import software.amazon.awssdk.services.kms.model.KmsException;
import software.amazon.awssdk.services.kms.model.KmsInvalidStateException;

/** Keys whose material is in the HSMs only. */
class KeyStoreKeysTest {
    private final KeyStoreScenario aws = KeyStoreScenario.connected();
    private final String storeId = aws.store().customKeyStoreId();

    @AfterEach
    void close() {
        aws.close();
    }

    private KeyState stateOf(String key) {
        return aws.kms.describeKey(request -> request.keyId(key)).keyMetadata().keyState();
    }

    private SdkBytes encrypt(String key) {
        return aws.kms
                .encrypt(request -> request.keyId(key).plaintext(SdkBytes.fromUtf8String("text")))
                .ciphertextBlob();
    }

    private String messageOf(org.junit.jupiter.api.function.Executable use) {
        return assertThrows(KmsInvalidStateException.class, use)
                .awsErrorDetails()
                .errorMessage();
    }

    @Test
    void keyNamesItsStoreAndLivesInTheCluster() {
        var key = aws.kms
                .createKey(request -> request.origin("AWS_CLOUDHSM").customKeyStoreId(storeId))
                .keyMetadata();
        assertEquals(storeId, key.customKeyStoreId());
        assertEquals(aws.clusterId, key.cloudHsmClusterId());
        assertEquals("AWS_CLOUDHSM", key.originAsString());
        assertTrue(aws.cluster().key(key.arn()).isPresent(), "the HSMs know the key under its ARN");
        var encrypted = encrypt(key.arn());
        assertEquals(
                "text",
                aws.kms
                        .decrypt(request -> request.ciphertextBlob(encrypted))
                        .plaintext()
                        .asUtf8String());
    }

    @Test
    void disconnectionMakesKeysUnavailableAtOnceAndReconnectionBringsThemBack() {
        var key = aws.createKeyInStore();
        var encrypted = encrypt(key);
        aws.kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(storeId));
        assertEquals(KeyState.UNAVAILABLE, stateOf(key));
        assertEquals(key + " is unavailable.", messageOf(() -> encrypt(key)));
        assertThrows(CustomKeyStoreInvalidStateException.class, aws::createKeyInStore);
        aws.waitUntil(() -> aws.store().connectionStateAsString().equals("DISCONNECTED"));
        aws.connect(storeId);
        assertEquals(KeyState.ENABLED, stateOf(key));
        assertEquals(
                "text",
                aws.kms
                        .decrypt(request -> request.ciphertextBlob(encrypted))
                        .plaintext()
                        .asUtf8String());
    }

    @Test
    void disablingAnUnavailableKeyActsOnceConnected() {
        var key = aws.createKeyInStore();
        aws.disconnect(storeId);
        aws.kms.disableKey(request -> request.keyId(key));
        assertEquals(KeyState.UNAVAILABLE, stateOf(key));
        aws.connect(storeId);
        assertEquals(KeyState.DISABLED, stateOf(key));
    }

    @Test
    void storeStaysConnectedWithoutHsmsButItsKeysAreOfNoUse() {
        var key = aws.createKeyInStore();
        var encrypted = encrypt(key);
        aws.deleteHsms();
        assertEquals("CONNECTED", aws.store().connectionStateAsString());
        assertEquals(KeyState.ENABLED, stateOf(key));
        var message = messageOf(() -> aws.kms.decrypt(request -> request.ciphertextBlob(encrypted)));
        assertTrue(message.startsWith("KMS cannot communicate with your CloudHSM cluster"), message);
        assertThrows(CloudHsmClusterInvalidConfigurationException.class, aws::createKeyInStore);
    }

    @Test
    void brokenCommunicationIsTransient() {
        var key = aws.createKeyInStore();
        aws.cloud.kms().breakClusterCommunication(1);
        var broken = assertThrows(KmsInvalidStateException.class, () -> encrypt(key));
        assertEquals(400, broken.statusCode(), "so SDKs do not retry it by themselves");
        encrypt(key);
    }

    @Test
    void materialRemovedFromTheHsmsIsLost() {
        var key = aws.createKeyInStore();
        assertTrue(aws.cluster().destroyKey(key));
        messageOf(() -> encrypt(key));
    }

    @Test
    void deletionDestroysTheMaterialWhileConnected() {
        var key = aws.createKeyInStore();
        aws.kms.scheduleKeyDeletion(request -> request.keyId(key).pendingWindowInDays(7));
        aws.cloud.advance(Duration.ofDays(8));
        assertTrue(aws.cluster().key(key).isEmpty());
        assertEquals(List.of(), aws.cloud.kms().orphanedKeyMaterial());
    }

    @Test
    void deletionWithoutAConnectionLeavesTheMaterialOrphaned() {
        var key = aws.createKeyInStore();
        aws.kms.scheduleKeyDeletion(request -> request.keyId(key).pendingWindowInDays(7));
        aws.disconnect(storeId);
        assertEquals(KeyState.PENDING_DELETION, stateOf(key), "disconnecting does not hide a deletion");
        aws.cloud.advance(Duration.ofDays(8));
        assertTrue(aws.cluster().key(key).isPresent());
        assertEquals(List.of(key), aws.cloud.kms().orphanedKeyMaterial());
    }

    @Test
    void storesShareOfRequestsIsEighteenHundredPerSecond() {
        var key = aws.createKeyInStore();
        aws.cloud.kms().throttling(true);
        for (int i = 0; i < 1_800; i++) {
            aws.cloud
                    .kms()
                    .generateDataKey(
                            aws.callers.administrator(), key, java.util.Map.of(), "s3.eu-central-1.amazonaws.com");
        }
        var throttled = assertThrows(KmsException.class, () -> encrypt(key));
        assertEquals("ThrottlingException", throttled.awsErrorDetails().errorCode());
        aws.cloud.advance(Duration.ofSeconds(1));
        encrypt(key);
    }
}
