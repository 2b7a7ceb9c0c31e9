package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.cluster.ClusterFailures;
import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.cluster.SecretNotOursException;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.lambda.Json;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * Makes the crypto user {@code kmsuser}, as whom KMS logs in, and proves that every HSM knows it. CloudHSM never
 * copies users between HSMs by itself, and KMS may log in to any of them.
 *
 * <p>Once KMS has connected it has changed the password and stays logged in. From then on this stage only looks, and
 * not even that where the deployment's record has it proven for these very HSMs.
 */
public final class CreateKmsUser extends StageHandler<CreateKmsUser.Input> {
    private static final String KMSUSER = "kmsuser";

    /** Provisioning an HSM takes 10 to 20 minutes in field reports. */
    private static final Duration HSM_BUDGET = Duration.ofMinutes(30);

    /**
     * @param instanceId the client that runs the CloudHSM CLI; "" where none was launched
     * @param trustAnchor PEM of the root that the cluster was initialized with
     * @param adminSecretArn the secret that holds the password of {@code admin}
     */
    public record Input(
            String deployment, String clusterId, String instanceId, String trustAnchor, String adminSecretArn) {
        public Input {
            trustAnchor = Pem.bareChain(Objects.requireNonNull(trustAnchor, "trustAnchor"));
        }
    }

    /** @param kmsuser what this HSM says of the user: role, lock and coverage */
    public record HsmUser(String hsmId, String address, String kmsuser) {}

    /** @param kmsUserSecretArn the secret that holds the password as it is before KMS's first connection */
    public record Output(String kmsUserSecretArn, List<HsmUser> hsms) {
        public Output {
            hsms = List.copyOf(hsms);
        }

        private Output of(List<String> hsmIds) {
            return new Output(
                    kmsUserSecretArn,
                    hsms.stream().filter(hsm -> hsmIds.contains(hsm.hsmId())).toList());
        }
    }

    private final Clusters clusters;
    private final KmsLogin kmsLogin;
    private final SecretsManagerClient secretsManager;
    private final Deployments deployments;
    private final ClientCommand listUsers;
    private final ClientCommand createKmsUser;

    /** Called by Lambda, once per execution environment. */
    public CreateKmsUser() {
        this(
                Aws.cloudHsm(),
                Aws.kms(),
                Aws.secretsManager(),
                Deployments.ofFunction(),
                new ClientCommand(Aws.ssm(), Aws.environment("LIST_USERS_DOCUMENT"), ClientCommand.Cli.ofFunction()),
                new ClientCommand(
                        Aws.ssm(), Aws.environment("CREATE_KMSUSER_DOCUMENT"), ClientCommand.Cli.ofFunction()),
                StageRuntime.ofFunction());
    }

    /** @param listUsers changes nothing and lists the users of each HSM */
    CreateKmsUser(
            CloudHsmV2Client cloudHsm,
            KmsClient kms,
            SecretsManagerClient secretsManager,
            Deployments deployments,
            ClientCommand listUsers,
            ClientCommand createKmsUser,
            StageRuntime runtime) {
        super(Input.class, runtime);
        this.clusters = new Clusters(cloudHsm);
        this.kmsLogin = new KmsLogin(kms);
        this.secretsManager = secretsManager;
        this.deployments = deployments;
        this.listUsers = listUsers;
        this.createKmsUser = createKmsUser;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var cluster = clusters.find(input.clusterId());
        if (cluster.isEmpty()) return ClusterFailures.notFound(input.clusterId());
        if (cluster.get().state() != ClusterState.ACTIVE && !isUpdating(cluster.get())) return notActive(cluster.get());
        var beingMade = cluster.get().hsms().stream()
                .filter(hsm -> hsm.state() == HsmState.CREATE_IN_PROGRESS)
                .findFirst();
        if (beingMade.isPresent()) return untilMade(beingMade.get(), input);

        var proven = proven(cluster.get(), input.deployment());
        if (proven.isPresent()) return new Outcome.Done(proven.get());
        if (input.instanceId().isEmpty()) return ClientCommand.noClient();
        try {
            var secret = PasswordSecret.ofKmsUser(secretsManager, deployments, input.deployment());
            return run(input, cluster.get(), secret.ensure(), awaited);
        } catch (SecretNotOursException foreign) {
            return foreign.failed();
        }
    }

    /** What the record says of the user, where that holds for every HSM and KMS is logged in. */
    private Optional<Output> proven(Cluster cluster, String deployment) {
        if (kmsLogin.in(cluster.clusterId()).isEmpty()) return Optional.empty();
        return deployments
                .find(deployment)
                .filter(record -> record.provenHsms().containsAll(activeIds(cluster)))
                .map(record -> Json.MAPPER.convertValue(record.resources().path("kmsUser"), Output.class))
                .map(before -> before.of(activeIds(cluster)))
                .filter(output -> !output.hsms().isEmpty());
    }

