package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.deployment.AdoptedCluster;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.pki.ClusterCa;
import cloudhsm.pipeline.provisioning.pki.CsrRejectedException;
import cloudhsm.pipeline.provisioning.pki.Encoded;
import cloudhsm.pipeline.provisioning.pki.MalformedPemException;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * Signs the CSR of the verified HSM with the deployment's own root, and stores both certificates before anything is
 * done with them. What is stored and still fits is used again.
 */
public final class IssueClusterCertificate extends StageHandler<IssueClusterCertificate.Input> {
    /** What becomes of the root's private key. */
    public enum CaKey {
        /** It stays in the secret and can sign again. */
        KEEP,
        /** It signs once and is forgotten; a replaced HSM before initialization then means a new root. */
        DISCARD
    }

    /** A kept root is used again only if it lasts at least this long; otherwise a new one is made. */
    private static final Duration SHORTEST_REMAINDER = Duration.ofDays(30);

    /**
     * @param csrKeySha256 of the public key whose HSM was verified; "" if the cluster is initialised already
     * @param validity of a new root, and with it of the cluster's certificate
     */
    public record Input(String deployment, String clusterId, String csrKeySha256, Duration validity, CaKey caKey) {}

    /**
     * @param clusterCertificate PEM
     * @param trustAnchor PEM of the root; of the whole chain where an adopted cluster was initialized with one
     * @param rootNotAfter ISO-8601, UTC
     * @param caSecretArn "" for an adopted cluster
     */
    public record Output(
            String clusterCertificate,
            String trustAnchor,
            String rootSha256,
            String certificateSha256,
            String rootNotAfter,
            String caSecretArn) {
        static Output of(CaSecret secret, String arn) {
            return new Output(
                    secret.clusterCertificate(),
                    secret.certificate(),
                    Encoded.sha256(secret.root()),
                    Encoded.sha256(secret.leaf()),
                    secret.root().getNotAfter().toInstant().toString(),
                    arn);
        }

        static Output of(AdoptedCluster adopted) {
            var root = Pem.certificates(adopted.trustAnchor()).getLast();
            return new Output(
                    adopted.clusterCertificate(),
                    adopted.trustAnchor(),
                    Encoded.sha256(root),
                    Encoded.sha256(Pem.certificate(adopted.clusterCertificate())),
                    root.getNotAfter().toInstant().toString(),
                    "");
        }
    }

