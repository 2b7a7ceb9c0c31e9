package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.limits.Limits;
import cloudhsm.pipeline.provisioning.pki.ExpiredRoot;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;

/**
 * What the user asks for, every default filled in.
 *
 * @param deployment names everything the pipeline makes
 * @param buckets those that the deployment has already among them
 * @param cluster that somebody initialized by hand and that the deployment is to take over; empty: none
 * @param backupId of which this execution is to make the deployment's cluster anew; empty: of none while there is a
 *     cluster, of the newest where it is gone
 */
record ProvisionRequest(
        String deployment,
        Network network,
        Hsm hsm,
        HsmIdentity hsmIdentity,
        ClusterCertificate clusterCertificate,
        Client client,
        String keyStoreName,
        Key key,
        List<Bucket> buckets,
        Optional<AdoptCluster> cluster,
        Optional<String> backupId,
        Limits limits) {
    ProvisionRequest {
        buckets = List.copyOf(buckets);
    }

    /**
     * @param vpcId empty: the subnets', or else the default VPC
     * @param subnetIds empty: chosen by the pipeline, one in a zone
     */
    record Network(Optional<String> vpcId, List<String> subnetIds) {
        Network {
            subnetIds = List.copyOf(subnetIds);
        }
    }

    /**
     * @param mode FIPS or NON_FIPS
     * @param count how many HSMs the cluster is to have: 2 to 6
     */
    record Hsm(String type, String mode, int count, int backupRetentionDays) {}

    /** @param manufacturerRoot PEM, or "" */
    record HsmIdentity(String policy, String manufacturerRoot, ExpiredRoot expiredRoot) {}

    /**
     * @param validity ISO-8601, as Duration reads it
     * @param caKey KEEP or DISCARD
     */
    record ClusterCertificate(String validity, String caKey) {}

    /** @param keep whether the client stays when the execution has ended */
    record Client(String instanceType, boolean keep) {}

    /**
     * @param field where the input names it
     * @param adopt whether a bucket that is there already may be taken over
     */
    record Bucket(String field, String name, boolean adopt) {}

    /**
     * @param trustAnchor PEM, encoded anew: the root, or the chain up to it
     * @param adminSecretArn the secret with the password of {@code admin}
     */
    record AdoptCluster(String clusterId, String trustAnchor, String adminSecretArn) {}

    /** @param policy a whole key policy instead of administrators and users; empty: made from these */
    record Key(
            String alias,
            String description,
            List<PrincipalArn> administrators,
            List<PrincipalArn> users,
            boolean deletable,
            Optional<JsonNode> policy) {
        Key {
            administrators = List.copyOf(administrators);
            users = List.copyOf(users);
        }
    }
}
