package cloudhsm.pipeline.provisioning.cluster;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.pki.ClusterCa;
import cloudhsm.pipeline.provisioning.pki.Encoded;
import cloudhsm.pipeline.provisioning.pki.MalformedPemException;
import cloudhsm.pipeline.provisioning.pki.Pem;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.Settled;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.CloudHsmInvalidRequestException;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;

/**
 * Gives the cluster its owner's certificate. The CSR is read again just before: AWS may have replaced the first HSM,
 * and a certificate for the old one's key is useless.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/initialize-cluster.html">Initialize the cluster</a>
 */
public final class InitializeCluster extends StageHandler<InitializeCluster.Input> {
    /** Reason of the failure after which the HSM's identity has to be verified again. */
    static final String CSR_CHANGED = "CSR_CHANGED";

    /** From InitializeCluster to INITIALIZED: minutes are usual. */
    static final Duration BUDGET = Duration.ofMinutes(15);

    /**
     * @param clusterCertificate PEM, for the CSR's key, issued by the trust anchor
     * @param trustAnchor PEM of one self-signed root
     * @param csrKeySha256 of the public key whose HSM was verified
     */
    public record Input(String clusterId, String clusterCertificate, String trustAnchor, String csrKeySha256) {}

    /** @param state of the cluster, INITIALIZED or later */
    public record Output(String state) {}

    private final CloudHsmV2Client cloudHsm;
    private final Clusters clusters;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public InitializeCluster() {
        this(Aws.cloudHsm(), StageRuntime.ofFunction());
    }

    public InitializeCluster(CloudHsmV2Client cloudHsm, StageRuntime runtime) {
        super(Input.class, runtime);
        this.cloudHsm = cloudHsm;
        this.clusters = new Clusters(cloudHsm);
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        return clusters.find(input.clusterId())
                .map(cluster -> switch (cluster.state()) {
                    case UNINITIALIZED -> initialize(cluster, input);
                    case INITIALIZE_IN_PROGRESS -> waitForInitialization(cluster.clusterId());
                    case INITIALIZED, ACTIVE, UPDATE_IN_PROGRESS, MODIFY_IN_PROGRESS, ROLLBACK_IN_PROGRESS ->
                        new Outcome.Done(new Output(cluster.stateAsString()));
                    case CREATE_IN_PROGRESS, DEGRADED, DELETE_IN_PROGRESS, DELETED, UNKNOWN_TO_SDK_VERSION ->
                        ClusterFailures.unusable(cluster, "InitializeCluster needs an UNINITIALIZED cluster");
                })
                .orElseGet(() -> ClusterFailures.notFound(input.clusterId()));
    }

    private Outcome initialize(Cluster cluster, Input input) {
        var csr = Clusters.csr(cluster);
        if (csr.isEmpty()) {
            // AWS is replacing the HSM: its successor brings another CSR.
            return new Outcome.Waiting(
                    Resource.clusterCsr(cluster.clusterId()), Set.of(Resource.ABSENT), HsmCreation.CREATION_BUDGET);
        }
        try {
            var request = Pem.csr(csr.get());
            if (!Encoded.keySha256(request).equals(input.csrKeySha256())) {
                return csrChanged(cluster.clusterId(), input.csrKeySha256(), Encoded.keySha256(request));
            }
            var certificate = Pem.certificate(input.clusterCertificate());
            var trustAnchor = Pem.certificate(input.trustAnchor());
            if (!ClusterCa.isFor(request, certificate, trustAnchor, clock.instant())) {
                return unfit(cluster, Encoded.keySha256(request));
            }
            send(cluster.clusterId(), certificate, trustAnchor);
            return waitForInitialization(cluster.clusterId());
        } catch (MalformedPemException malformed) {
            return new Outcome.Failed(
                    "CERTIFICATE_UNREADABLE",
                    "The CSR or a certificate of cluster " + cluster.clusterId() + " cannot be read: "
                            + malformed.getMessage() + ". Nothing was sent. Next: start a new execution; it issues the"
                            + " certificate again.");
        }
    }

    private void send(String clusterId, X509Certificate certificate, X509Certificate trustAnchor) {
        var what = "a certificate of " + days(certificate) + " days, a root of " + days(trustAnchor)
                + " days with path length " + trustAnchor.getBasicConstraints();
        try {
            cloudHsm.initializeCluster(initialization -> initialization
                    .clusterId(clusterId)
                    .signedCert(Pem.of(certificate))
                    .trustAnchor(Pem.of(trustAnchor)));
            settle(Question.CLUSTER_CERTIFICATE, "accepted: " + what);
        } catch (CloudHsmInvalidRequestException refused) {
            settle(Question.CLUSTER_CERTIFICATE, Settled.refused(refused) + ": " + what);
            throw refused;
        }
    }

    private static long days(X509Certificate certificate) {
        return ChronoUnit.DAYS.between(
                certificate.getNotBefore().toInstant(),
                certificate.getNotAfter().toInstant());
    }

    private static Outcome waitForInitialization(String clusterId) {
        return new Outcome.Waiting(
                Resource.cluster(clusterId),
                Set.of(ClusterState.UNINITIALIZED.toString(), ClusterState.INITIALIZE_IN_PROGRESS.toString()),
                BUDGET);
    }

    static Outcome csrChanged(String clusterId, String verified, String now) {
        return new Outcome.Failed(
                CSR_CHANGED,
                "The HSM that was verified has the key " + verified + ", but cluster " + clusterId
                        + " now offers a CSR for the key " + now + ": AWS replaced the first HSM. Nothing was sent."
                        + " Next: verify the new HSM's identity and sign its CSR; nothing to do on AWS.");
    }

    private static Outcome unfit(Cluster cluster, String csrKey) {
        return new Outcome.Failed(
                "CERTIFICATE_UNFIT",
                "The certificate for cluster " + cluster.clusterId() + " is not for its CSR's key " + csrKey
                        + ", not issued by the trust anchor, or expired. Nothing was sent. Next: start a new execution;"
                        + " it issues the certificate again.");
    }
}
