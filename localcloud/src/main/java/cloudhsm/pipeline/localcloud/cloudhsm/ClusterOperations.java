package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.account.Quotas;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Operations on clusters as such. */
final class ClusterOperations {
    /** "A few minutes" [ALC]; a provider allows 10. */
    private static final Duration SHORTEST_CLUSTER_CREATION = Duration.ofMinutes(2);

    private static final Duration LONGEST_CLUSTER_CREATION = Duration.ofMinutes(4);

    /** A cluster from a backup may show INITIALIZE_IN_PROGRESS before it is ACTIVE [TF]. */
    // Assumed: cluster-from-backup
    private static final Duration SHORTEST_RESTORATION = Duration.ofMinutes(1);

    private static final Duration LONGEST_RESTORATION = Duration.ofMinutes(2);

    /** The answer of CreateCluster has no security group yet [QIN]. */
    // Assumed: cluster-security-group
    private static final Duration FIRST_SECURITY_GROUP = Duration.ofSeconds(10);

    private static final Duration LAST_SECURITY_GROUP = Duration.ofSeconds(40);

    /** Part of "up to 15 min" from HSM to ACTIVE [STORM]. */
    private static final Duration SHORTEST_INITIALIZATION = Duration.ofMinutes(3);

    private static final Duration LONGEST_INITIALIZATION = Duration.ofMinutes(6);

    /** "~1 min" [BMT] to "up to 4 min" [STORM] from the CLI's success to ACTIVE. */
    private static final Duration SHORTEST_ACTIVATION_LAG = Duration.ofMinutes(1);

    private static final Duration LONGEST_ACTIVATION_LAG = Duration.ofMinutes(4);

    // Assumed: cluster-deletion
    private static final Duration SHORTEST_CLUSTER_DELETION = Duration.ofMinutes(1);

    private static final Duration LONGEST_CLUSTER_DELETION = Duration.ofMinutes(2);

    /** How long DELETED clusters and HSMs stay listed; that they may is known [TF; ALC]. */
    // Assumed: deleted-stays-listed
    static final Duration DELETED_STAYS_LISTED = Duration.ofMinutes(5);

    private static final int DEFAULT_BACKUP_RETENTION_DAYS = 90;

    private final Clusters clusters;
    private final CallerRights rights;
    private final Ec2Service ec2;
    private final Switches switches;
    private List<ObjectNode> staleView = List.of();
    private int staleAnswers;

    ClusterOperations(Clusters clusters, CallerRights rights, Ec2Service ec2, Switches switches) {
        this.clusters = clusters;
        this.rights = rights;
        this.ec2 = ec2;
        this.switches = switches;
    }

    JsonNode createCluster(ObjectNode input, AwsRequest request) {
        var hsmType = input.path("HsmType").asText();
        var subnetIds = Input.subnetIds(input);
        var sourceBackup = JsonService.text(input, "SourceBackupId");
        var networkType = input.path("NetworkType").asText("IPV4");
        var retention = Input.backupRetentionDays(input).orElse(DEFAULT_BACKUP_RETENTION_DAYS);
        var tags = Input.tags(input);
        if (sourceBackup.isEmpty()) {
            rights.require(request.caller(), "CreateCluster");
        } else {
            var backupId = sourceBackup.get().substring(sourceBackup.get().lastIndexOf('/') + 1);
            rights.requireOn(request.caller(), "CreateCluster", backupId, clusters.tagsOf(backupId));
        }
        if (!tags.isEmpty()) rights.requireOn(request.caller(), "TagResource", "cluster-*", Map.of());
        rights.requireCreating(request.caller());
        requireUsableType(hsmType);
        if (!input.hasNonNull("Mode")) throw Input.invalid("Mode is required for HSM type " + hsmType);
        var mode = input.path("Mode").asText();
        if (networkType.equals("DUALSTACK")) throw Input.invalid("The embedded AWS has no IPv6; use IPV4");
        var subnets = subnetsByZone(subnetIds);
        var backup = sourceBackup.map(this::readyBackup);
        backup.ifPresent(source -> requireSameMode(source, mode));
        var existing = clusters.all().stream()
                .filter(cluster -> cluster.state() != ClusterState.DELETED)
                .count();
        if (existing >= clusters.account().quotas().value(Quotas.CLUSTERS)) {
            throw Input.invalid("The account already has " + existing + " clusters, which is its limit");
        }
        rights.ensureServiceLinkedRole(request.caller());

        var id = "cluster-" + clusters.account().base32(11);
        var vpcId = subnets.values().iterator().next().vpcId();
        var mapping = new LinkedHashMap<String, String>();
        subnets.forEach((zone, subnet) -> mapping.put(zone, subnet.subnetId()));
        var cluster = new Cluster(
                id,
                new ClusterSettings(hsmType, mode, networkType, vpcId, mapping, backup.map(Backup::id)),
                retention,
                clusters.now());
        cluster.tags().putAll(tags);
        backup.flatMap(source -> source.cluster().credential()).ifPresent(cluster::setCredential);
        clusters.add(cluster);
        beginCreation(cluster, backup);
        return Json.object().set("Cluster", Wire.cluster(cluster));
    }

