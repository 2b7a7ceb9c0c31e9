package cloudhsm.pipeline.localcloud.kms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterInUseException;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterInvalidConfigurationException;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterNotFoundException;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreHasCmKsException;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreInvalidStateException;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreNameInUseException;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreNotFoundException;
import software.amazon.awssdk.services.kms.model.IncorrectTrustAnchorException;
import software.amazon.awssdk.services.kms.model.KmsException;

class CustomKeyStoreTest {
    @Test
    void clusterWithOneHsmIsRefused() {
        try (var aws = new KeyStoreScenario()) {
            aws.createKmsUser(KeyStoreScenario.PASSWORD);
            assertThrows(CloudHsmClusterInvalidConfigurationException.class, aws::createStore);
            aws.createHsm("eu-central-1a");
            assertThrows(
                    CloudHsmClusterInvalidConfigurationException.class,
                    aws::createStore,
                    "two HSMs in one Availability Zone are one too few");
            aws.createHsm("eu-central-1b");
            aws.createStore();
        }
    }

    @Test
    void newStoreIsDisconnectedAndFoundByIdOrName() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            var id = aws.createStore();
            var byName = aws.kms
                    .describeCustomKeyStores(request -> request.customKeyStoreName("reports"))
                    .customKeyStores()
                    .getFirst();
            assertEquals(id, byName.customKeyStoreId());
            assertEquals(ConnectionStateType.DISCONNECTED, byName.connectionState());
            assertEquals(aws.clusterId, byName.cloudHsmClusterId());
            assertNull(byName.connectionErrorCode(), "a code means FAILED");
            var both = assertThrows(
                    KmsException.class,
                    () -> aws.kms.describeCustomKeyStores(
                            request -> request.customKeyStoreId(id).customKeyStoreName("reports")));
            assertEquals("ValidationException", both.awsErrorDetails().errorCode());
            assertThrows(
                    CustomKeyStoreNotFoundException.class,
                    () -> aws.kms.describeCustomKeyStores(request -> request.customKeyStoreName("other")));
        }
    }

    @Test
    void sameRequestAgainIsTheSameStoreAndAnotherIsRefused() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            var id = aws.createStore();
            assertEquals(id, aws.createStore());
            assertThrows(
                    CustomKeyStoreNameInUseException.class,
                    () -> aws.kms.createCustomKeyStore(aws.storeRequest()
                            .keyStorePassword("anotherPassword1")
                            .build()));
            assertThrows(
                    CloudHsmClusterInUseException.class,
                    () -> aws.kms.createCustomKeyStore(
                            aws.storeRequest().customKeyStoreName("other").build()));
            aws.connect(id);
            assertThrows(
                    CustomKeyStoreNameInUseException.class,
                    aws::createStore,
                    "the convenience is for disconnected stores only");
        }
    }

    @Test
    void storeThatWasConnectedOnceIsFoundByTheValuesItWasMadeWith() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            var id = aws.createStore();
            aws.connect(id);
            aws.disconnect(id);
            assertEquals(id, aws.createStore(), "KMS has changed the password since, which its owner cannot know");
            assertThrows(
                    CustomKeyStoreNameInUseException.class,
                    () -> aws.kms.createCustomKeyStore(aws.storeRequest()
                            .keyStorePassword("anotherPassword1")
                            .build()));
        }
    }

    @Test
    void trustAnchorMustBeTheClustersOwnAndShort() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            var otherRoot = KeyStoreScenario.certificate(
                    new X500Name("CN=Other"), SubjectPublicKeyInfo.getInstance(newPublicKey()));
            assertThrows(
                    IncorrectTrustAnchorException.class,
                    () -> aws.kms.createCustomKeyStore(
                            aws.storeRequest().trustAnchorCertificate(otherRoot).build()));
            var tooLong = assertThrows(
                    KmsException.class,
                    () -> aws.kms.createCustomKeyStore(aws.storeRequest()
                            .trustAnchorCertificate(aws.trustAnchor + "\n".repeat(5000))
                            .build()));
            assertEquals("ValidationException", tooLong.awsErrorDetails().errorCode());
        }
    }

    private static byte[] newPublicKey() {
        try {
            return java.security.KeyPairGenerator.getInstance("RSA")
                    .generateKeyPair()
                    .getPublic()
                    .getEncoded();
        } catch (java.security.GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @Test
    void passwordIsSevenToThirtyTwoLettersAndDigitsAndNeverRepeated() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            for (var password : new String[] {"short1", "x".repeat(33), "has:colon1"}) {
                var refused = assertThrows(
                        KmsException.class,
                        () -> aws.kms.createCustomKeyStore(
                                aws.storeRequest().keyStorePassword(password).build()));
                assertEquals("ValidationException", refused.awsErrorDetails().errorCode());
                assertFalse(refused.getMessage().contains(password), "errors end up in logs");
            }
        }
    }

    @Test
    void unknownClusterIsNotFound() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            assertThrows(
                    CloudHsmClusterNotFoundException.class,
                    () -> aws.kms.createCustomKeyStore(aws.storeRequest()
                            .cloudHsmClusterId("cluster-aaaaaaaaaaa")
                            .build()));
        }
    }

    @Test
    void mutualTlsIsRefused() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            aws.cloud.cloudHsm().enforceMutualTls(aws.clusterId, true);
            assertThrows(CloudHsmClusterInvalidConfigurationException.class, aws::createStore);
        }
    }

    @Test
    void callerNeedsThreeRights() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            var rights = "";
            for (var action :
                    new String[] {"kms:CreateCustomKeyStore", "cloudhsm:DescribeClusters", "iam:CreateServiceLinkedRole"
                    }) {
                var caller = aws.callers.roleWith(
                        "without-" + action.replace(':', '-'), Callers.allow("kms:ListKeys", "*") + rights);
                try (var client = aws.callers.client(KmsClient.builder(), caller)) {
                    var refused = assertThrows(
                            KmsException.class,
                            () -> client.createCustomKeyStore(aws.storeRequest().build()));
                    assertTrue(refused.getMessage().contains("perform: " + action), refused.getMessage());
                }
                rights += "," + Callers.allow(action, "*");
            }
            var entitled = aws.callers.roleWith("entitled", Callers.allow("kms:ListKeys", "*") + rights);
            try (var client = aws.callers.client(KmsClient.builder(), entitled)) {
                client.createCustomKeyStore(aws.storeRequest().build());
            }
        }
    }

    @Test
    void connectedStoreMayChangeItsNameOnly() {
        try (var aws = KeyStoreScenario.connected()) {
            var id = aws.store().customKeyStoreId();
            aws.kms.updateCustomKeyStore(request -> request.customKeyStoreId(id).newCustomKeyStoreName("renamed"));
            assertEquals("renamed", aws.store().customKeyStoreName());
            assertThrows(
                    CustomKeyStoreInvalidStateException.class,
                    () -> aws.kms.updateCustomKeyStore(
                            request -> request.customKeyStoreId(id).keyStorePassword("anotherPassword1")));
        }
    }

    @Test
    void storeIsDeletedOnlyDisconnectedAndWithoutKeys() {
        try (var aws = KeyStoreScenario.connected()) {
            var id = aws.store().customKeyStoreId();
            var key = aws.createKeyInStore();
            assertThrows(
                    CustomKeyStoreInvalidStateException.class,
                    () -> aws.kms.deleteCustomKeyStore(request -> request.customKeyStoreId(id)));
            aws.kms.scheduleKeyDeletion(request -> request.keyId(key).pendingWindowInDays(7));
            aws.disconnect(id);
            assertThrows(
                    CustomKeyStoreHasCmKsException.class,
                    () -> aws.kms.deleteCustomKeyStore(request -> request.customKeyStoreId(id)),
                    "keys pending deletion count");
            aws.cloud.advance(java.time.Duration.ofDays(8));
            aws.kms.deleteCustomKeyStore(request -> request.customKeyStoreId(id));
            assertTrue(aws.kms.describeCustomKeyStores().customKeyStores().isEmpty());
        }
    }

    @Test
    void storeOperationsAreThrottledAtFivePerSecondOnceSwitchedOn() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            aws.cloud.kms().throttling(true);
            for (int i = 0; i < 5; i++) aws.kms.describeCustomKeyStores();
            var throttled = assertThrows(KmsException.class, aws.kms::describeCustomKeyStores);
            assertEquals("ThrottlingException", throttled.awsErrorDetails().errorCode());
            aws.cloud.advance(java.time.Duration.ofSeconds(1));
            aws.kms.describeCustomKeyStores();
        }
    }
}
