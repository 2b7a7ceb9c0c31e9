package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.account.Regions;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.logs.LogsService;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.time.Timed;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import cloudhsm.pipeline.localcloud.wire.Violation;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * AWS CloudHSM v2: the API, the HSMs behind it, and the client tools that talk to them. Each method that is not an
 * operation of the API takes the lock of the simulated time itself.
 */
public final class CloudHsmService extends JsonService {
    private final boolean offered;
    private final Account account;
    private final Clusters clusters;
    private final Switches switches = new Switches();
    private static final HardwareAuthorities AUTHORITIES = new HardwareAuthorities();

    private final ClusterOperations clusterOperations;
    private final HsmOperations hsmOperations;
    private final ConfigureCli configureCli;
    private final CloudHsmCli cloudHsmCli;

    /** It publishes nothing: AWS emits no events for clusters and HSMs, so whoever waits has to poll. */
    public CloudHsmService(Account account, Ec2Service ec2, LogsService logs) {
        super("cloudhsm", "1.1");
        offered = !Regions.zonesWithCloudHsm(account.region()).isEmpty();
        this.account = account;
        clusters = new Clusters(account);
        var rights = new CallerRights(account);
        clusterOperations = new ClusterOperations(clusters, rights, ec2, switches);
        hsmOperations = new HsmOperations(clusters, rights, ec2, switches, AUTHORITIES, logs);
        var backupOperations = new BackupOperations(clusters, rights);
        configureCli = new ConfigureCli(clusters, ec2);
        cloudHsmCli = new CloudHsmCli(new HsmNetwork(clusters, ec2), clusterOperations::activated);
        on("CreateCluster", clusterOperations::createCluster);
        on("DescribeClusters", clusterOperations::describeClusters);
        on("InitializeCluster", clusterOperations::initializeCluster);
        on("ModifyCluster", clusterOperations::modifyCluster);
        on("DeleteCluster", clusterOperations::deleteCluster);
        on("CreateHsm", hsmOperations::createHsm);
        on("DeleteHsm", hsmOperations::deleteHsm);
        on("DescribeBackups", backupOperations::describeBackups);
        on("DeleteBackup", backupOperations::deleteBackup);
        on("RestoreBackup", backupOperations::restoreBackup);
        on("TagResource", backupOperations::tagResource);
        on("UntagResource", backupOperations::untagResource);
        on("ListTags", backupOperations::listTags);
    }

    @Override
    public boolean isOffered() {
        return offered;
    }

    @Override
    public AwsException refusal(List<Violation> violations) {
        return Violation.refusal("CloudHsmInvalidRequestException", violations);
    }

    /** The cluster, or empty if there is none of that id; live state. */
    public Optional<Cluster> cluster(String clusterId) {
        return account.time().locked(() -> clusters.find(clusterId));
    }

    /** What AWS took its own time for so far, in the order in which it ended. */
    public List<Timed> timings() {
        return account.time().locked(clusters::timings);
    }

    /** Every HSM that was ever created in the account, deleted ones too; what the bill is made of. */
    public List<Hsm> everCreated() {
        return account.time().locked(clusters::everCreated);
    }

    /** The simulated "AWS CloudHSM Root G1", to be trusted instead of the real one. */
    public String awsRootPem() {
        return account.time().locked(AUTHORITIES::awsRootPem);
    }

    /** The simulated root of the HSMs' manufacturer, to be trusted instead of the real one. */
    public String manufacturerRootPem() {
        return account.time().locked(AUTHORITIES::manufacturerRootPem);
    }

    /** What a program named {@code cloudhsm-cli} or {@code configure-cli} does on an instance. */
    public CommandResult runClientTool(ClientToolCall call) {
        return account.time().locked(() -> switch (call.program()) {
            case "configure-cli" -> configureCli.run(call);
            case "cloudhsm-cli" -> cloudHsmCli.run(call);
            default ->
                throw new IllegalArgumentException("There is no CloudHSM client tool named " + call.program()
                        + "; there are configure-cli and cloudhsm-cli");
        });
    }

    /**
     * The next HSM that is built in this zone comes out DEGRADED and never heals.
     *
     * @return whether it has been built
     */
    public BooleanSupplier nextHsmDegrades(String availabilityZone) {
        account.time().locked(() -> switches.degradeNext(availabilityZone));
        return () -> account.time().locked(() -> !switches.willDegrade(availabilityZone));
    }

    /**
     * Whether CreateHsm is refused in this zone for lack of capacity; by default it is not.
     *
     * @return whether it has ever been refused there
     */
    public BooleanSupplier zoneIsFull(String availabilityZone, boolean full) {
        account.time().locked(() -> switches.setFull(availabilityZone, full));
        return () -> account.time().locked(() -> switches.hasRefused(availabilityZone));
    }