    private void beginCreation(Cluster cluster, Optional<Backup> backup) {
        var account = clusters.account();
        var groupName = "cloudhsm-cluster-" + cluster.id() + "-sg";
        clusters.after(
                account.between(FIRST_SECURITY_GROUP, LAST_SECURITY_GROUP),
                "security group of " + cluster.id(),
                () -> cluster.setSecurityGroup(ec2.createClusterSecurityGroup(cluster.vpcId(), groupName)));
        clusters.after(
                account.between(SHORTEST_CLUSTER_CREATION, LONGEST_CLUSTER_CREATION),
                "creation of " + cluster.id(),
                () -> {
                    if (backup.isPresent()) restore(cluster);
                    else completeCreation(cluster, ClusterState.UNINITIALIZED);
                });
    }

    /** It is neither initialized nor activated by anybody [HSM:create-cluster-from-backup]. */
    private void restore(Cluster cluster) {
        cluster.setState(ClusterState.INITIALIZE_IN_PROGRESS, "");
        clusters.after(
                clusters.account().between(SHORTEST_RESTORATION, LONGEST_RESTORATION),
                cluster.id() + " is restored",
                () -> completeCreation(cluster, ClusterState.ACTIVE));
    }

    private void completeCreation(Cluster cluster, ClusterState state) {
        cluster.setState(state, "");
        clusters.timed("CreateCluster", cluster.id(), cluster.createdAt());
    }

    private static void requireUsableType(String hsmType) {
        // New clusters cannot have it since April 2025 [HSM:compliance-dep-notif].
        if (hsmType.equals("hsm1.medium"))
            throw Input.invalid("HSM type hsm1.medium is not available for new clusters");
        if (!hsmType.equals("hsm2m.medium")) throw Input.invalid("HSM type " + hsmType + " does not exist");
    }

    private Map<String, Ec2Service.Subnet> subnetsByZone(List<String> subnetIds) {
        var subnets = new LinkedHashMap<String, Ec2Service.Subnet>();
        for (var subnetId : subnetIds) {
            var subnet = ec2.subnet(subnetId)
                    .orElseThrow(() -> Input.invalid("The subnet '" + subnetId + "' does not exist"));
            var other = subnets.putIfAbsent(subnet.availabilityZone(), subnet);
            if (other != null) {
                throw Input.invalid("The subnets '" + other.subnetId() + "' and '" + subnetId
                        + "' are in the same Availability Zone " + subnet.availabilityZone());
            }
            var first = subnets.values().iterator().next();
            if (!first.vpcId().equals(subnet.vpcId())) {
                throw Input.invalid(
                        "The subnets '" + first.subnetId() + "' and '" + subnetId + "' are in different VPCs");
            }
        }
        return subnets;
    }

    private Backup readyBackup(String idOrArn) {
        var id = idOrArn.substring(idOrArn.lastIndexOf('/') + 1);
        var backup = clusters.backup(id).orElseThrow(() -> Input.notFound("Backup '" + id + "' does not exist"));
        if (backup.state() != Backup.State.READY) {
            throw Input.invalid("Backup '" + id + "' is " + backup.state() + ", not READY");
        }
        return backup;
    }

    private static void requireSameMode(Backup source, String mode) {
        var original = source.cluster().settings().mode();
        if (!original.equals(mode)) {
            throw Input.invalid("Backup '" + source.id() + "' is of a cluster in mode " + original + ", not " + mode);
        }
    }

    JsonNode describeClusters(ObjectNode input, AwsRequest request) {
        var most = input.path("MaxResults").asInt(25);
        var filters = Input.filters(input, List.of("clusterIds", "vpcIds", "states"));
        var first = Input.firstOfPage(input);
        rights.require(request.caller(), "DescribeClusters");
        var shown = new ArrayList<ObjectNode>();
        for (var cluster : view()) {
            if (matches(filters, "clusterIds", cluster, "ClusterId")
                    && matches(filters, "vpcIds", cluster, "VpcId")
                    && matches(filters, "states", cluster, "State")) {
                shown.add(cluster);
            }
        }
        return Wire.page("Clusters", shown, first, most);
    }

    private List<ObjectNode> view() {
        if (staleAnswers > 0) {
            staleAnswers--;
            return staleView;
        }
        return clusters.all().stream().map(this::shown).toList();
    }

    private ObjectNode shown(Cluster cluster) {
        var json = Wire.cluster(cluster);
        var growing = cluster.state() == ClusterState.ACTIVE
                && cluster.existingHsms().stream().anyMatch(hsm -> hsm.state() == HsmState.CREATE_IN_PROGRESS);
        return switches.updatesShown() && growing ? json.put("State", "UPDATE_IN_PROGRESS") : json;
    }

    /** The next answers of DescribeClusters show what is true now. */
    void freezeDescribe(int answers) {
        staleView = clusters.all().stream().map(this::shown).toList();
        staleAnswers = answers;
    }

    private static boolean matches(
            Map<String, List<String>> filters, String filter, ObjectNode cluster, String member) {
        var accepted = filters.get(filter);
        return accepted == null || accepted.contains(cluster.path(member).asText());
    }

