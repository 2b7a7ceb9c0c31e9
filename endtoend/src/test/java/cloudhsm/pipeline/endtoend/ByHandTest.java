package cloudhsm.pipeline.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.endtoend.ByHandWalk.Refused;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.kms.model.ConnectionErrorCodeType;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.ssm.model.GetCommandInvocationResponse;

/** What docs/by-hand.md shows, walked once: AWS's answers in order and out of order. */
class ByHandTest {
    private static Pipeline pipeline;
    private static ByHandWalk walk;

    @BeforeAll
    static void walkOnce() {
        pipeline = Pipeline.deploy();
        walk = new ByHandWalk(pipeline);
        walk.walk();
    }

    @AfterAll
    static void close() {
        pipeline.close();
    }

    @Test
    void anObjectOfTheBucketIsUnderTheKeyInTheHsms() {
        var head = pipeline.s3()
                .headObject(request -> request.bucket(ByHandWalk.BUCKET).key(ByHandWalk.OBJECT));
        assertEquals(ServerSideEncryption.AWS_KMS, head.serverSideEncryption());
        assertEquals(walk.keyArn(), head.ssekmsKeyId());
        assertEquals(ByHandWalk.TEXT, walk.textRead());
    }

    @Test
    void activationGivesAdminItsRole() {
        assertEquals("unactivated-admin", roles(walk.usersBeforeActivation()).get("admin"));
        assertEquals("admin", roles(walk.usersAtTheEnd()).get("admin"));
    }

    @Test
    void kmsuserIsOnBothHsms() {
        assertEquals("crypto-user", roles(walk.usersAtTheEnd()).get("kmsuser"));
        assertFalse(
                walk.usersAtTheEnd().standardOutputContent().contains("inconsistent"),
                "the CLI was configured with both HSMs before the user was created");
    }

    @Test
    void secondHsmBeforeInitializationIsRefused() {
        refused(
                Refused.SECOND_HSM_BEFORE_INITIALIZATION,
                "CloudHsmInvalidRequestException",
                "Cluster '" + walk.clusterId() + "' already contains an HSM but has not yet been fully activated");
    }

    @Test
    void secondHsmBeforeActivationIsRefused() {
        refused(
                Refused.SECOND_HSM_BEFORE_ACTIVATION,
                "CloudHsmInvalidRequestException",
                "Cluster '" + walk.clusterId() + "' already contains an HSM but has not yet been fully activated");
    }

    @Test
    void refusedHsmsWereNeverCreated() {
        assertEquals(2, pipeline.cloud().cloudHsm().everCreated().size(), "each further HSM bills by the hour");
    }

    @Test
    void certificateOfAnotherRootIsRefused() {
        refused(Refused.CERTIFICATE_OF_ANOTHER_ROOT, "CloudHsmInvalidRequestException", "TrustAnchor");
    }

    @Test
    void keyStoreBeforeActivationIsRefused() {
        refused(Refused.KEY_STORE_BEFORE_ACTIVATION, "CloudHsmClusterNotActiveException", "INITIALIZED");
    }

    @Test
    void keyStoreOnOneHsmIsRefused() {
        refused(Refused.KEY_STORE_ON_ONE_HSM, "CloudHsmClusterInvalidConfigurationException", "at least two");
    }

    @Test
    void keyStoreWithAnotherTrustAnchorIsRefused() {
        refused(Refused.KEY_STORE_WITH_ANOTHER_TRUST_ANCHOR, "IncorrectTrustAnchorException", walk.clusterId());
    }

    @Test
    void keyBeforeTheConnectionIsRefused() {
        refused(Refused.KEY_BEFORE_CONNECTION, "CustomKeyStoreInvalidStateException", "DISCONNECTED");
    }

    @Test
    void connectionWithoutKmsuserFailsLater() {
        assertEquals(
                ConnectionErrorCodeType.USER_NOT_FOUND,
                walk.storeWithoutKmsuser().connectionErrorCode());
    }

    @Test
    void failedStoreIsConnectedOnlyAfterDisconnecting() {
        refused(Refused.CONNECTION_FROM_FAILED, "CustomKeyStoreInvalidStateException", "FAILED");
    }

    @Test
    void keyInTheHsmsIsNotRotated() {
        refused(Refused.ROTATION_OF_THE_KEY, "UnsupportedOperationException", walk.keyArn());
    }

    @Test
    void objectOfAKeyPendingDeletionIsUnreadable() {
        refused(
                Refused.OBJECT_OF_A_KEY_PENDING_DELETION,
                "KMS.KMSInvalidStateException",
                walk.keyArn() + " is pending deletion.");
    }

    @Test
    void storeWithAKeyPendingDeletionIsNotDeleted() {
        refused(Refused.DELETION_OF_A_STORE_WITH_A_KEY, "CustomKeyStoreHasCMKsException", walk.keyStoreId());
    }

    @Test
    void clusterWithHsmsIsNotDeleted() {
        refused(Refused.DELETION_OF_A_CLUSTER_WITH_HSMS, "CloudHsmInvalidRequestException", walk.clusterId());
        assertEquals(2, walk.cluster().hsms().size());
    }

    private static void refused(Refused what, String code, String saying) {
        var details = walk.refusal(what).awsErrorDetails();
        assertEquals(code, details.errorCode(), details.errorMessage());
        assertTrue(details.errorMessage().contains(saying), details.errorMessage());
    }

    private static Map<String, String> roles(GetCommandInvocationResponse userList) {
        var roles = new HashMap<String, String>();
        var output = userList.standardOutputContent();
        for (var user :
                Json.parse(output.substring(output.indexOf('{'))).path("data").path("users")) {
            roles.put(user.path("username").asText(), user.path("role").asText());
        }
        return roles;
    }
}
