package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.AdoptedCluster;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.input.Problems;
import cloudhsm.pipeline.provisioning.pki.ClusterCa;
import cloudhsm.pipeline.provisioning.pki.Pem;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.model.Certificates;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.ClusterState;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;
import software.amazon.awssdk.services.secretsmanager.model.ResourceNotFoundException;

/** Whether the cluster that the input asks to take over can be the deployment's. Nothing of it is changed. */
final class ClusterAdoption {
    private static final int NEEDED_ZONES = 2;

    private final SecretsManagerClient secretsManager;
    private final Deployments deployments;
    private final Problems problems;

    ClusterAdoption(SecretsManagerClient secretsManager, Deployments deployments, Problems problems) {
        this.secretsManager = secretsManager;
        this.deployments = deployments;
        this.problems = problems;
    }

    /**
     * @param record the deployment's; empty for a new one
     * @param own the cluster that the deployment has
     * @param clusters all of the Region
     * @return what the record is to say; empty where nothing is asked, or the problems say why it cannot be
     */
    Optional<AdoptedCluster> choose(
            ProvisionRequest request, Optional<Deployment> record, Optional<Cluster> own, List<Cluster> clusters) {
        var adopted = record.flatMap(Deployment::adoptedCluster);
        if (request.cluster().isEmpty()) {
            if (adopted.isPresent() && own.isEmpty()) addGone(adopted.get());
            return Optional.empty();
        }
        var asked = request.cluster().get();
        var found = clusters.stream()
                .filter(cluster -> cluster.clusterId().equals(asked.clusterId()))
                .findFirst();
        if (found.isEmpty()) {
            problems.add("cluster.id", "there is no cluster \"" + asked.clusterId() + "\" in this account and Region");
            return Optional.empty();
        }
        // What to do about a cluster that cannot be this one's would be done to another deployment.
        if (!mayBeAdopted(asked.clusterId(), request.deployment(), record, own)) return Optional.empty();
        if (!request.hsmIdentity().policy().equals("SKIP") && !problems.concern("hsmIdentity")) {
            problems.add(
                    "hsmIdentity.policy",
                    "must be SKIP for a cluster that is adopted: AWS offers what proves an HSM's identity only until"
                            + " initialization");
        }
        checkCluster(found.get(), request.deployment());
        checkSecret(asked.adminSecretArn());
        if (!isInitialized(found.get())) return Optional.empty();
        var certificate = certificate(found.get(), asked.trustAnchor());
        var hsmIds = adopted.filter(known -> known.clusterId().equals(asked.clusterId()))
                .map(AdoptedCluster::hsmIds)
                .orElseGet(() -> Clusters.hsms(found.get()).stream()
                        .filter(hsm -> hsm.state() != HsmState.DELETE_IN_PROGRESS)
                        .map(Hsm::hsmId)
                        .toList());
        return certificate.map(
                pem -> new AdoptedCluster(asked.clusterId(), pem, asked.trustAnchor(), asked.adminSecretArn(), hsmIds));
    }

    private void addGone(AdoptedCluster adopted) {
        problems.add(
                "cluster.id",
                "the cluster " + adopted.clusterId()
                        + ", which this deployment has adopted, is gone, and its backups are"
                        + " its owner's; make one from its newest backup (CreateCluster with SourceBackupId), and name"
                        + " that one in \"cluster\", with what it was adopted with before");
    }

    private boolean mayBeAdopted(
            String clusterId, String deployment, Optional<Deployment> record, Optional<Cluster> own) {
        var made = record.map(known -> known.made(Made.CLUSTER)).orElse(List.of());
        if (made.contains(clusterId)) {
            problems.add("cluster.id", clusterId + " was made for this deployment; leave \"cluster\" out");
            return false;
        }
        if (own.isPresent() && !own.get().clusterId().equals(clusterId)) {
            problems.add(
                    "cluster.id",
                    "the deployment has the cluster " + own.get().clusterId()
                            + ", which cannot be changed; leave \"cluster\" out, or choose another deployment name");
            return false;
        }
        var others = deployments.all().stream()
                .filter(other -> !other.name().equals(deployment))
                .filter(other -> other.clusterIds().contains(clusterId))
                .toList();
        others.forEach(other -> problems.add(
                "cluster.id",
                clusterId + " is the cluster of the deployment \"" + other.name()
                        + "\", and a cluster has one key store at most; name another cluster"));
        return others.isEmpty();
    }

    private static boolean isInitialized(Cluster cluster) {
        return cluster.state() == ClusterState.INITIALIZED || cluster.state() == ClusterState.ACTIVE;
    }

    private void checkCluster(Cluster cluster, String deployment) {
        if (!isInitialized(cluster)) {
            problems.add(
                    "cluster.id",
                    cluster.clusterId() + " is " + cluster.stateAsString()
                            + "; a cluster can be adopted once it is INITIALIZED or ACTIVE");
        }
        if (cluster.subnetMapping().size() < NEEDED_ZONES) {
            problems.add(
                    "cluster.id",
                    cluster.clusterId() + " has subnets in "
                            + cluster.subnetMapping().keySet()
                            + " only, which cannot be changed; a key store needs HSMs in " + NEEDED_ZONES + " zones");
        }
        if (!Clusters.isTagged(cluster.tagList(), Clusters.DEPLOYMENT_TAG, deployment)) {
            problems.add(
                    "cluster.id",
                    cluster.clusterId() + " lacks the tag " + Clusters.DEPLOYMENT_TAG + " = " + deployment
                            + ", without which the pipeline has no right to add HSMs to it; give it (aws cloudhsmv2"
                            + " tag-resource --resource-id " + cluster.clusterId() + " --tag-list Key="
                            + Clusters.DEPLOYMENT_TAG + ",Value=" + deployment + ")");
        }
    }

    private void checkSecret(String arn) {
        try {
            var secret = secretsManager.describeSecret(request -> request.secretId(arn));
            if (secret.deletedDate() == null) return;
            problems.add("cluster.adminPasswordSecretArn", "\"" + arn + "\" waits for its deletion; restore it");
        } catch (ResourceNotFoundException absent) {
            problems.add("cluster.adminPasswordSecretArn", "there is no secret \"" + arn + "\"");
        }
    }

    private Optional<String> certificate(Cluster cluster, String trustAnchor) {
        var shown = Optional.ofNullable(cluster.certificates())
                .map(Certificates::clusterCertificate)
                .filter(pem -> !pem.isBlank());
        if (shown.isEmpty()) {
            problems.add(
                    "cluster.id",
                    "AWS does not show the certificate of " + cluster.clusterId() + " now; start again later");
            return Optional.empty();
        }
        var certificate = Pem.certificate(shown.get());
        if (!ClusterCa.hasIssued(Pem.certificates(trustAnchor), certificate)) {
            problems.add(
                    "cluster.trustAnchor",
                    "does not lead from the certificate of " + cluster.clusterId() + ", whose issuer is \""
                            + certificate.getIssuerX500Principal()
                            + "\", to a self-signed root; give what the cluster was initialized with: the root, or the"
                            + " issuer first and the root last");
        }
        return Optional.of(Pem.of(certificate));
    }
}
