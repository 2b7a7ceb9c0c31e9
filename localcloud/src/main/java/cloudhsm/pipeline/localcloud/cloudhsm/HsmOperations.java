package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.account.Quotas;
import cloudhsm.pipeline.localcloud.account.Regions;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.logs.LogsService;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.JsonService;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Optional;

/** Operations on the HSMs of a cluster. */
final class HsmOperations {
    /** "Up to 10 min" [STORM], 10 to 20 in another report [ALC]; 350 s in a third. */
    private static final Duration SHORTEST_HSM_CREATION = Duration.ofMinutes(6);

    private static final Duration LONGEST_HSM_CREATION = Duration.ofMinutes(10);

    /** The answer of CreateHsm has no network interface yet [QIN]. */
    // Assumed: hsm-network-interface
    private static final Duration FIRST_NETWORK_INTERFACE = Duration.ofSeconds(20);

    private static final Duration LAST_NETWORK_INTERFACE = Duration.ofSeconds(60);

    /** The CSR can be blank "for a moment" after the HSM is ready [STORM]. */
    // Assumed: csr-lag
    private static final Duration SHORTEST_CSR_LAG = Duration.ofSeconds(5);

    private static final Duration LONGEST_CSR_LAG = Duration.ofSeconds(40);

    /** A provider allows 15 min [ALC]. */
    private static final Duration SHORTEST_HSM_DELETION = Duration.ofMinutes(3);

    private static final Duration LONGEST_HSM_DELETION = Duration.ofMinutes(6);

    /** CloudHSM copies keys, unlike users, to HSMs that lack them. */
    // Assumed: key-synchronization
    private static final Duration KEY_SYNCHRONIZATION = Duration.ofMinutes(5);

    /** Calls that close together are concurrent, and both may be accepted [TF#7437]. */
    // Assumed: create-hsm-race
    private static final Duration RACE_WINDOW = Duration.ofSeconds(5);

    private static final String CREATION_FAILED = "HSM creation failed. Please delete this HSM and try again.";

    private final Clusters clusters;
    private final CallerRights rights;
    private final Ec2Service ec2;
    private final Switches switches;
    private final HardwareAuthorities authorities;
    private final LogsService logs;

    HsmOperations(
            Clusters clusters,
            CallerRights rights,
            Ec2Service ec2,
            Switches switches,
            HardwareAuthorities authorities,
            LogsService logs) {
        this.clusters = clusters;
        this.rights = rights;
        this.ec2 = ec2;
        this.switches = switches;
        this.authorities = authorities;
        this.logs = logs;
    }

    JsonNode createHsm(ObjectNode input, AwsRequest request) {
        var clusterId = input.path("ClusterId").asText();
        var zone = input.path("AvailabilityZone").asText();
        var address = JsonService.text(input, "IpAddress");
        rights.requireOn(request.caller(), "CreateHsm", clusterId, clusters.tagsOf(clusterId));
        rights.requireCreating(request.caller());
        var cluster = clusters.existing(clusterId);
        var subnetId = cluster.subnetsByAvailabilityZone().get(zone);
        if (subnetId == null) {
            throw Input.invalid("Cluster '" + clusterId + "' has no subnet in Availability Zone '" + zone + "'");
        }
        requireRoomForOneMore(cluster);
        if (switches.isFull(zone)) {
            // AWS documents neither the error nor its words; a refusal that is not the caller's fault is this one.
            throw AwsException.badRequest(
                    "CloudHsmServiceException",
                    "There is insufficient capacity in Availability Zone '" + zone + "' to create an HSM");
        }

        var hsm = new Hsm("hsm-" + clusters.account().base32(11), zone, subnetId, clusters.now());
        var content = cluster.state() == ClusterState.ACTIVE ? Optional.of(contentForNewHsm(cluster)) : noContent();
        cluster.add(hsm);
        clusters.remember(hsm);
        beginCreation(cluster, hsm, content, address);
        return Json.object().set("Hsm", Wire.hsm(cluster, hsm));
    }

    private static Optional<Partition> noContent() {
        return Optional.empty();
    }

