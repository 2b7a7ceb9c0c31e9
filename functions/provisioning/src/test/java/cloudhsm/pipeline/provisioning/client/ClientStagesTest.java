package cloudhsm.pipeline.provisioning.client;

import static cloudhsm.pipeline.provisioning.TestAccount.DEPLOYMENT;
import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static cloudhsm.pipeline.provisioning.TestAccount.waiting;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.localcloud.http.Json;
import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.TestAccount.InitializedCluster;
import cloudhsm.pipeline.provisioning.lambda.Outcome;
import cloudhsm.pipeline.provisioning.lambda.Resource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;

class ClientStagesTest {
    private static final String PACKAGE = "cloudhsm-cli-latest.amzn2023.aarch64.rpm";

    @TempDir
    private Path documents;

    private final TestAccount aws = new TestAccount();
    private final ClientCommand.Cli cli = new ClientCommand.Cli(
            "eu-central-1",
            "https://s3.amazonaws.com/cloudhsmv2-software/CloudHsmClient/Amzn2023/" + PACKAGE,
            aws.cloud.ssm().packageSha256(PACKAGE));
    private final LaunchClient launchClient = new LaunchClient(
            aws.ec2,
            aws.ssm,
            new ClientInstance.Image(TestAccount.IMAGE_PARAMETER, aws.instanceProfile()),
            aws.runtime);
    private final ClientCommand activate = new ClientCommand(aws.ssm, "activate-cluster", cli);
    private final ActivateCluster activateCluster =
            new ActivateCluster(aws.cloudHsm, aws.secretsManager, activate, aws.runtime);
    private final CreateKmsUser createKmsUser = new CreateKmsUser(
            aws.cloudHsm,
            aws.kms,
            aws.secretsManager,
            activate,
            new ClientCommand(aws.ssm, "create-kmsuser", cli),
            aws.runtime);
    private InitializedCluster cluster;

    @BeforeEach
    void clusterIsInitializedAndDocumentsExist() throws IOException, InterruptedException {
        var root = Path.of(System.getProperty("project.root"));
        var made = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        root.resolve("build/SsmDocuments.java").toString(),
                        root.resolve("client").toString(),
                        documents.toString())
                .inheritIO()
                .start()
                .waitFor();
        assertEquals(0, made, "the stages run the scripts of client/");
        try (var files = Files.list(documents)) {
            for (var file : files.toList()) {
                var name = file.getFileName().toString().replace(".json", "");
                aws.cloud.ssm().createDocument(name, Json.parse(Files.readString(file)));
            }
        }
        cluster = aws.initializedCluster();
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private LaunchClient.Input launch() {
        return new LaunchClient.Input(
                DEPLOYMENT,
                cluster.id(),
                aws.vpcId(),
                aws.subnetIn("eu-central-1a"),
                aws.cluster(cluster.id()).securityGroup(),
                "t4g.small");
    }

    private String client() {
        var outcome = launchClient.run(launch(), Optional.empty());
        while (outcome instanceof Outcome.Waiting waiting) {
            var instanceId = waiting.resource().id();
            aws.waitUntil(() -> new ClientPing(aws.ssm).isOnline(instanceId));
            outcome = launchClient.run(launch(), Optional.of(waiting.resource()));
        }
        return done(outcome, LaunchClient.Output.class).instanceId();
    }

    private ActivateCluster.Input activation(String instanceId) {
        return new ActivateCluster.Input(DEPLOYMENT, cluster.id(), instanceId, cluster.trustAnchor());
    }

    private void untilOver(Resource command) {
        aws.waitUntil(() -> !(activate.progress(command) instanceof ClientCommand.Progress.Running));
    }

    private String activated(String instanceId) {
        var command = waiting(activateCluster.run(activation(instanceId), Optional.empty()));
        untilOver(command.resource());
        var lag = activateCluster.run(activation(instanceId), Optional.of(command.resource()));
        aws.waitUntil(() -> aws.cluster(cluster.id()).state() == ClusterState.ACTIVE);
        assertEquals(Resource.cluster(cluster.id()), waiting(lag).resource(), "the API lags minutes behind the HSM");
        return done(
                        activateCluster.run(activation(instanceId), Optional.of(Resource.cluster(cluster.id()))),
                        ActivateCluster.Output.class)
                .adminSecretArn();
    }

    @Test
    void clientIsLaunchedOnceAndAdopted() {
        assertEquals(client(), client());
        assertEquals(1, aws.cloud.calls("RunInstances"), "one client serves every stage");
    }

    @Test
    void lostAnswerToTheLaunchMakesNoSecondInstance() {
        aws.cloud.faults().add("ec2", "RunInstances", 1, Faults.Kind.ANSWER_LOST);

        assertThrows(SdkException.class, () -> launchClient.run(launch(), Optional.empty()));
        client();
        assertEquals(1, aws.cloud.calls("RunInstances"), "it is found by its tags");
    }

    @Test
    void stoppedClientIsReplaced() {
        var first = client();
        aws.ec2.stopInstances(request -> request.instanceIds(first));

        assertNotEquals(first, client(), "a restarted client has been seen not to work any more");
        aws.waitUntil(() -> aws.cloud
                .ec2()
                .instance(first)
                .filter(instance -> !instance.state().equals("terminated"))
                .isEmpty());
    }

    @Test
    void clientTerminatedBeforeItCameOnlineIsGone() {
        var waiting = waiting(launchClient.run(launch(), Optional.empty()));
        aws.ec2.terminateInstances(
                request -> request.instanceIds(waiting.resource().id()));

        assertEquals(
                ClientCommand.CLIENT_GONE,
                failed(launchClient.run(launch(), Optional.of(waiting.resource())))
                        .reason(),
                "the state machine goes back to LaunchClient by this name");
    }

    @Test
    void commandForAClientThatIsGoneSaysSo() {
        assertEquals(
                ClientCommand.CLIENT_GONE,
                failed(activateCluster.run(activation("i-0123456789abcdef0"), Optional.empty()))
                        .reason());
    }

    @Test
    void clusterIsActivatedUnderAPasswordStoredBefore() {
        var client = client();
        var secret = activated(client);

        assertEquals(
                secret,
                done(activateCluster.run(activation(client), Optional.empty()), ActivateCluster.Output.class)
                        .adminSecretArn());
        assertEquals(1, aws.cloud.calls("SendCommand"), "an active cluster is left alone");
    }

    @Test
    void activeClusterWithoutItsSecretHasAnUnknownPassword() {
        var tools = aws.toolsOn(cluster);
        tools.cli("", "cluster", "activate", "--password", TestAccount.ADMIN_PASSWORD);
        aws.waitUntil(() -> aws.cluster(cluster.id()).state() == ClusterState.ACTIVE);

        assertEquals(
                "ADMIN_PASSWORD_UNKNOWN",
                failed(activateCluster.run(activation("i-0123456789abcdef0"), Optional.empty()))
                        .reason());
    }

    @Test
    void kmsUserIsMadeOnEveryHsmAndProven() {
        var client = client();
        var secret = activated(client);
        aws.addHsm(cluster.id(), "eu-central-1b");
        var input = new CreateKmsUser.Input(DEPLOYMENT, cluster.id(), client, cluster.trustAnchor(), secret);

        var command = waiting(createKmsUser.run(input, Optional.empty()));
        untilOver(command.resource());
        var output = done(createKmsUser.run(input, Optional.of(command.resource())), CreateKmsUser.Output.class);

        assertEquals(2, output.hsms().size(), "KMS may log in to any HSM");
        assertTrue(output.hsms().getFirst().kmsuser().contains("coverage full"), output.toString());
    }
}
