package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.cluster.ClusterFailures;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.util.HashMap;
import java.util.Objects;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreInvalidStateException;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * Gives {@code kmsuser} the password in its secret on every HSM, which also unlocks the user, and tells KMS the same
 * one. KMS takes it only while the key store is DISCONNECTED, and changes it once more when it connects.
 *
 * @see <a href="https://docs.aws.amazon.com/kms/latest/developerguide/fix-keystore.html">Troubleshooting a key
 *     store</a>
 */
public final class ResetKmsUser extends StageHandler<ResetKmsUser.Input> {
    /**
     * @param instanceId the client that runs the CloudHSM CLI
     * @param trustAnchor PEM of the root that the cluster was initialized with
     * @param adminSecretArn the secret that holds the password of {@code admin}
     * @param kmsUserSecretArn the secret that holds the password that {@code kmsuser} gets
     */
    public record Input(
            String keyStoreId,
            String clusterId,
            String instanceId,
            String trustAnchor,
            String adminSecretArn,
            String kmsUserSecretArn) {
        public Input {
            trustAnchor = Pem.bareChain(Objects.requireNonNull(trustAnchor, "trustAnchor"));
        }
    }

    /** @param says what was done, in plain words */
    public record Output(String says) {}

    private final Clusters clusters;
    private final KmsClient kms;
    private final SecretsManagerClient secretsManager;
    private final ClientCommand resetKmsUser;

    /** Called by Lambda, once per execution environment. */
    public ResetKmsUser() {
        this(
                Aws.cloudHsm(),
                Aws.kms(),
                Aws.secretsManager(),
                new ClientCommand(Aws.ssm(), Aws.environment("RESET_KMSUSER_DOCUMENT"), ClientCommand.Cli.ofFunction()),
                StageRuntime.ofFunction());
    }

    ResetKmsUser(
            CloudHsmV2Client cloudHsm,
            KmsClient kms,
            SecretsManagerClient secretsManager,
            ClientCommand resetKmsUser,
            StageRuntime runtime) {
        super(Input.class, runtime);
        this.clusters = new Clusters(cloudHsm);
        this.kms = kms;
        this.secretsManager = secretsManager;
        this.resetKmsUser = resetKmsUser;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var cluster = clusters.find(input.clusterId());
        if (cluster.isEmpty()) return ClusterFailures.notFound(input.clusterId());
        if (ActivateCluster.activeAddresses(cluster.get()).isEmpty()) return noHsm(input);
        // KMS is logged in under a password of its own, which must not be taken from it.
        if (awaited.isEmpty() && new KmsLogin(kms).in(input.clusterId()).isPresent())
            return notDisconnected(input, "Nothing was changed.");
        var progress = awaited.filter(resource -> resource.type() == Resource.Type.COMMAND)
                .map(resetKmsUser::progress)
                .orElseGet(() -> send(input, cluster.get()));
        return switch (progress) {
            case ClientCommand.Progress.Running running -> running.waiting();
            case ClientCommand.Progress.Succeeded succeeded -> tellKms(input, succeeded.report());
            case ClientCommand.Progress.Ended ended -> ended.failed();
        };
    }

    private ClientCommand.Progress send(Input input, Cluster cluster) {
        var parameters = new HashMap<>(ClientCommand.target(cluster, input.trustAnchor()));
        parameters.put("AdminSecret", input.adminSecretArn());
        parameters.put("KmsUserSecret", input.kmsUserSecretArn());
        return resetKmsUser.send(input.instanceId(), parameters);
    }

    private Outcome tellKms(Input input, ClientReport report) {
        var password = secretsManager
                .getSecretValue(request -> request.secretId(input.kmsUserSecretArn()))
                .secretString();
        try {
            kms.updateCustomKeyStore(
                    request -> request.customKeyStoreId(input.keyStoreId()).keyStorePassword(password));
        } catch (CustomKeyStoreInvalidStateException connectedMeanwhile) {
            return notDisconnected(input, "The HSMs have the secret's password already; KMS was not told.");
        }
        return new Outcome.Done(
                new Output(report.message() + " KMS was told the same for key store " + input.keyStoreId() + "."));
    }

    private static Outcome notDisconnected(Input input, String changed) {
        return new Outcome.Failed(
                "KEY_STORE_NOT_DISCONNECTED",
                "Key store " + input.keyStoreId() + " is not DISCONNECTED, so KMS cannot be told kmsuser's password:"
                        + " somebody connected it meanwhile. " + changed + " Next: disconnect it, then start a"
                        + " provisioning execution with the deployment's name; it connects again.");
    }

    private static Outcome noHsm(Input input) {
        return new Outcome.Failed(
                "CLUSTER_NOT_ACTIVE",
                "Cluster " + input.clusterId() + " has no ACTIVE HSM on which kmsuser could get another password."
                        + " Nothing was changed. Next: start a new execution, which begins with what the cluster"
                        + " lacks.");
    }
}
