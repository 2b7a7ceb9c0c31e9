package cloudhsm.pipeline.provisioning.client;

import static cloudhsm.pipeline.provisioning.TestAccount.DEPLOYMENT;
import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.waiting;
import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.TestAccount.InitializedCluster;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.util.Optional;
import java.util.function.Function;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;

/** An INITIALIZED cluster with its first HSM, and the stages that work on it through the client. */
final class ClientScenario implements AutoCloseable {
    private static final String PACKAGE = "cloudhsm-cli-latest.amzn2023.aarch64.rpm";

    final TestAccount aws = new TestAccount();
    final LaunchClient launchClient = new LaunchClient(
            aws.ec2,
            aws.ssm,
            aws.deployments(),
            new ClientInstance.Image(TestAccount.IMAGE_PARAMETER, aws.instanceProfile()),
            aws.runtime);
    final AwaitClient awaitClient = new AwaitClient(aws.ec2, aws.ssm, aws.runtime);
    final TerminateClient terminateClient = new TerminateClient(aws.ec2, aws.deployments(), aws.runtime);
    final ActivateCluster activateCluster = new ActivateCluster(
            aws.cloudHsm, aws.secretsManager, aws.deployments(), command("activate-cluster"), aws.runtime);
    final CreateKmsUser createKmsUser = new CreateKmsUser(
            aws.cloudHsm,
            aws.kms,
            aws.secretsManager,
            aws.deployments(),
            command("list-users"),
            command("create-kmsuser"),
            aws.runtime);
    final ResetKmsUser resetKmsUser =
            new ResetKmsUser(aws.cloudHsm, aws.kms, aws.secretsManager, command("reset-kmsuser"), aws.runtime);
    final InitializedCluster cluster;

    ClientScenario() {
        aws.createDocuments();
        cluster = aws.initializedCluster();
    }

    private ClientCommand command(String document) {
        return new ClientCommand(
                aws.ssm,
                document,
                new ClientCommand.Cli(
                        "eu-central-1",
                        "https://s3.amazonaws.com/cloudhsmv2-software/CloudHsmClient/Amzn2023/" + PACKAGE,
                        aws.cloud.ssm().packageSha256(PACKAGE)));
    }

    LaunchClient.Input launch() {
        return new LaunchClient.Input(
                DEPLOYMENT,
                aws.vpcId(),
                aws.subnetIn("eu-central-1a"),
                aws.cluster(cluster.id()).securityGroup(),
                "t4g.small");
    }

    /** Id of a client that is on its way. */
    String launched() {
        return done(launchClient.run(launch(), Optional.empty()), LaunchClient.Output.class)
                .instanceId();
    }

    Outcome await(String instanceId) {
        return awaitClient.run(new AwaitClient.Input(instanceId), Optional.empty());
    }

    /** Id of a client that is online. */
    String client() {
        var instanceId = launched();
        aws.waitUntil(() -> new ClientPing(aws.ssm).isOnline(instanceId));
        return done(await(instanceId), AwaitClient.Output.class).instanceId();
    }

    ActivateCluster.Input activation(String instanceId) {
        return new ActivateCluster.Input(DEPLOYMENT, cluster.id(), instanceId, cluster.trustAnchor());
    }

    /** Activates the cluster; returns the ARN of the admin's secret. */
    String activated(String instanceId) {
        var lag = afterCommands(awaited -> activateCluster.run(activation(instanceId), awaited));
        aws.waitUntil(() -> aws.cluster(cluster.id()).state() == ClusterState.ACTIVE);
        assertEquals(Resource.cluster(cluster.id()), waiting(lag).resource(), "the API lags minutes behind the HSM");
        return done(
                        activateCluster.run(activation(instanceId), Optional.of(Resource.cluster(cluster.id()))),
                        ActivateCluster.Output.class)
                .adminSecretArn();
    }

    /** Runs the stage again whenever a command of it has ended on the client, until it waits for nothing of the kind. */
    Outcome afterCommands(Function<Optional<Resource>, Outcome> stage) {
        var outcome = stage.apply(Optional.empty());
        while (outcome instanceof Outcome.Waiting waiting && waiting.resource().type() == Resource.Type.COMMAND) {
            var command = waiting.resource();
            aws.waitUntil(() -> !(command("list-users").progress(command) instanceof ClientCommand.Progress.Running));
            outcome = stage.apply(Optional.of(command));
        }
        return outcome;
    }

    @Override
    public void close() {
        aws.close();
    }
}
