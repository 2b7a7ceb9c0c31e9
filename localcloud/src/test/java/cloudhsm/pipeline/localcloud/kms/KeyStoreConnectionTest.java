package cloudhsm.pipeline.localcloud.kms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.kms.model.CloudHsmClusterInvalidConfigurationException;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreInvalidStateException;

class KeyStoreConnectionTest {
    /** Connects a new store of the cluster and says why that failed. */
    private static String errorCodeOf(KeyStoreScenario aws) {
        aws.connect(aws.createStore());
        assertEquals(ConnectionStateType.FAILED, aws.store().connectionState());
        return aws.store().connectionErrorCodeAsString();
    }

    @Test
    void connectionTakesItsTime() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            var id = aws.createStore();
            aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(id));
            aws.cloud.advance(Duration.ofMinutes(15).minusSeconds(1));
            assertEquals(ConnectionStateType.CONNECTING, aws.store().connectionState());
            aws.cloud.advance(Duration.ofMinutes(5).plusSeconds(1));
            assertEquals(ConnectionStateType.CONNECTED, aws.store().connectionState());
            var timed = aws.cloud.kms().timings().getFirst();
            assertEquals("ConnectCustomKeyStore", timed.what());
            assertTrue(Duration.between(timed.startedAt(), timed.endedAt()).compareTo(Duration.ofMinutes(15)) >= 0);
        }
    }

    @Test
    void passwordIsKmsOwnOnceConnected() {
        try (var aws = KeyStoreScenario.connected()) {
            aws.disconnect(aws.store().customKeyStoreId());
            var results =
                    aws.cluster().login("kmsuser", KeyStoreScenario.PASSWORD).values();
            assertEquals("[WRONG_PASSWORD, WRONG_PASSWORD]", results.toString());
        }
    }

    @Test
    void reconnectionNeedsNoPassword() {
        try (var aws = KeyStoreScenario.connected()) {
            var id = aws.store().customKeyStoreId();
            aws.disconnect(id);
            aws.connect(id);
            assertEquals(ConnectionStateType.CONNECTED, aws.store().connectionState());
        }
    }

    @Test
    void missingKmsUserFailsTheConnection() {
        try (var aws = new KeyStoreScenario()) {
            aws.createHsm("eu-central-1b");
            assertEquals("USER_NOT_FOUND", errorCodeOf(aws));
        }
    }

    @Test
    void kmsUserOnOneHsmOnlyFailsTheConnection() {
        try (var aws = new KeyStoreScenario()) {
            aws.createKmsUser(KeyStoreScenario.PASSWORD);
            aws.cloud.cloudHsm().omitUserFromNextClone("kmsuser");
            aws.createHsm("eu-central-1b");
            assertEquals("USER_NOT_FOUND", errorCodeOf(aws));
        }
    }

    @Test
    void wrongPasswordFailsUntilUpdatedAfterADisconnect() {
        try (var aws = new KeyStoreScenario()) {
            aws.createHsm("eu-central-1b");
            aws.createKmsUser("anotherPassword1");
            assertEquals("INVALID_CREDENTIALS", errorCodeOf(aws));
            var id = aws.store().customKeyStoreId();
            assertThrows(
                    CustomKeyStoreInvalidStateException.class,
                    () -> aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(id)),
                    "a FAILED store must be disconnected first");
            aws.disconnect(id);
            assertNull(aws.store().connectionErrorCode(), "the code is there only while FAILED");
            aws.kms.updateCustomKeyStore(request -> request.customKeyStoreId(id).keyStorePassword("anotherPassword1"));
            aws.connect(id);
            assertEquals(ConnectionStateType.CONNECTED, aws.store().connectionState());
        }
    }

    @Test
    void fiveWrongLoginsLockKmsUserOut() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            for (int i = 0; i < 5; i++) aws.cluster().login("kmsuser", "wrongPassword1");
            assertEquals("USER_LOCKED_OUT", errorCodeOf(aws));
        }
    }

    @Test
    void strayLoginFailsTheConnection() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            aws.cloud.cloudHsm().leaveLoggedIn(aws.clusterId, "kmsuser");
            assertEquals("USER_LOGGED_IN", errorCodeOf(aws));
        }
    }

    @Test
    void clusterWithoutHsmsIsRefusedAtOnceAndFailsLater() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            var id = aws.createStore();
            aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(id));
            aws.deleteHsms();
            aws.waitUntil(() -> aws.store().connectionState() != ConnectionStateType.CONNECTING);
            assertEquals("INSUFFICIENT_CLOUDHSM_HSMS", aws.store().connectionErrorCodeAsString());
            aws.disconnect(id);
            assertThrows(
                    CloudHsmClusterInvalidConfigurationException.class,
                    () -> aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(id)));
            assertEquals(ConnectionStateType.DISCONNECTED, aws.store().connectionState());
        }
    }

    @Test
    void rulesTakenAwayMeanwhileAreNetworkErrorsUntilTheyAreBack() {
        try (var aws = KeyStoreScenario.readyForKeyStore();
                var ec2 = aws.callers.client(Ec2Client.builder(), aws.callers.administrator())) {
            var id = aws.createStore();
            var group = aws.cluster().securityGroup().orElseThrow();
            var rule = ec2.describeSecurityGroups(request -> request.groupIds(group))
                    .securityGroups()
                    .getFirst()
                    .ipPermissions();
            aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(id));
            ec2.revokeSecurityGroupIngress(request -> request.groupId(group).ipPermissions(rule));
            aws.waitUntil(() -> aws.store().connectionState() != ConnectionStateType.CONNECTING);
            assertEquals("NETWORK_ERRORS", aws.store().connectionErrorCodeAsString());
            aws.disconnect(id);
            ec2.authorizeSecurityGroupIngress(request -> request.groupId(group).ipPermissions(rule));
            aws.connect(id);
            assertEquals(ConnectionStateType.CONNECTED, aws.store().connectionState());
        }
    }

    @Test
    void forcedFailureHappensOnce() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            aws.cloud.kms().failNextConnection("NETWORK_ERRORS");
            assertEquals("NETWORK_ERRORS", errorCodeOf(aws));
            var id = aws.store().customKeyStoreId();
            aws.disconnect(id);
            aws.connect(id);
            assertEquals(ConnectionStateType.CONNECTED, aws.store().connectionState());
        }
    }

    @Test
    void kmsHasInterfacesOfItsOwnWhileConnected() {
        try (var aws = KeyStoreScenario.connected();
                var ec2 = aws.callers.client(Ec2Client.builder(), aws.callers.administrator())) {
            var id = aws.store().customKeyStoreId();
            assertEquals(3, interfacesOf(ec2, id), "one in each of the cluster's subnets");
            aws.disconnect(id);
            assertEquals(0, interfacesOf(ec2, id));
            assertTrue(ec2.describeSecurityGroups().securityGroups().stream()
                    .noneMatch(group -> group.groupName().equals("kms-" + id)));
        }
    }

    private static long interfacesOf(Ec2Client ec2, String storeId) {
        return ec2.describeNetworkInterfaces().networkInterfaces().stream()
                .filter(each -> each.groups().stream()
                        .anyMatch(group -> group.groupName().equals("kms-" + storeId)))
                .count();
    }

    @Test
    void disconnectionEndsAConnectionUnderWay() {
        try (var aws = KeyStoreScenario.readyForKeyStore()) {
            var id = aws.createStore();
            aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(id));
            aws.cloud.advance(Duration.ofMinutes(3));
            aws.disconnect(id);
            aws.cloud.advance(Duration.ofMinutes(30));
            assertEquals(ConnectionStateType.DISCONNECTED, aws.store().connectionState());
            assertThrows(
                    CustomKeyStoreInvalidStateException.class,
                    () -> aws.kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(id)));
            assertNotEquals(0, aws.cloud.calls("ConnectCustomKeyStore"));
        }
    }
}
