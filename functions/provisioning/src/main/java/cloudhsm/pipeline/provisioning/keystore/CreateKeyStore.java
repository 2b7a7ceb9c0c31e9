package cloudhsm.pipeline.provisioning.keystore;

import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.Settled;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.kms.model.IncorrectTrustAnchorException;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * Makes KMS's custom key store on the cluster, unless the deployment's record names one: that is told the cluster where it
 * still has a former one. CreateCustomKeyStore takes no tag, but a cluster has one store at most: while the record's intent
 * is open, it is the one that the intent has made. Nothing is connected yet, so KMS does not try the password here.
 */
public final class CreateKeyStore extends StageHandler<CreateKeyStore.Input> {
    /** KMS's limit for a trust anchor; CloudHSM itself accepts 20,000 characters. */
    public static final int TRUST_ANCHOR_LENGTH = 5_000;

    /**
     * @param trustAnchor PEM of the root that the cluster was initialized with
     * @param kmsUserSecretArn the secret that holds the password of {@code kmsuser}
     */
    public record Input(
            String deployment, String keyStoreName, String clusterId, String trustAnchor, String kmsUserSecretArn) {
        public Input {
            trustAnchor = Pem.bareChain(Objects.requireNonNull(trustAnchor, "trustAnchor"));
        }
    }

    /** @param keyStoreId as in cks-1234567890abcdef0 */
    public record Output(String keyStoreId) {}

    private final KmsClient kms;
    private final SecretsManagerClient secretsManager;
    private final Deployments deployments;

    /** Called by Lambda, once per execution environment. */
    public CreateKeyStore() {
        this(Aws.kms(), Aws.secretsManager(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    CreateKeyStore(KmsClient kms, SecretsManagerClient secretsManager, Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.kms = kms;
        this.secretsManager = secretsManager;
        this.deployments = deployments;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var stores = kms.describeCustomKeyStoresPaginator(request -> request.limit(100)).customKeyStores().stream()
                .toList();
        var onCluster = stores.stream()
                .filter(store -> input.clusterId().equals(store.cloudHsmClusterId()))
                .findFirst();
        if (onCluster.isPresent()) return adopt(input, onCluster.get());
        var made = made(deployments.find(input.deployment()));
        var former = stores.stream()
                .filter(store -> made.contains(store.customKeyStoreId()))
                .findFirst();
        if (former.isPresent()) return tellCluster(input, former.get());
        var named = stores.stream()
                .filter(store -> input.keyStoreName().equals(store.customKeyStoreName()))
                .findFirst();
        if (named.isPresent()) return nameTaken(input, named.get());
        if (input.trustAnchor().length() > TRUST_ANCHOR_LENGTH) return trustAnchorTooLong(input);
        return new Outcome.Done(new Output(create(input)));
    }

    private Outcome adopt(Input input, CustomKeyStoresListEntry store) {
        var record = deployments.find(input.deployment());
        if (!made(record).contains(store.customKeyStoreId())) {
            if (record.flatMap(known -> known.intent(Made.KEY_STORE)).isEmpty()) return clusterTaken(input, store);
            deployments.made(input.deployment(), Made.KEY_STORE, store.customKeyStoreId());
        }
        return new Outcome.Done(new Output(store.customKeyStoreId()));
    }

    private static List<String> made(Optional<Deployment> record) {
        return record.map(known -> known.made(Made.KEY_STORE)).orElse(List.of());
    }

    /**
     * KMS takes a cluster only while the store is DISCONNECTED, and only one with the certificate of the former. It keeps
     * the keys, and its own password for kmsuser.
     */
    private Outcome tellCluster(Input input, CustomKeyStoresListEntry store) {
        return DisconnectKeyStore.toBeDone(kms, store).orElseGet(() -> {
            kms.updateCustomKeyStore(request ->
                    request.customKeyStoreId(store.customKeyStoreId()).cloudHsmClusterId(input.clusterId()));
            return new Outcome.Done(new Output(store.customKeyStoreId()));
        });
    }

    private static Outcome nameTaken(Input input, CustomKeyStoresListEntry store) {
        var owner = store.cloudHsmClusterId() == null
                ? "is of type " + store.customKeyStoreTypeAsString()
                : "belongs to cluster " + store.cloudHsmClusterId();
        return new Outcome.Failed(
                "KEY_STORE_NAME_IN_USE",
                "The name " + input.keyStoreName() + " is taken: key store " + store.customKeyStoreId() + " " + owner
                        + ", not to " + input.clusterId() + ". Nothing was changed. Next: choose another name in"
                        + " keyStore.name, or delete that key store; then start a new execution.");
    }

    private static Outcome clusterTaken(Input input, CustomKeyStoresListEntry store) {
        return new Outcome.Failed(
                "CLUSTER_HAS_KEY_STORE",
                "Cluster " + input.clusterId() + " has the key store " + store.customKeyStoreId() + " named "
                        + store.customKeyStoreName() + ", which is " + store.connectionStateAsString()
                        + " and was not made by this deployment; KMS allows one for each cluster. Nothing was changed."
                        + " Next: disconnect and delete it; then start a new execution.");
    }

    private static Outcome trustAnchorTooLong(Input input) {
        return new Outcome.Failed(
                "TRUST_ANCHOR_TOO_LONG",
                "The trust anchor of cluster " + input.clusterId() + " has "
                        + input.trustAnchor().length() + " characters; KMS accepts " + TRUST_ANCHOR_LENGTH
                        + ". Nothing was changed; this cluster's trust anchor cannot be changed. Next: tear down and"
                        + " provision again; the root that the pipeline makes is short enough.");
    }

    private String create(Input input) {
        var password = secretsManager
                .getSecretValue(request -> request.secretId(input.kmsUserSecretArn()))
                .secretString();
        deployments.intend(input.deployment(), Made.KEY_STORE);
        var keyStoreId = create(input, password);
        deployments.made(input.deployment(), Made.KEY_STORE, keyStoreId);
        return keyStoreId;
    }

    /** KMS does not say whether it wants the chain that a cluster was initialized with, or the chain's root alone. */
    private String create(Input input, String password) {
        var chain = Pem.certificates(input.trustAnchor());
        if (chain.size() == 1) return create(input, input.trustAnchor(), password);
        try {
            var keyStoreId = create(input, input.trustAnchor(), password);
            settle(Question.TRUST_ANCHOR_OF_A_KEY_STORE, "the chain");
            return keyStoreId;
        } catch (IncorrectTrustAnchorException refused) {
            var keyStoreId = create(input, Pem.of(chain.getLast()), password);
            settle(Question.TRUST_ANCHOR_OF_A_KEY_STORE, "the root alone; the chain was " + Settled.refused(refused));
            return keyStoreId;
        }
    }

    private String create(Input input, String trustAnchor, String password) {
        return kms.createCustomKeyStore(request -> request.customKeyStoreName(input.keyStoreName())
                        .cloudHsmClusterId(input.clusterId())
                        .trustAnchorCertificate(trustAnchor)
                        .keyStorePassword(password))
                .customKeyStoreId();
    }
}
