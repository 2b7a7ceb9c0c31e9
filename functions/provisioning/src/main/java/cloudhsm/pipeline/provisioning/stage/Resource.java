package cloudhsm.pipeline.provisioning.stage;

import java.util.Objects;

/**
 * Something in AWS whose state a stage waits for.
 *
 * @param id see {@link Type}
 */
public record Resource(Type type, String id) {
    /** What can be waited for, and what its id and its states are. */
    public enum Type {
        /** Id: the cluster's. States: CloudHSM's, or ABSENT. */
        CLUSTER,
        /** Id: the cluster's. States: PRESENT or ABSENT, as DescribeClusters shows the CSR. */
        CLUSTER_CSR,
        /** Id: cluster id "/" zone, because AWS may replace an HSM under a new id. States: CloudHSM's, or ABSENT. */
        HSM,
        /** Id: cluster id "/" HsmId, of one whose zone may have others. States: as of {@link #HSM}. */
        ONE_HSM,
        /**
         * Id: the instance's. States: SSM's ping status, or ABSENT until it has registered; EC2's where the instance
         * ends or has ended.
         */
        CLIENT,
        /** Id: command id "/" instance id. States: Run Command's; EC2's where the instance ends or has ended. */
        COMMAND,
        /** Id: the custom key store's. States: KMS's connection states, or ABSENT. */
        KEY_STORE,
        /** Id: the KMS key's. States: as DescribeKey names them, or ABSENT. It takes days. */
        KEY,
        /** Id: the EC2 instance's. States: EC2's, or ABSENT. */
        INSTANCE,
        /** Id: bucket "/" key. States: the key ARN it is under, AES256 under SSE-S3, or ABSENT. */
        OBJECT
    }

    /** The state of what AWS does not (or no longer) know. */
    public static final String ABSENT = "ABSENT";

    /** {@link Type#CLUSTER_CSR}: the CSR can be read. */
    public static final String PRESENT = "PRESENT";

    public Resource {
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(id, "id");
    }

    public static Resource cluster(String clusterId) {
        return new Resource(Type.CLUSTER, clusterId);
    }

    public static Resource clusterCsr(String clusterId) {
        return new Resource(Type.CLUSTER_CSR, clusterId);
    }

    public static Resource hsm(String clusterId, String availabilityZone) {
        return new Resource(Type.HSM, clusterId + "/" + availabilityZone);
    }

    public static Resource oneHsm(String clusterId, String hsmId) {
        return new Resource(Type.ONE_HSM, clusterId + "/" + hsmId);
    }

    public static Resource client(String instanceId) {
        return new Resource(Type.CLIENT, instanceId);
    }

    public static Resource command(String commandId, String instanceId) {
        return new Resource(Type.COMMAND, commandId + "/" + instanceId);
    }

    public static Resource keyStore(String keyStoreId) {
        return new Resource(Type.KEY_STORE, keyStoreId);
    }

    public static Resource key(String keyId) {
        return new Resource(Type.KEY, keyId);
    }

    public static Resource instance(String instanceId) {
        return new Resource(Type.INSTANCE, instanceId);
    }

    public static Resource object(String bucket, String key) {
        return new Resource(Type.OBJECT, bucket + "/" + key);
    }

    /** Whether its changes take days, so that it is not worth a look every ten seconds. */
    boolean isSlow() {
        return type == Type.KEY;
    }

    /** What stands before the first "/" of the id: the cluster of an HSM, the bucket of an object. */
    public String parent() {
        return id.substring(0, id.indexOf('/'));
    }

    /** What stands behind the first "/" of the id. */
    public String child() {
        return id.substring(id.indexOf('/') + 1);
    }

    @Override
    public String toString() {
        return type + " " + id;
    }
}