    private void requireRoomForOneMore(Cluster cluster) {
        switch (cluster.state()) {
            case ACTIVE -> requireNoneOnItsWay(cluster);
            case UNINITIALIZED, INITIALIZE_IN_PROGRESS, INITIALIZED -> {
                if (!cluster.existingHsms().isEmpty() && !racing(cluster)) {
                    throw Input.invalid("Cluster '" + cluster.id()
                            + "' already contains an HSM but has not yet been fully activated");
                }
                if (cluster.state() != ClusterState.UNINITIALIZED) throw wrongState(cluster);
                if (!cluster.existingHsms().isEmpty()) cluster.setFirstHsmsRaced();
            }
            case CREATE_IN_PROGRESS, DELETE_IN_PROGRESS, DELETED -> throw wrongState(cluster);
        }
        var existing = clusters.all().stream()
                .mapToInt(any -> any.existingHsms().size())
                .sum();
        if (existing >= clusters.account().quotas().value(Quotas.HSMS)) {
            throw Input.invalid("The account already has " + existing + " HSMs, which is its limit");
        }
    }

    /** The first HSM of a cluster that has no ACTIVE one is built from the backup, and by itself. */
    // Assumed: one-hsm-at-a-time
    private void requireNoneOnItsWay(Cluster cluster) {
        if (switches.concurrentHsms() && !cluster.activeHsms().isEmpty()) return;
        cluster.existingHsms().stream()
                .filter(hsm -> hsm.state() == HsmState.CREATE_IN_PROGRESS)
                .findFirst()
                .ifPresent(hsm -> {
                    throw Input.invalid("Cluster '" + cluster.id() + "' cannot be given another HSM while HSM '"
                            + hsm.hsmId() + "' is " + hsm.state());
                });
    }

    private boolean racing(Cluster cluster) {
        return switches.concurrentFirstHsms()
                && cluster.state() == ClusterState.UNINITIALIZED
                && cluster.existingHsms().stream()
                        .allMatch(hsm -> hsm.createdAt().plus(RACE_WINDOW).isAfter(clusters.now()));
    }

    private static AwsException wrongState(Cluster cluster) {
        return Input.invalid(
                "Cluster '" + cluster.id() + "' is " + cluster.state() + " and cannot be given an HSM in that state");
    }

    /**
     * The new HSM gets what an existing one holds now [HSM:add-hsm], or the newest backup where there is none
     * [HSM:ki-all].
     */
    // Assumed: content-of-new-hsm
    private Partition contentForNewHsm(Cluster cluster) {
        var source = cluster.activeHsms().stream()
                .flatMap(hsm -> hsm.partition().stream())
                .findFirst();
        var backup = source.map(partition -> clusters.backUp(cluster, partition))
                .or(() -> clusters.newestBackup(cluster))
                .orElseThrow(() -> Input.invalid("Cluster '" + cluster.id() + "' has no backup to build an HSM from"));
        var content = backup.content().copy();
        switches.takeOmittedUsers().forEach(content::remove);
        return content;
    }

    private void beginCreation(Cluster cluster, Hsm hsm, Optional<Partition> content, Optional<String> address) {
        var account = clusters.account();
        clusters.after(
                account.between(FIRST_NETWORK_INTERFACE, LAST_NETWORK_INTERFACE),
                "network interface of " + hsm.hsmId(),
                () -> attachNetworkInterface(cluster, hsm, address));
        clusters.after(
                account.between(SHORTEST_HSM_CREATION, LONGEST_HSM_CREATION),
                "creation of " + hsm.hsmId(),
                () -> completeCreation(cluster, hsm, content));
    }

    private void attachNetworkInterface(Cluster cluster, Hsm hsm, Optional<String> address) {
        try {
            hsm.setNetworkInterface(ec2.createNetworkInterface(
                    hsm.subnetId(), cluster.securityGroup().orElseThrow(), "CloudHSM Managed Interface", address));
        } catch (AwsException noAddress) {
            // The subnet is full, or the address taken: without an interface the HSM comes out DEGRADED in the end.
            System.getLogger(HsmOperations.class.getName())
                    .log(System.Logger.Level.DEBUG, hsm.hsmId() + " gets no interface: " + noAddress.getMessage());
        }
    }

    private void completeCreation(Cluster cluster, Hsm hsm, Optional<Partition> content) {
        var zone = hsm.availabilityZone();
        // CreateHsm accepts every zone of the cluster, and fails late in those without CloudHSM [TPL#33].
        if (switches.degrades(zone)
                || !Regions.zonesWithCloudHsm(clusters.account().region()).contains(zone)
                || hsm.eniIp().isEmpty()) {
            hsm.setState(HsmState.DEGRADED, CREATION_FAILED);
            return;
        }
        hsm.setState(HsmState.ACTIVE, "");
        // The audit log cannot be turned off; the group outlives the cluster [HSM:get-audit-logs-from-cloudwatch].
        logs.createLogStream("/aws/cloudhsm/" + cluster.id(), hsm.hsmId());
        clusters.timed("CreateHsm", hsm.hsmId(), hsm.createdAt());
        if (content.isPresent()) {
            hsm.setPartition(content.get());
            clusters.after(KEY_SYNCHRONIZATION, "keys reach " + hsm.hsmId(), () -> copyMissingKeys(cluster, hsm));
        } else {
            hsm.setIdentity(
                    Optional.of(authorities.newIdentity(cluster.settings().mode(), switches.hardware())));
            publishCsrLater(cluster);
        }
    }

