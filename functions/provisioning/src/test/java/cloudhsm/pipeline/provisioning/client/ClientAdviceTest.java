package cloudhsm.pipeline.provisioning.client;

import static cloudhsm.pipeline.provisioning.TestAccount.DEPLOYMENT;
import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;

/** What the runbook advises about the passwords and users of the HSMs, followed literally. */
class ClientAdviceTest {
    private static final String ADMIN_SECRET = "cloudhsm-pipeline/demo/admin-password";
    private static final String KMSUSER_SECRET = "cloudhsm-pipeline/demo/kmsuser-password";
    private static final String PLANTED = "plantedPassword1";

    private final ClientScenario scenario = new ClientScenario();
    private final TestAccount aws = scenario.aws;

    @AfterEach
    void close() {
        scenario.close();
    }

    private Outcome createKmsUser(String client, String adminSecretArn) {
        var input = new CreateKmsUser.Input(
                DEPLOYMENT, scenario.cluster.id(), client, scenario.cluster.trustAnchor(), adminSecretArn);
        return scenario.afterCommands(awaited -> scenario.createKmsUser.run(input, awaited));
    }

    @Test
    void anAdminPasswordThatIsPutIntoTheNamedSecretIsTaken() {
        var tools = aws.toolsOn(scenario.cluster);
        tools.cli("", "cluster", "activate", "--password", TestAccount.ADMIN_PASSWORD);
        aws.waitUntil(() -> aws.cluster(scenario.cluster.id()).state() == ClusterState.ACTIVE);
        var client = scenario.client();
        var unknown = failed(scenario.activateCluster.run(scenario.activation(client), Optional.empty()));
        assertEquals("ADMIN_PASSWORD_UNKNOWN", unknown.reason());

        assertTrue(unknown.message().contains(ADMIN_SECRET), unknown::message);
        // Whoever starts again without having followed the advice locks nobody out.
        var early = done(
                scenario.activateCluster.run(scenario.activation(client), Optional.empty()),
                ActivateCluster.Output.class);
        assertEquals(
                "PASSWORD_UNUSABLE",
                failed(createKmsUser(client, early.adminSecretArn())).reason());
        store(ADMIN_SECRET, TestAccount.ADMIN_PASSWORD);
        var activated = done(
                scenario.activateCluster.run(scenario.activation(client), Optional.empty()),
                ActivateCluster.Output.class);
        done(createKmsUser(client, activated.adminSecretArn()), CreateKmsUser.Output.class);
    }

    @Test
    void aCorrectedSecretLetsKmsUserBeMadeAndItsPasswordUnlocksIt() {
        var client = scenario.client();
        var adminSecretArn = scenario.activated(client);
        var admin = password(adminSecretArn);
        store(adminSecretArn, "with a space");
        assertEquals(
                "PASSWORD_UNUSABLE",
                failed(createKmsUser(client, adminSecretArn)).reason());
        store(adminSecretArn, "anotherPassword1");
        assertEquals(
                "LOGIN_FAILED", failed(createKmsUser(client, adminSecretArn)).reason());
        store(adminSecretArn, admin);
        var secret = done(createKmsUser(client, adminSecretArn), CreateKmsUser.Output.class)
                .kmsUserSecretArn();

        var cluster = aws.cloud.cloudHsm().cluster(scenario.cluster.id()).orElseThrow();
        for (int login = 0; login < 5; login++) cluster.login("kmsuser", "wrongPassword1");
        assertEquals(
                "USER_LOCKED", failed(createKmsUser(client, adminSecretArn)).reason());
        aws.toolsOn(scenario.cluster)
                .cli(
                        "admin:" + admin,
                        "user",
                        "change-password",
                        "--username",
                        "kmsuser",
                        "--role",
                        "crypto-user",
                        "--password",
                        password(secret));
        done(createKmsUser(client, adminSecretArn), CreateKmsUser.Output.class);
    }

    @Test
    void aPasswordThatSomebodyStoredBeforeIsSetOnNoHsmAndDeletedAsTheCauseSays() {
        var client = scenario.client();
        plant(ADMIN_SECRET);
        var planted = failed(scenario.activateCluster.run(scenario.activation(client), Optional.empty()));
        assertEquals("SECRET_NOT_OURS", planted.reason());
        assertEquals(0, aws.cloud.calls("SendCommand"));
        aws.secretsManager.deleteSecret(delete -> delete.secretId(ADMIN_SECRET).forceDeleteWithoutRecovery(true));
        var adminSecretArn = scenario.activated(client);
        assertNotEquals(PLANTED, password(adminSecretArn));

        plant(KMSUSER_SECRET);
        var sent = aws.cloud.calls("SendCommand");
        assertEquals(
                "SECRET_NOT_OURS", failed(createKmsUser(client, adminSecretArn)).reason());
        assertEquals(sent, aws.cloud.calls("SendCommand"));
        // Deleted as the console does it: the name stays taken for a month.
        aws.secretsManager.deleteSecret(delete -> delete.secretId(KMSUSER_SECRET));
        var kmsUser = done(createKmsUser(client, adminSecretArn), CreateKmsUser.Output.class);
        assertNotEquals(PLANTED, password(kmsUser.kmsUserSecretArn()));
        assertEquals(
                kmsUser,
                done(createKmsUser(client, adminSecretArn), CreateKmsUser.Output.class),
                "the deployment's own one is found again");
    }

    private void plant(String name) {
        aws.secretsManager.createSecret(create -> create.name(name).secretString(PLANTED));
    }

    private void store(String secretArn, String password) {
        aws.secretsManager.putSecretValue(put -> put.secretId(secretArn).secretString(password));
    }

    private String password(String secretArn) {
        return aws.secretsManager
                .getSecretValue(request -> request.secretId(secretArn))
                .secretString();
    }
}
