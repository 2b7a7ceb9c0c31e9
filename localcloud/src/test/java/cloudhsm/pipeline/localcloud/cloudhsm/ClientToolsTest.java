package cloudhsm.pipeline.localcloud.cloudhsm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;

class ClientToolsTest {
    private final CloudHsmScenario scenario = new CloudHsmScenario();
    private final CloudHsmScenario.Instance instance = scenario.instance();

    @AfterEach
    void close() {
        scenario.close();
    }

    @Test
    void activationShowsInTheApiMinutesLater() {
        var cluster = scenario.initializedCluster();
        instance.join(cluster);
        instance.configureForAllHsms(cluster);
        assertEquals("unactivated-admin", user("admin").path("role").asText());

        var result = instance.cli(Map.of(), "cluster", "activate", "--password", CloudHsmScenario.ADMIN_PASSWORD);

        assertEquals("""
            {
              "error_code": 0,
              "data": "Cluster activation successful"
            }
            """, result.standardOutput());
        assertEquals("admin", user("admin").path("role").asText());
        assertEquals(ClusterState.INITIALIZED, scenario.describe(cluster).state(), "the API lags behind the HSM");
        assertEquals(
                1,
                instance.cli(Map.of(), "cluster", "activate", "--password", "another1234")
                        .exitStatus());
        scenario.waitForCluster(cluster, ClusterState.ACTIVE);
    }

    @Test
    void cliWithoutConfigurationFails() {
        scenario.initializedCluster();
        var result = instance.cli(Map.of(), "user", "list");
        assertEquals(1, result.exitStatus());
        assertTrue(result.standardOutput().contains("run configure-cli first"), result.standardOutput());
    }

    @Test
    void instanceOutsideTheClustersSecurityGroupGetsNoConnection() {
        var cluster = scenario.initializedCluster();
        instance.configureForAllHsms(cluster);
        assertTrue(instance.cli(Map.of(), "user", "list").standardOutput().contains("connection timed out"));
        instance.join(cluster);
        assertEquals(0, instance.cli(Map.of(), "user", "list").exitStatus());
    }

    @Test
    void foreignTrustAnchorGetsNoConnection() {
        var cluster = scenario.initializedCluster();
        instance.join(cluster);
        instance.configureForAllHsms(cluster);
        instance.write("/opt/cloudhsm/etc/customerCA.crt", new TestAuthority().rootPem());
        var result = instance.cli(Map.of(), "user", "list");
        assertTrue(result.standardOutput().contains("certificate verify failed"), result.standardOutput());
    }

    @Test
    void trustAnchorMayLieElsewhereIfConfigured() {
        var cluster = scenario.initializedCluster();
        instance.join(cluster);
        instance.configureForAllHsms(cluster);
        instance.write("/opt/cloudhsm/etc/customerCA.crt", "");
        instance.write("/opt/cloudhsm/etc/root.crt", scenario.authority.rootPem());
        var mapped = instance.root.resolve("opt/cloudhsm/etc/root.crt").toString();
        assertEquals(0, instance.configure(Map.of(), "--hsm-ca-cert", mapped).exitStatus());
        assertEquals(0, instance.cli(Map.of(), "cluster", "hsm-info").exitStatus());
    }

    @Test
    void configuringByClusterIdNeedsCredentials() {
        var cluster = scenario.initializedCluster();
        var result = instance.configure(Map.of(), "--cluster-id", cluster, "--region", "eu-central-1");
        assertEquals(1, result.exitStatus());
        assertTrue(result.standardError().contains("no AWS credentials"), "the instance has no role");
    }

    @Test
    void userMadeWhileAnHsmIsBuiltIsMissingThereUntilMadeAgain() {
        var cluster = scenario.activeCluster(instance);
        var second = scenario.createHsm(cluster, CloudHsmScenario.ZONE_B);
        assertEquals(0, instance.createUser("kmsuser", "kmsPassword1").exitStatus());
        scenario.waitForHsm(cluster, second, HsmState.ACTIVE);
        assertEquals("full", coverage("kmsuser"), "the CLI sees only the HSM that it was configured with");
        instance.configureForAllHsms(cluster);
        assertEquals("inconsistent", coverage("kmsuser"));
        assertEquals("full", coverage("admin"), "the admin was in the backup");

        assertEquals(0, instance.createUser("kmsuser", "kmsPassword1").exitStatus());

        assertEquals("full", coverage("kmsuser"));
        assertEquals(1, instance.createUser("kmsuser", "kmsPassword1").exitStatus(), "nothing is left to complete");
    }

