package cloudhsm.pipeline.localcloud.cloudhsm;

import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/**
 * A cluster and its HSMs: live state, to be read and changed while holding the lock of the simulated time. KMS uses
 * the HSMs through {@link #login}, {@link #changePassword} and the key methods.
 */
public final class Cluster {
    private static final SecureRandom RANDOM = new SecureRandom();

    private final String id;
    private final ClusterSettings settings;
    private final Instant createdAt;
    private final List<Hsm> hsms = new ArrayList<>();
    private final Map<String, String> tags = new LinkedHashMap<>();
    private ClusterState state = ClusterState.CREATE_IN_PROGRESS;
    private String stateMessage = "";
    private int backupRetentionDays;
    private Optional<String> securityGroup = Optional.empty();
    private Optional<ClusterCredential> credential = Optional.empty();
    private boolean csrPublished;
    private boolean firstHsmsRaced;
    private boolean mutualTlsEnforced;

    Cluster(String id, ClusterSettings settings, int backupRetentionDays, Instant createdAt) {
        this.id = id;
        this.settings = settings;
        this.backupRetentionDays = backupRetentionDays;
        this.createdAt = createdAt;
    }

    public String id() {
        return id;
    }

    /** As the API shows it: after activation it lags behind the HSMs by minutes. */
    public ClusterState state() {
        return state;
    }

    public String stateMessage() {
        return stateMessage;
    }

    public String vpcId() {
        return settings.vpcId();
    }

    /** Id of the group that CloudHSM made for the cluster; empty for the first seconds. */
    public Optional<String> securityGroup() {
        return securityGroup;
    }

    /** The subnet of each Availability Zone that the cluster was created with. */
    public Map<String, String> subnetsByAvailabilityZone() {
        return settings.subnets();
    }

    /** All that DescribeClusters lists: DELETED ones remain for a while. */
    public List<Hsm> hsms() {
        return List.copyOf(hsms);
    }

    /** Those that answer clients. */
    public List<Hsm> activeHsms() {
        return hsms.stream().filter(Hsm::active).toList();
    }

    /** The trust anchor given to InitializeCluster, as given; empty before. */
    public Optional<String> trustAnchorPem() {
        return credential.map(ClusterCredential::trustAnchorPem);
    }

    /**
     * The signed cluster certificate given to InitializeCluster, as given; empty before. Clusters made from each other's
     * backups have the same.
     */
    public Optional<String> clusterCertificatePem() {
        return credential.map(ClusterCredential::certificatePem);
    }

    /** Whether clients must show a certificate of their own, which KMS cannot. */
    public boolean mtlsEnforced() {
        return mutualTlsEnforced;
    }

    /**
     * Logs a crypto user in on every ACTIVE HSM where that is possible; it stays logged in there until
     * {@link #logout}.
     *
     * @return the result of each ACTIVE HSM, by HSM id
     */
    public Map<String, LoginResult> login(String username, String password) {
        var results = new LinkedHashMap<String, LoginResult>();
        for (var hsm : activeHsms()) results.put(hsm.hsmId(), login(hsm, username, password));
        return results;
    }

    private static LoginResult login(Hsm hsm, String username, String password) {
        var user = hsm.partition().flatMap(partition -> partition.user(username, HsmUser.Role.CRYPTO_USER));
        if (user.isEmpty()) return LoginResult.USER_NOT_FOUND;
        if (user.get().loggedIn()) return LoginResult.ALREADY_LOGGED_IN;
        var result = user.get().verify(password);
        if (result == LoginResult.OK) user.get().setLoggedIn(true);
        return result;
    }

    /** Logs the crypto user out on every HSM. */
    public void logout(String username) {
        forEachPartition(partition ->
                partition.user(username, HsmUser.Role.CRYPTO_USER).ifPresent(user -> user.setLoggedIn(false)));
    }

    /** Whether the crypto user is logged in on any HSM. */
    public boolean loggedIn(String username) {
        return hsms.stream()
                .flatMap(hsm -> hsm.partition().stream())
                .flatMap(partition -> partition.user(username, HsmUser.Role.CRYPTO_USER).stream())
                .anyMatch(HsmUser::loggedIn);
    }

    /** Changes a crypto user's own password on every ACTIVE HSM that has the user. */
    public void changePassword(String username, String newPassword) {
        forEachPartition(partition ->
                partition.user(username, HsmUser.Role.CRYPTO_USER).ifPresent(user -> user.setPassword(newPassword)));
    }

    /**
     * Makes a 256-bit AES key inside the HSMs, on every ACTIVE one.
     *
     * @throws IllegalStateException if no HSM is ACTIVE
     */
    public void createKey(String label) {
        if (activeHsms().isEmpty()) throw new IllegalStateException("Cluster " + id + " has no ACTIVE HSM");
        var material = new byte[32];
        RANDOM.nextBytes(material);
        forEachPartition(partition -> partition.keys().put(label, new SecretKeySpec(material, "AES")));
    }

    /** The key, as long as one ACTIVE HSM holds it. */
    public Optional<SecretKey> key(String label) {
        return activeHsms().stream()
                .flatMap(hsm -> hsm.partition().stream())
                .flatMap(partition -> Optional.ofNullable(partition.keys().get(label)).stream())
                .findFirst();
    }

    /**
     * Deletes the key from every ACTIVE HSM; backups keep it.
     *
     * @return whether an ACTIVE HSM held it
     */
    public boolean destroyKey(String label) {
        var held = key(label).isPresent();
        forEachPartition(partition -> partition.keys().remove(label));
        return held;
    }

    private void forEachPartition(java.util.function.Consumer<Partition> action) {
        activeHsms().forEach(hsm -> hsm.partition().ifPresent(action));
    }

    ClusterSettings settings() {
        return settings;
    }

    Instant createdAt() {
        return createdAt;
    }

    Map<String, String> tags() {
        return tags;
    }

    int backupRetentionDays() {
        return backupRetentionDays;
    }

    void setBackupRetentionDays(int days) {
        backupRetentionDays = days;
    }

    void setState(ClusterState state, String stateMessage) {
        this.state = state;
        this.stateMessage = stateMessage;
    }

    void setSecurityGroup(String securityGroupId) {
        securityGroup = Optional.of(securityGroupId);
    }

    void setCredential(ClusterCredential credential) {
        this.credential = Optional.of(credential);
    }

    Optional<ClusterCredential> credential() {
        return credential;
    }

    void add(Hsm hsm) {
        hsms.add(hsm);
    }

    void remove(Hsm hsm) {
        hsms.remove(hsm);
    }

    /** HSMs that exist, in whatever state. */
    List<Hsm> existingHsms() {
        return hsms.stream().filter(hsm -> hsm.state() != HsmState.DELETED).toList();
    }

    /** Whether the CSR, which comes some seconds after the first HSM, is there. */
    boolean csrPublished() {
        return csrPublished;
    }

    void setCsrPublished(boolean published) {
        csrPublished = published;
    }

    /** Whether two first HSMs were created at the same moment, after which no CSR ever appears. */
    boolean firstHsmsRaced() {
        return firstHsmsRaced;
    }

    void setFirstHsmsRaced() {
        firstHsmsRaced = true;
    }

    void setMutualTlsEnforced(boolean enforced) {
        mutualTlsEnforced = enforced;
    }
}