    JsonNode initializeCluster(ObjectNode input, AwsRequest request) {
        var id = input.path("ClusterId").asText();
        var signedCert = input.path("SignedCert").asText();
        var trustAnchor = input.path("TrustAnchor").asText();
        rights.requireOn(request.caller(), "InitializeCluster", id, clusters.tagsOf(id));
        var cluster = clusters.existing(id);
        if (cluster.state() != ClusterState.UNINITIALIZED) {
            throw Input.invalid("Cluster '" + id + "' is " + cluster.state() + "; it must be UNINITIALIZED");
        }
        var first = cluster.activeHsms().stream().findFirst();
        var identity = first.flatMap(Hsm::identity).filter(any -> cluster.csrPublished() && !cluster.firstHsmsRaced());
        if (identity.isEmpty()) {
            throw Input.invalid("Cluster '" + id + "' has no active HSM with a certificate signing request");
        }
        ClusterCertificateCheck.check(signedCert, trustAnchor, identity.get().clusterCsr());

        var startedAt = clusters.now();
        cluster.setCredential(new ClusterCredential(signedCert, trustAnchor));
        cluster.setState(
                ClusterState.INITIALIZE_IN_PROGRESS,
                "Cluster is initializing. State will change to INITIALIZED upon completion.");
        clusters.after(
                clusters.account().between(SHORTEST_INITIALIZATION, LONGEST_INITIALIZATION),
                "initialisation of " + id,
                () -> completeInitialization(cluster, first.get(), startedAt));
        return Json.object().put("State", cluster.state().name()).put("StateMessage", cluster.stateMessage());
    }

    private void completeInitialization(Cluster cluster, Hsm first, Instant startedAt) {
        first.setPartition(Partition.fresh());
        first.setIdentity(Optional.empty());
        cluster.setCsrPublished(false);
        cluster.setState(ClusterState.INITIALIZED, "");
        clusters.timed("InitializeCluster", cluster.id(), startedAt);
    }

    /** The CLI has activated the HSMs; the API says so some minutes later. */
    void activated(Cluster cluster) {
        var activatedAt = clusters.now();
        clusters.after(
                clusters.account().between(SHORTEST_ACTIVATION_LAG, LONGEST_ACTIVATION_LAG),
                "activation of " + cluster.id() + " shows in the API",
                () -> {
                    if (cluster.state() != ClusterState.INITIALIZED) return;
                    cluster.setState(ClusterState.ACTIVE, "");
                    clusters.timed("activation lag", cluster.id(), activatedAt);
                });
    }

    JsonNode modifyCluster(ObjectNode input, AwsRequest request) {
        var id = input.path("ClusterId").asText();
        var retention = Input.backupRetentionDays(input);
        rights.requireOn(request.caller(), "ModifyCluster", id, clusters.tagsOf(id));
        var cluster = clusters.existing(id);
        if (input.hasNonNull("HsmType")) {
            throw Input.invalid("The embedded AWS has one HSM type and does not migrate clusters to another");
        }
        cluster.setBackupRetentionDays(retention.orElseThrow(() -> Input.invalid("1 validation error detected: Value"
                + " 'null' at 'backupRetentionPolicy' failed to satisfy constraint: Member must not be null")));
        return Json.object().set("Cluster", Wire.cluster(cluster));
    }

    JsonNode deleteCluster(ObjectNode input, AwsRequest request) {
        var id = input.path("ClusterId").asText();
        rights.requireOn(request.caller(), "DeleteCluster", id, clusters.tagsOf(id));
        rights.requireDeleting(request.caller());
        var cluster = clusters.existing(id);
        if (!cluster.existingHsms().isEmpty()) {
            throw Input.invalid("Cluster '" + id + "' still contains HSMs; delete them first");
        }
        switch (cluster.state()) {
            case UNINITIALIZED, INITIALIZED, ACTIVE -> {}
            case CREATE_IN_PROGRESS, INITIALIZE_IN_PROGRESS, DELETE_IN_PROGRESS, DELETED ->
                throw Input.invalid("Cluster '" + id + "' is " + cluster.state() + " and cannot be deleted now");
        }
        cluster.setState(ClusterState.DELETE_IN_PROGRESS, "");
        clusters.after(
                clusters.account().between(SHORTEST_CLUSTER_DELETION, LONGEST_CLUSTER_DELETION),
                "deletion of " + id,
                () -> completeDeletion(cluster));
        return Json.object().set("Cluster", Wire.cluster(cluster));
    }

    private void completeDeletion(Cluster cluster) {
        cluster.setState(ClusterState.DELETED, "");
        try {
            cluster.securityGroup().ifPresent(ec2::deleteSecurityGroup);
        } catch (AwsException stillUsed) {
            // An instance is still in the group: the cluster goes, the group stays for its owner to delete.
            cluster.setState(ClusterState.DELETED, "");
        }
        if (switches.deletedStaysListed()) {
            clusters.after(DELETED_STAYS_LISTED, cluster.id() + " is no longer listed", () -> clusters.remove(cluster));
        } else {
            clusters.remove(cluster);
        }
    }
}