    @Test
    void userLeftOutOfACloneShowsAsInconsistent() {
        var cluster = scenario.activeCluster(instance);
        instance.createUser("kmsuser", "kmsPassword1");
        scenario.aws.cloudHsm().omitUserFromNextClone("kmsuser");
        scenario.createActiveHsm(cluster, CloudHsmScenario.ZONE_B);
        instance.configureForAllHsms(cluster);
        assertEquals("inconsistent", coverage("kmsuser"));
    }

    @Test
    void failingLineInInteractiveModeChangesNeitherTheRestNorTheExitStatus() {
        scenario.activeCluster(instance);
        var result = instance.interactive("""
            login --username admin --role admin --password wrong1234
            login --username admin --role admin --password "adminPassword1"
            cluster mtls get-enforcement
            user create --username Alice --role crypto-user --password 'alicePassword'
            quit
            user list
            """);
        assertEquals(0, result.exitStatus());
        assertEquals("""
            {
              "error_code": 1,
              "data": "Incorrect authentication credentials"
            }
            {
              "error_code": 0,
              "data": {
                "username": "admin",
                "role": "admin"
              }
            }
            {
              "error_code": 0,
              "data": {
                "mtls-enforcement-level": "none"
              }
            }
            {
              "error_code": 0,
              "data": {
                "username": "alice",
                "role": "crypto-user"
              }
            }
            """, result.standardOutput());
    }

    @Test
    void fiveFailedLoginsLockAUserUntilAnAdminChangesThePassword() {
        scenario.activeCluster(instance);
        instance.createUser("alice", "alicePassword");
        var attempt = "login --username alice --role crypto-user --password wrongPassword\n";
        instance.interactive(attempt.repeat(4));
        assertEquals("false", user("alice").path("locked").asText());
        instance.interactive(attempt);
        assertEquals("true", user("alice").path("locked").asText());
        var right = "login --username alice --role crypto-user --password alicePassword\n";
        assertTrue(instance.interactive(right).standardOutput().contains("User is locked"));

        instance.asAdmin(
                "user",
                "change-password",
                "--username",
                "alice",
                "--role",
                "crypto-user",
                "--password",
                "alicePassword");

        assertEquals("false", user("alice").path("locked").asText());
        assertTrue(instance.interactive(right).standardOutput().contains("\"error_code\": 0"));
    }

    @Test
    void passwordsOutsideEightToThirtyTwoCharactersAreRefused() {
        scenario.activeCluster(instance);
        assertEquals(1, instance.createUser("alice", "a".repeat(7)).exitStatus());
        assertEquals(1, instance.createUser("alice", "a".repeat(33)).exitStatus());
        assertEquals(0, instance.createUser("alice", "a".repeat(32)).exitStatus());
    }

    @Test
    void userOwningKeysCannotBeDeleted() {
        var id = scenario.activeCluster(instance);
        instance.createUser("kmsuser", "kmsPassword1");
        var cluster = scenario.aws.cloudHsm().cluster(id).orElseThrow();
        cluster.createKey("key");
        assertEquals(1, deleteKmsUser().exitStatus());
        cluster.destroyKey("key");
        assertEquals(0, deleteKmsUser().exitStatus());
        assertTrue(deleteKmsUser().standardOutput().contains("Specified user does not exist"));
    }

    @Test
    void usersCannotBeManagedWithoutLogin() {
        scenario.activeCluster(instance);
        var result = instance.cli(
                Map.of(), "user", "create", "--username", "a", "--role", "admin", "--password", "longEnough");
        assertEquals(1, result.exitStatus());
        assertFalse(result.standardOutput().contains("longEnough"), "no password in any output");
    }

    @Test
    void unknownCommandIsAUsageError() {
        scenario.activeCluster(instance);
        var result = instance.cli(Map.of(), "hsm-info");
        assertEquals(2, result.exitStatus());
        assertEquals("", result.standardOutput());
    }

    private CommandResult deleteKmsUser() {
        return instance.asAdmin("user", "delete", "--username", "kmsuser", "--role", "crypto-user");
    }

    private String coverage(String username) {
        return user(username).path("cluster-coverage").asText();
    }

    private JsonNode user(String username) {
        var output = Json.parse(instance.cli(Map.of(), "user", "list").standardOutput());
        for (var user : output.path("data").path("users")) {
            if (user.path("username").asText().equals(username)) return user;
        }
        throw new AssertionError("There is no user " + username + " in " + output);
    }
}
