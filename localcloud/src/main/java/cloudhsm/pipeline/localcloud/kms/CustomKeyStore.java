package cloudhsm.pipeline.localcloud.kms;

import cloudhsm.pipeline.localcloud.cloudhsm.Cluster;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A custom key store of type AWS_CLOUDHSM: KMS's connection to one cluster. */
final class CustomKeyStore {
    private final String id;
    private final String trustAnchor;
    private final Optional<String> clusterCertificate;
    private final Instant creationDate;
    private final List<String> networkInterfaceIds = new ArrayList<>();
    private String name;
    private String clusterId;
    private String password;
    private String givenPassword;
    private ConnectionState state = ConnectionState.DISCONNECTED;
    private String errorCode;
    private String securityGroupId;
    private boolean lost;

    CustomKeyStore(String id, String name, Cluster cluster, String trustAnchor, String password, Instant creationDate) {
        this.id = id;
        this.name = name;
        this.clusterId = cluster.id();
        this.clusterCertificate = cluster.clusterCertificatePem();
        this.trustAnchor = trustAnchor;
        givePassword(password);
        this.creationDate = creationDate;
    }

    String id() {
        return id;
    }

    String name() {
        return name;
    }

    void setName(String name) {
        this.name = name;
    }

    String clusterId() {
        return clusterId;
    }

    void setClusterId(String clusterId) {
        this.clusterId = clusterId;
    }

    /** PEM; a cluster of another certificate cannot take the place of the first one. */
    Optional<String> clusterCertificate() {
        return clusterCertificate;
    }

    /** As it was given: PEM. */
    String trustAnchor() {
        return trustAnchor;
    }

    Instant creationDate() {
        return creationDate;
    }

    /** Whether KMS, although CONNECTED, does not reach the cluster. */
    boolean lost() {
        return lost;
    }

    void setLost(boolean lost) {
        this.lost = lost;
    }

    /** What KMS believes to be kmsuser's password; after the first connection only KMS knows it. */
    String password() {
        return password;
    }

    /** What the store's owner said last that the password is, though KMS may have changed it since. */
    String givenPassword() {
        return givenPassword;
    }

    void givePassword(String password) {
        this.password = password;
        givenPassword = password;
    }

    void rotatePassword(String password) {
        this.password = password;
    }

    ConnectionState state() {
        return state;
    }

    void setState(ConnectionState state) {
        this.state = state;
        if (state != ConnectionState.FAILED) errorCode = null;
    }

    void fail(String errorCode) {
        this.state = ConnectionState.FAILED;
        this.errorCode = errorCode;
    }

    /** Present only while FAILED. */
    Optional<String> errorCode() {
        return Optional.ofNullable(errorCode);
    }

    /** KMS's interfaces in the cluster's subnets; the live list, empty while disconnected. */
    List<String> networkInterfaceIds() {
        return networkInterfaceIds;
    }

    Optional<String> securityGroupId() {
        return Optional.ofNullable(securityGroupId);
    }

    /** @param securityGroupId null once the group has been deleted */
    void setSecurityGroupId(String securityGroupId) {
        this.securityGroupId = securityGroupId;
    }
}
