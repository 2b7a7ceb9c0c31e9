package cloudhsm.pipeline.provisioning.keystore;

import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.client.ClientCommand;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.kms.model.ConnectionStateType;

class DiagnoseConnectionTest {
    private static final String PASSWORD = "kmsPassword1";

    private static final Map<String, String> REPAIRS = Map.of(
            "INVALID_CREDENTIALS", "RESET_PASSWORD",
            "USER_LOCKED_OUT", "RESET_PASSWORD",
            "USER_NOT_FOUND", "COMPLETE_USER",
            "USER_LOGGED_IN", "WAIT",
            "INSUFFICIENT_CLOUDHSM_HSMS", "RESTORE_HSMS",
            "CLUSTER_NOT_FOUND", "PERSON",
            "SUBNET_NOT_FOUND", "PERSON",
            "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET", "PERSON",
            "NETWORK_ERRORS", "WAIT",
            "INTERNAL_ERROR", "WAIT");

    private static final String LIST_USERS = """
        {"schemaVersion": "2.2", "description": "Lists users",
         "parameters": {"ClusterId": {"type": "String"}, "HsmAddresses": {"type": "String"},
                        "TrustAnchor": {"type": "String"}, "Region": {"type": "String"},
                        "CliPackageUrl": {"type": "String"}, "CliPackageSha256": {"type": "String"}},
         "mainSteps": [{"action": "aws:runShellScript", "name": "runScript", "inputs": {"runCommand": ["true"]}}]}
        """;

    private final TestAccount aws = new TestAccount();
    private final DiagnoseConnection stage = new DiagnoseConnection(
            aws.kms,
            aws.cloudHsm,
            aws.ec2,
            new ClientCommand(
                    aws.ssm,
                    "list-users",
                    new ClientCommand.Cli("eu-central-1", "https://example.com/cli.rpm", "0".repeat(64))),
            aws.runtime);
    private TestAccount.InitializedCluster cluster;
    private String keyStoreId;

    @BeforeEach
    void kmsHasAKeyStore() {
        cluster = aws.clusterForKms(PASSWORD);
        aws.cloud.ssm().createDocument("list-users", Json.parse(LIST_USERS));
        keyStoreId = aws.kms
                .createCustomKeyStore(request -> request.customKeyStoreName("cloudhsm-demo")
                        .cloudHsmClusterId(cluster.id())
                        .trustAnchorCertificate(cluster.trustAnchor())
                        .keyStorePassword(PASSWORD))
                .customKeyStoreId();
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private void until(ConnectionStateType state) {
        aws.waitUntil(() -> aws.kms
                        .describeCustomKeyStores(request -> request.customKeyStoreId(keyStoreId))
                        .customKeyStores()
                        .getFirst()
                        .connectionState()
                == state);
    }

    private void fail(String code) {
        aws.cloud.kms().failNextConnection(code);
        aws.kms.connectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        until(ConnectionStateType.FAILED);
    }

    /** The client is gone, so what its users would tell is not known. */
    private DiagnoseConnection.Input after(List<String> failures) {
        return new DiagnoseConnection.Input(
                keyStoreId, cluster.id(), "i-0123456789abcdef0", cluster.trustAnchor(), failures, "ERROR", "cause");
    }

    private DiagnoseConnection.Output diagnose(List<String> failures) {
        return done(stage.run(after(failures), Optional.empty()), DiagnoseConnection.Output.class);
    }

    @Test
    void everyCodeHasEvidenceARemedyAndABound() {
        REPAIRS.forEach((code, repair) -> {
            fail(code);
            var first = diagnose(List.of());
            assertEquals(code, first.code());
            assertEquals(repair, first.repair(), code);
            assertEquals(List.of(code), first.failures());
            assertTrue(first.says().contains("is FAILED with " + code + ": "), first::says);
            assertTrue(first.evidence().getFirst().contains(" is ACTIVE and has hsm-"), first::says);

            var tries = ConnectionError.of(code).tries();
            var last = diagnose(Collections.nCopies(tries, code));
            assertEquals("PERSON", last.repair(), () -> code + " is tried " + tries + " times");
            assertTrue(last.says().contains("Next: " + ConnectionError.of(code).remedy()), last::says);
            assertFalse(last.says().contains(PASSWORD), last::says);

            aws.kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
            until(ConnectionStateType.DISCONNECTED);
        });
    }

    @Test
    void networkIsSeenInEc2AndTheUsersThroughTheClient() {
        fail("NETWORK_ERRORS");
        var group = aws.cluster(cluster.id()).securityGroup();
        var seen = diagnose(List.of());
        assertTrue(
                seen.says().contains("group " + group + " lets TCP 2223 to 2225 in from itself, and lets it out."),
                seen::says);
        assertTrue(seen.says().contains(" free addresses. "), seen::says);

        aws.kms.disconnectCustomKeyStore(request -> request.customKeyStoreId(keyStoreId));
        until(ConnectionStateType.DISCONNECTED);
        fail("USER_NOT_FOUND");
        var without = diagnose(List.of());
        assertTrue(without.says().contains("could not be listed (CLIENT_GONE)"), without::says);
        assertEquals("COMPLETE_USER", without.repair(), "a lost client does not stop the repair");
    }

    @Test
    void withoutAClientTheUsersAreNotListedAndTheRepairIsTheSame() {
        fail("USER_NOT_FOUND");
        var input = new DiagnoseConnection.Input(
                keyStoreId, cluster.id(), "", cluster.trustAnchor(), List.of(), "ERROR", "cause");
        var diagnosis = done(stage.run(input, Optional.empty()), DiagnoseConnection.Output.class);
        assertEquals("COMPLETE_USER", diagnosis.repair());
        assertEquals(1, diagnosis.evidence().size(), "of the HSMs alone: " + diagnosis.says());
        assertEquals(0, aws.cloud.calls("SendCommand"));
    }

    @Test
    void differentCodesInTurnAreBoundedToo() {
        fail("NETWORK_ERRORS");
        var many = List.of(
                "USER_NOT_FOUND",
                "USER_NOT_FOUND",
                "INVALID_CREDENTIALS",
                "INVALID_CREDENTIALS",
                "INTERNAL_ERROR",
                "INTERNAL_ERROR");
        assertEquals("PERSON", diagnose(many).repair());
    }

    @Test
    void codeThatIsNewIsLeftToAPersonUnderItsName() {
        assertEquals(
                ConnectionError.Repair.PERSON,
                ConnectionError.of("SOMETHING_NEW").repair());
    }

    @Test
    void failureThatIsNotTheKeyStoresIsPassedOn() {
        var passedOn = failed(stage.run(after(List.of()), Optional.empty()));
        assertEquals("ERROR", passedOn.reason());
        assertEquals("cause", passedOn.message());
    }
}
