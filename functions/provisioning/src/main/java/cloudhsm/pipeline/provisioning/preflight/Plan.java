package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.limits.Limits;
import cloudhsm.pipeline.provisioning.pki.ExpiredRoot;
import cloudhsm.pipeline.provisioning.price.HsmPrice;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import software.amazon.awssdk.services.cloudhsmv2.model.Backup;

/**
 * What the execution is going to make, every choice made: the input of all later stages.
 *
 * @param zones that offer CloudHSM and have a chosen subnet, in the order in which they are given HSMs
 * @param subnetIds of the cluster, in the order of the zones
 * @param clientSubnetId where the client runs: the first zone's
 * @param sourceBackupId the backup that the cluster is made from; "" for a cluster that is there, or a new one
 * @param hsmCount how many HSMs the cluster is to have
 * @param identityPolicy REQUIRE_AWS, REQUIRE_BOTH or SKIP
 * @param manufacturerRoot PEM, or ""
 * @param expiredRoot whether the pinned AWS root is trusted beyond its end
 * @param certificateValidity ISO-8601
 * @param caKey KEEP or DISCARD
 * @param keyPolicy a whole key policy, or JSON null
 * @param buckets at least one
 * @param pricePerHsmHourUsd of one HSM
 * @param hourlyCostUsd of as many as the cluster is to have
 * @param priceBasis whose price that is, as of when, and how to set another
 * @param lambdaConcurrency what the account lets Lambda run at a time, and what that means
 */
public record Plan(
        String deployment,
        String vpcId,
        List<String> zones,
        List<String> subnetIds,
        String clientSubnetId,
        String hsmType,
        String mode,
        String sourceBackupId,
        int hsmCount,
        int backupRetentionDays,
        String identityPolicy,
        String manufacturerRoot,
        ExpiredRoot expiredRoot,
        String certificateValidity,
        String caKey,
        String clientInstanceType,
        boolean keepClient,
        String keyStoreName,
        String keyAlias,
        String keyDescription,
        List<String> keyAdministrators,
        List<String> keyUsers,
        boolean keyDeletable,
        JsonNode keyPolicy,
        List<Bucket> buckets,
        Limits limits,
        BigDecimal pricePerHsmHourUsd,
        BigDecimal hourlyCostUsd,
        BigDecimal dailyCostUsd,
        String priceBasis,
        String lambdaConcurrency) {
    /** @param adopt whether a bucket that is there already may be taken over */
    public record Bucket(String name, boolean adopt) {}

    public Plan {
        Objects.requireNonNull(deployment, "deployment");
        zones = List.copyOf(zones);
        subnetIds = List.copyOf(subnetIds);
        keyAdministrators = List.copyOf(keyAdministrators);
        keyUsers = List.copyOf(keyUsers);
        buckets = List.copyOf(buckets);
        limits = Objects.requireNonNullElse(limits, Limits.NONE);
        keyPolicy = keyPolicy == null ? NullNode.getInstance() : keyPolicy;
    }

    static Plan of(
            ProvisionRequest request,
            NetworkChoice network,
            Optional<Backup> source,
            HsmPrice price,
            String lambdaConcurrency) {
        return new Plan(
                request.deployment(),
                network.vpcId(),
                network.zones(),
                network.subnetIds(),
                network.subnetIds().getFirst(),
                request.hsm().type(),
                request.hsm().mode(),
                source.map(Backup::backupId).orElse(""),
                request.hsm().count(),
                request.hsm().backupRetentionDays(),
                request.hsmIdentity().policy(),
                request.hsmIdentity().manufacturerRoot(),
                request.hsmIdentity().expiredRoot(),
                request.clusterCertificate().validity(),
                request.clusterCertificate().caKey(),
                request.client().instanceType(),
                request.client().keep(),
                request.keyStoreName(),
                request.key().alias(),
                request.key().description(),
                arns(request.key().administrators()),
                arns(request.key().users()),
                request.key().deletable(),
                request.key().policy().orElse(NullNode.getInstance()),
                request.buckets().stream()
                        .map(bucket -> new Bucket(bucket.name(), bucket.adopt()))
                        .toList(),
                request.limits(),
                price.perHour(),
                price.perHour(request.hsm().count()),
                price.perDay(request.hsm().count()),
                price.basis(),
                lambdaConcurrency);
    }

    private static List<String> arns(List<PrincipalArn> principals) {
        return principals.stream().map(PrincipalArn::arn).toList();
    }
}