    private void publishCsrLater(Cluster cluster) {
        var readyAt = clusters.now();
        clusters.after(clusters.account().between(SHORTEST_CSR_LAG, LONGEST_CSR_LAG), "CSR of " + cluster.id(), () -> {
            cluster.setCsrPublished(true);
            clusters.timed("CSR lag", cluster.id(), readyAt);
        });
    }

    private static void copyMissingKeys(Cluster cluster, Hsm hsm) {
        for (var other : cluster.activeHsms()) {
            other.partition()
                    .ifPresent(source -> source.keys()
                            .forEach((label, key) ->
                                    hsm.partition().orElseThrow().keys().putIfAbsent(label, key)));
        }
    }

    JsonNode deleteHsm(ObjectNode input, AwsRequest request) {
        var clusterId = input.path("ClusterId").asText();
        var hsmId = JsonService.text(input, "HsmId");
        var eniId = JsonService.text(input, "EniId");
        var eniIp = JsonService.text(input, "EniIp");
        rights.require(request.caller(), "DeleteHsm");
        rights.requireDeleting(request.caller());
        if (hsmId.isEmpty() && eniId.isEmpty() && eniIp.isEmpty()) {
            throw Input.invalid("One of HsmId, EniId and EniIp is required");
        }
        var cluster = clusters.existing(clusterId);
        var hsm = cluster.existingHsms().stream()
                .filter(any -> hsmId.isEmpty() || hsmId.get().equals(any.hsmId()))
                .filter(any -> eniId.isEmpty() || eniId.equals(any.eniId()))
                .filter(any -> eniIp.isEmpty() || eniIp.equals(any.eniIp()))
                .findFirst()
                .orElseThrow(() -> Input.notFound("Cluster '" + clusterId + "' has no such HSM"));
        if (hsm.state() != HsmState.ACTIVE && hsm.state() != HsmState.DEGRADED) {
            throw Input.invalid("HSM '" + hsm.hsmId() + "' is " + hsm.state() + " and cannot be deleted now");
        }
        if (cluster.state() == ClusterState.INITIALIZE_IN_PROGRESS) {
            throw Input.invalid("Cluster '" + clusterId + "' is being initialised; its HSM cannot be deleted now");
        }
        delete(cluster, hsm);
        return Json.object().put("HsmId", hsm.hsmId());
    }

    /** CloudHSM takes a backup of an ACTIVE HSM first; the rest takes minutes. */
    void delete(Cluster cluster, Hsm hsm) {
        hsm.partition().filter(any -> hsm.active()).ifPresent(content -> clusters.backUp(cluster, content));
        hsm.setState(HsmState.DELETE_IN_PROGRESS, "");
        if (cluster.state() == ClusterState.UNINITIALIZED) cluster.setCsrPublished(false);
        clusters.after(
                clusters.account().between(SHORTEST_HSM_DELETION, LONGEST_HSM_DELETION),
                "deletion of " + hsm.hsmId(),
                () -> completeDeletion(cluster, hsm));
    }

    private void completeDeletion(Cluster cluster, Hsm hsm) {
        hsm.eniId().ifPresent(ec2::deleteNetworkInterface);
        hsm.setState(HsmState.DELETED, "");
        hsm.setDeletedAt(clusters.now());
        if (switches.deletedStaysListed()) {
            clusters.after(
                    ClusterOperations.DELETED_STAYS_LISTED,
                    hsm.hsmId() + " is no longer listed",
                    () -> cluster.remove(hsm));
        } else {
            cluster.remove(hsm);
        }
    }

    /** AWS puts other hardware behind the interface; before initialisation with a key and CSR of its own [TPL#15]. */
    String replace(Cluster cluster, Hsm hsm) {
        hsm.setHsmId("hsm-" + clusters.account().base32(11));
        if (hsm.identity().isPresent()) {
            hsm.setIdentity(
                    Optional.of(authorities.newIdentity(cluster.settings().mode(), switches.hardware())));
            cluster.setCsrPublished(false);
            publishCsrLater(cluster);
        }
        return hsm.hsmId();
    }
}
