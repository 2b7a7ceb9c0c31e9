package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.cluster.ClusterFailures;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.cluster.SecretNotOursException;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * Sets the password of the cluster's first administrator, which makes the cluster ACTIVE. The password is in its
 * secret before the CloudHSM CLI sets it: nobody, AWS included, can recover it from the HSMs.
 */
public final class ActivateCluster extends StageHandler<ActivateCluster.Input> {
    /** The API shows ACTIVE 1 to 4 minutes after the CLI has activated the cluster (field reports). */
    private static final Duration LAG_BUDGET = Duration.ofMinutes(10);

    /** As long as an HSM may take that an earlier execution is adding. */
    private static final Duration UPDATE_BUDGET = Duration.ofMinutes(30);

    private static final Set<String> UPDATING =
            Set.of("UPDATE_IN_PROGRESS", "MODIFY_IN_PROGRESS", "ROLLBACK_IN_PROGRESS");

    /**
     * @param instanceId the client that runs the CloudHSM CLI; "" where none was launched, as for an ACTIVE cluster
     * @param trustAnchor PEM of the root that the cluster was initialized with
     */
    public record Input(String deployment, String clusterId, String instanceId, String trustAnchor) {
        public Input {
            trustAnchor = Pem.bareChain(Objects.requireNonNull(trustAnchor, "trustAnchor"));
        }
    }

    /** @param adminSecretArn the secret that holds the password of {@code admin} */
    public record Output(String state, String adminSecretArn) {}

    private final Clusters clusters;
    private final SecretsManagerClient secretsManager;
    private final Deployments deployments;
    private final ClientCommand command;

    /** Called by Lambda, once per execution environment. */
    public ActivateCluster() {
        this(
                Aws.cloudHsm(),
                Aws.secretsManager(),
                Deployments.ofFunction(),
                new ClientCommand(Aws.ssm(), Aws.environment("ACTIVATE_DOCUMENT"), ClientCommand.Cli.ofFunction()),
                StageRuntime.ofFunction());
    }

    ActivateCluster(
            CloudHsmV2Client cloudHsm,
            SecretsManagerClient secretsManager,
            Deployments deployments,
            ClientCommand command,
            StageRuntime runtime) {
        super(Input.class, runtime);
        this.clusters = new Clusters(cloudHsm);
        this.secretsManager = secretsManager;
        this.deployments = deployments;
        this.command = command;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var cluster = clusters.find(input.clusterId());
        if (cluster.isEmpty()) return ClusterFailures.notFound(input.clusterId());
        try {
            return run(input, cluster.get(), awaited);
        } catch (SecretNotOursException foreign) {
            return foreign.failed();
        }
    }

    private Outcome run(Input input, Cluster cluster, Optional<Resource> awaited) {
        return switch (cluster.state()) {
            case INITIALIZED -> activate(input, cluster, awaited);
            case ACTIVE, DEGRADED -> active(input, cluster);
            case UPDATE_IN_PROGRESS, MODIFY_IN_PROGRESS, ROLLBACK_IN_PROGRESS ->
                new Outcome.Waiting(Resource.cluster(input.clusterId()), UPDATING, UPDATE_BUDGET);
            case CREATE_IN_PROGRESS,
                    UNINITIALIZED,
                    INITIALIZE_IN_PROGRESS,
                    DELETE_IN_PROGRESS,
                    DELETED,
                    UNKNOWN_TO_SDK_VERSION -> notInitialized(cluster);
        };
    }

    private Outcome activate(Input input, Cluster cluster, Optional<Resource> awaited) {
        var before = awaited.map(Resource::type).orElse(null);
        if (before == Resource.Type.CLUSTER) return untilActive(input);
        if (input.instanceId().isEmpty()) return ClientCommand.noClient();
        var progress = before == Resource.Type.COMMAND
                ? command.progress(awaited.orElseThrow())
                : send(input, activeAddresses(cluster));
        return switch (progress) {
            case ClientCommand.Progress.Running running -> running.waiting();
            case ClientCommand.Progress.Succeeded succeeded -> untilActive(input);
            case ClientCommand.Progress.Ended ended -> ended.failed();
        };
    }

    private ClientCommand.Progress send(Input input, List<String> addresses) {
        return command.send(
                input.instanceId(),
                Map.of(
                        "ClusterId", input.clusterId(),
                        "HsmAddresses", String.join(" ", addresses),
                        "TrustAnchor", base64(input.trustAnchor()),
                        "AdminSecret", secret(input).ensure()));
    }

    private PasswordSecret secret(Input input) {
        return PasswordSecret.ofAdmin(secretsManager, deployments, input.deployment());
    }

    /** The addresses at which clients reach the cluster's ACTIVE HSMs. */
    static List<String> activeAddresses(Cluster cluster) {
        return cluster.hsms().stream()
                .filter(hsm -> hsm.state() == HsmState.ACTIVE)
                .map(Hsm::eniIp)
                .toList();
    }

    /** A PEM in a form that survives a command line. */
    static String base64(String pem) {
        return Base64.getEncoder().encodeToString(pem.getBytes(StandardCharsets.US_ASCII));
    }

    private static Outcome untilActive(Input input) {
        return new Outcome.Waiting(Resource.cluster(input.clusterId()), Set.of("INITIALIZED"), LAG_BUDGET);
    }

    private Outcome active(Input input, Cluster cluster) {
        var secret = secret(input);
        return secret.find()
                .<Outcome>map(arn -> new Outcome.Done(new Output(cluster.stateAsString(), arn)))
                .orElseGet(() -> new Outcome.Failed(
                        "ADMIN_PASSWORD_UNKNOWN",
                        "Cluster " + input.clusterId() + " is " + cluster.stateAsString()
                                + " already, but the deployment has no secret with the password of admin: it was set"
                                + " by someone else, or the secret was deleted. AWS cannot recover it. A secret was"
                                + " made for it, and nothing else changed: " + secret.createPlaceholder()
                                + ". Next: put the password of admin into that secret (PutSecretValue), or delete the"
                                + " cluster; then start a new execution."));
    }

    private static Outcome notInitialized(Cluster cluster) {
        return new Outcome.Failed(
                "CLUSTER_NOT_INITIALIZED",
                "Cluster " + cluster.clusterId() + " is " + cluster.stateAsString()
                        + "; activation needs INITIALIZED. AWS says: \""
                        + Objects.requireNonNullElse(cluster.stateMessage(), "") + "\". Nothing was changed. Next:"
                        + " start a new execution, which begins with what the cluster lacks.");
    }
}