    /**
     * AWS replaces an HSM: another HsmId, the same network interface. Before initialisation the new one has a key
     * pair and, some seconds later, a CSR of its own.
     *
     * @return the new HsmId
     * @throws IllegalArgumentException if there is no ACTIVE HSM of that id
     */
    public String replaceHsm(String hsmId) {
        return account.time().locked(() -> hsmOperations.replace(clusterOf(hsmId), activeHsm(hsmId)));
    }

    /**
     * Somebody deletes an HSM in the console.
     *
     * @throws IllegalArgumentException if there is no ACTIVE HSM of that id
     */
    public void deleteHsm(String hsmId) {
        account.time().locked(() -> hsmOperations.delete(clusterOf(hsmId), activeHsm(hsmId)));
    }

    /**
     * An admin deletes a user with a CLI that is configured with this HSM alone: the others keep the user.
     *
     * @throws IllegalArgumentException if there is no ACTIVE HSM of that id
     */
    public void deleteUserOnOneHsm(String hsmId, String username) {
        account.time().locked(() -> activeHsm(hsmId).partition().orElseThrow().remove(username));
    }

    private Cluster clusterOf(String hsmId) {
        return clusters.all().stream()
                .filter(cluster -> cluster.activeHsms().stream()
                        .anyMatch(hsm -> hsm.hsmId().equals(hsmId)))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("There is no ACTIVE HSM " + hsmId));
    }

    private Hsm activeHsm(String hsmId) {
        return clusterOf(hsmId).activeHsms().stream()
                .filter(hsm -> hsm.hsmId().equals(hsmId))
                .findFirst()
                .orElseThrow();
    }

    /** An admin gives a user of every cluster another password, on each ACTIVE HSM that knows the user. */
    public void changePassword(String username, String password) {
        account.time().locked(() -> clusters.all().forEach(cluster -> cluster.changePassword(username, password)));
    }

    /** The next HSM that is cloned from another lacks this user. */
    public void omitUserFromNextClone(String username) {
        account.time().locked(() -> switches.omitUser(username));
    }

    /** Whether two CreateHsm calls at the same moment on a fresh cluster are both accepted; then no CSR ever comes. */
    public void acceptConcurrentFirstHsms(boolean accepted) {
        account.time().locked(() -> switches.setConcurrentFirstHsms(accepted));
    }

    /**
     * Whether CreateHsm is accepted on an ACTIVE cluster while another of its HSMs is being created; by default it is
     * refused. It always is while none is ACTIVE.
     */
    public void acceptConcurrentHsms(boolean accepted) {
        account.time().locked(() -> switches.setConcurrentHsms(accepted));
    }

    /**
     * Whether an ACTIVE cluster is shown as UPDATE_IN_PROGRESS while one of its HSMs is being created; by default it is
     * shown as ACTIVE.
     */
    public void showUpdates(boolean shown) {
        account.time().locked(() -> switches.setUpdatesShown(shown));
    }

    /** On which hardware the HSMs are that are made from now on; by default on {@link HsmHardware#SOUND}. */
    public void hardwareIs(HsmHardware hardware) {
        account.time().locked(() -> switches.setHardware(hardware));
    }

    /** Whether clusters and HSMs stay listed as DELETED for some minutes, which is the default, or vanish at once. */
    public void deletedStaysListed(boolean listed) {
        account.time().locked(() -> switches.setDeletedStaysListed(listed));
    }

    /** The next answers of DescribeClusters show the state of this moment: stale reads. */
    public void answerNextDescribesFromNow(int answers) {
        account.time().locked(() -> clusterOperations.freezeDescribe(answers));
    }

    /**
     * Someone logs in to every ACTIVE HSM as this crypto user and stays so until {@link Cluster#logout}.
     *
     * @throws IllegalArgumentException if no ACTIVE HSM has the user
     */
    public void leaveLoggedIn(String clusterId, String username) {
        account.time().locked(() -> {
            var users = clusters.existing(clusterId).activeHsms().stream()
                    .flatMap(hsm -> hsm.partition().stream())
                    .flatMap(partition -> partition.user(username, HsmUser.Role.CRYPTO_USER).stream())
                    .toList();
            if (users.isEmpty()) throw new IllegalArgumentException("No HSM of " + clusterId + " has " + username);
            users.forEach(user -> user.setLoggedIn(true));
        });
    }

    /** Clients must from now on show a certificate, which KMS cannot. */
    public void enforceMutualTls(String clusterId, boolean enforced) {
        account.time().locked(() -> clusters.existing(clusterId).setMutualTlsEnforced(enforced));
    }
}