    private final Clusters clusters;
    private final SecretsManagerClient secretsManager;
    private final Deployments deployments;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public IssueClusterCertificate() {
        this(Aws.cloudHsm(), Aws.secretsManager(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    public IssueClusterCertificate(
            CloudHsmV2Client cloudHsm,
            SecretsManagerClient secretsManager,
            Deployments deployments,
            StageRuntime runtime) {
        super(Input.class, runtime);
        this.clusters = new Clusters(cloudHsm);
        this.secretsManager = secretsManager;
        this.deployments = deployments;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var store = new CaSecretStore(secretsManager, deployments, input.deployment());
        try {
            return run(input, store);
        } catch (SecretNotOursException foreign) {
            return foreign.failed();
        } catch (UnreadableCaSecretException unreadable) {
            return unreadable(store.find().orElseThrow().arn(), unreadable);
        }
    }

    private Outcome run(Input input, CaSecretStore store) {
        return clusters.find(input.clusterId())
                .map(cluster -> switch (cluster.state()) {
                    case UNINITIALIZED -> issue(cluster, input, store);
                    case INITIALIZE_IN_PROGRESS,
                            INITIALIZED,
                            ACTIVE,
                            UPDATE_IN_PROGRESS,
                            MODIFY_IN_PROGRESS,
                            ROLLBACK_IN_PROGRESS ->
                        adopted(input).<Outcome>map(Outcome.Done::new).orElseGet(() -> issuedBefore(cluster, store));
                    case CREATE_IN_PROGRESS, DEGRADED, DELETE_IN_PROGRESS, DELETED, UNKNOWN_TO_SDK_VERSION ->
                        ClusterFailures.unusable(cluster, "A CSR is signed for an UNINITIALIZED cluster");
                })
                .orElseGet(() -> ClusterFailures.notFound(input.clusterId()));
    }

    private Outcome issue(Cluster cluster, Input input, CaSecretStore store) {
        var shown = Clusters.csr(cluster);
        if (shown.isEmpty()) {
            // AWS is replacing the HSM: its successor brings another CSR.
            return new Outcome.Waiting(
                    Resource.clusterCsr(cluster.clusterId()), Set.of(Resource.ABSENT), HsmCreation.CREATION_BUDGET);
        }
        try {
            var csr = Pem.csr(shown.get());
            var key = Encoded.keySha256(csr);
            if (!key.equals(input.csrKeySha256())) {
                return InitializeCluster.csrChanged(cluster.clusterId(), input.csrKeySha256(), key);
            }
            return issue(csr, input, store);
        } catch (MalformedPemException | CsrRejectedException unfit) {
            return new Outcome.Failed(
                    "CSR_REJECTED",
                    "The CSR of cluster " + cluster.clusterId() + " must not be signed: " + unfit.getMessage()
                            + ". Nothing was changed; the HSM bills by the hour. Next: delete the HSM and start a new"
                            + " execution; tell AWS Support if it happens again.");
        }
    }

    private Outcome issue(PKCS10CertificationRequest csr, Input input, CaSecretStore store) {
        var stored = store.find();
        var before = stored.map(secret -> CaSecret.read(secret.text()));
        var mismatch = before.flatMap(CaSecret::mismatch);
        if (mismatch.isPresent()) return mismatched(stored.orElseThrow().arn(), mismatch.get());
        var fits = before.filter(secret -> ClusterCa.isFor(csr, secret.leaf(), secret.root(), clock.instant()));
        if (fits.isPresent()) {
            return new Outcome.Done(Output.of(fits.get(), stored.orElseThrow().arn()));
        }
        var ca = before.flatMap(CaSecret::ca)
                .filter(kept -> kept.isValidFor(SHORTEST_REMAINDER, clock))
                .orElseGet(
                        () -> ClusterCa.create("CloudHSM cluster CA " + input.deployment(), input.validity(), clock));
        var issued = CaSecret.of(ca, ca.sign(csr, clock), input.caKey() == CaKey.KEEP);
        return new Outcome.Done(Output.of(issued, store.store(issued)));
    }

    /** Another CA signed for a cluster that was adopted; its key was never here. */
    private Optional<Output> adopted(Input input) {
        return deployments
                .find(input.deployment())
                .flatMap(Deployment::adoptedCluster)
                .filter(adopted -> adopted.clusterId().equals(input.clusterId()))
                .map(Output::of);
    }

    private static Outcome issuedBefore(Cluster cluster, CaSecretStore store) {
        var stored = store.find();
        if (stored.isEmpty()) return lost(cluster, store.createPlaceholder(), "was not there, and is now, but empty");
        var secret = CaSecret.read(stored.get().text());
        var arn = stored.get().arn();
        if (!isOf(cluster, secret)) return lost(cluster, arn, "holds the certificate of another cluster");
        return secret.mismatch()
                .map(why -> mismatched(arn, why))
                .orElseGet(() -> new Outcome.Done(Output.of(secret, arn)));
    }

    /** DescribeClusters shows the certificate that the cluster was initialised with, though not in every state. */
    private static boolean isOf(Cluster cluster, CaSecret secret) {
        if (cluster.certificates() == null) return true;
        var shown = cluster.certificates().clusterCertificate();
        return shown == null || shown.isBlank() || Pem.certificate(shown).equals(secret.leaf());
    }

    private static Outcome lost(Cluster cluster, String secretArn, String why) {
        return new Outcome.Failed(
                "CLUSTER_CERTIFICATE_LOST",
                "Cluster " + cluster.clusterId() + " is " + cluster.stateAsString() + ", but the secret " + secretArn
                        + " with its trust anchor " + why + ", and AWS does not give the trust anchor out. Nothing else"
                        + " was changed. Next: if you have the root certificate, put {\"certificate\": \""
                        + "<PEM of the root>\", \"clusterCertificate\": \"<PEM of the signed CSR>\"} into that secret"
                        + " (PutSecretValue) and start a new execution; otherwise run the teardown and begin anew.");
    }

    private static Outcome unreadable(String secretArn, UnreadableCaSecretException why) {
        return new Outcome.Failed(
                "CLUSTER_CERTIFICATE_UNREADABLE",
                "The secret " + secretArn
                        + " is not what the pipeline writes: JSON with the PEM texts certificate and"
                        + " clusterCertificate, one certificate in each, and privateKey if it was kept; "
                        + why.getMessage() + ". Nothing was changed. Next: correct the secret, or delete it without a"
                        + " recovery window if its cluster is not initialised, and start a new execution.");
    }

    private static Outcome mismatched(String secretArn, String why) {
        return new Outcome.Failed(
                "CLUSTER_CERTIFICATE_MISMATCH",
                "The secret " + secretArn + " holds what does not belong together: " + why
                        + ". Nothing was changed. Next: correct the secret, or delete it without a recovery window if"
                        + " its cluster is not initialised, and start a new execution.");
    }
}