    private static List<String> activeIds(Cluster cluster) {
        return active(cluster).map(Hsm::hsmId).toList();
    }

    private static Stream<Hsm> active(Cluster cluster) {
        return cluster.hsms().stream().filter(hsm -> hsm.state() == HsmState.ACTIVE);
    }

    private Outcome run(Input input, Cluster cluster, String secretArn, Optional<Resource> awaited) {
        var held = kmsLogin.in(input.clusterId());
        var progress = awaited.filter(resource -> resource.type() == Resource.Type.COMMAND)
                .map(createKmsUser::progress)
                .orElseGet(() -> send(input, cluster, secretArn, held.isPresent()));
        return switch (progress) {
            case ClientCommand.Progress.Running running -> running.waiting();
            case ClientCommand.Progress.Succeeded succeeded ->
                verified(input, secretArn, active(cluster).toList(), held, succeeded.report());
            case ClientCommand.Progress.Ended ended -> ended.failed();
        };
    }

    private static boolean isUpdating(Cluster cluster) {
        return cluster.state() == ClusterState.UPDATE_IN_PROGRESS;
    }

    /** An HSM is a copy of another one as of some moment; it must be there before the user is written to all. */
    private static Outcome untilMade(Hsm hsm, Input input) {
        return new Outcome.Waiting(
                Resource.oneHsm(input.clusterId(), hsm.hsmId()),
                Set.of(HsmState.CREATE_IN_PROGRESS.toString()),
                HSM_BUDGET);
    }

    private ClientCommand.Progress send(Input input, Cluster cluster, String secretArn, boolean onlyLook) {
        var target = ClientCommand.target(cluster, input.trustAnchor());
        if (onlyLook) return listUsers.send(input.instanceId(), target);
        var parameters = new HashMap<>(target);
        parameters.put("AdminSecret", input.adminSecretArn());
        parameters.put("KmsUserSecret", secretArn);
        return createKmsUser.send(input.instanceId(), parameters);
    }

    private static Outcome verified(
            Input input,
            String secretArn,
            List<Hsm> hsms,
            Optional<CustomKeyStoresListEntry> held,
            ClientReport report) {
        var incomplete = hsms.stream()
                .map(Hsm::eniIp)
                .filter(address -> report.userAt(address, KMSUSER)
                        .filter(user -> held.isPresent() || user.isUsableCryptoUser())
                        .isEmpty())
                .toList();
        if (hsms.isEmpty() || !incomplete.isEmpty()) return incomplete(input, incomplete, held, report);
        return new Outcome.Done(new Output(
                secretArn,
                hsms.stream()
                        .map(hsm -> new HsmUser(
                                hsm.hsmId(),
                                hsm.eniIp(),
                                report.userAt(hsm.eniIp(), KMSUSER)
                                        .orElseThrow()
                                        .toString()))
                        .toList()));
    }

    private static Outcome incomplete(
            Input input, List<String> incomplete, Optional<CustomKeyStoresListEntry> held, ClientReport report) {
        var seen = incomplete.stream()
                .map(address -> address + " ("
                        + report.userAt(address, KMSUSER)
                                .map(ClientReport.User::toString)
                                .orElse("no " + KMSUSER)
                        + ")")
                .collect(Collectors.joining(", "));
        var next = held.map(store -> "KMS is logged in through key store " + store.customKeyStoreId()
                        + " under a password only it knows, so nothing was changed. Next: disconnect the key store,"
                        + " then start a provisioning execution with the deployment's name; it completes the user.")
                .orElse("The CLI reported " + report.outcome() + ": " + report.message()
                        + ". Next: start a new execution; it repairs the user with the same password.");
        return new Outcome.Failed(
                "KMSUSER_INCOMPLETE",
                "In cluster " + input.clusterId() + ", kmsuser is not a usable crypto user on "
                        + (incomplete.isEmpty() ? "any HSM: none is ACTIVE" : "these HSMs: " + seen) + ". " + next);
    }

    private static Outcome notActive(Cluster cluster) {
        return new Outcome.Failed(
                "CLUSTER_NOT_ACTIVE",
                "Cluster " + cluster.clusterId() + " is " + cluster.stateAsString()
                        + "; users can be made in an ACTIVE one only. Nothing was changed. Next: start a new"
                        + " execution, which begins with what the cluster lacks.");
    }
}
