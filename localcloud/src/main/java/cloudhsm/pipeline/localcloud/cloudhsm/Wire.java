package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;

/** CloudHSM's shapes in JSON; members that AWS leaves out at first are left out. */
final class Wire {
    private Wire() {}

    static ObjectNode cluster(Cluster cluster) {
        var settings = cluster.settings();
        var json = Json.object()
                .put("BackupPolicy", "DEFAULT")
                .put("ClusterId", cluster.id())
                .put("CreateTimestamp", Json.epochSeconds(cluster.createdAt()))
                .put("HsmType", settings.hsmType())
                .put("State", cluster.state().name())
                .put("VpcId", cluster.vpcId())
                .put("NetworkType", settings.networkType())
                .put("Mode", settings.mode());
        json.putObject("BackupRetentionPolicy")
                .put("Type", "DAYS")
                .put("Value", String.valueOf(cluster.backupRetentionDays()));
        var hsms = json.putArray("Hsms");
        cluster.hsms().forEach(hsm -> hsms.add(hsm(cluster, hsm)));
        var subnets = json.putObject("SubnetMapping");
        cluster.subnetsByAvailabilityZone().forEach(subnets::put);
        if (!cluster.stateMessage().isEmpty()) json.put("StateMessage", cluster.stateMessage());
        cluster.securityGroup().ifPresent(group -> json.put("SecurityGroup", group));
        settings.sourceBackupId().ifPresent(backup -> json.put("SourceBackupId", backup));
        json.set("Certificates", certificates(cluster));
        if (!cluster.tags().isEmpty()) json.set("TagList", tags(cluster.tags()));
        return json;
    }

    /**
     * The hardware's certificates and the CSR only before initialisation, the cluster certificate only after it, and from
     * the first of a cluster from a backup [HSM:create-cluster-from-backup].
     */
    private static ObjectNode certificates(Cluster cluster) {
        var json = Json.object();
        if (cluster.state() == ClusterState.UNINITIALIZED && !cluster.firstHsmsRaced()) {
            cluster.activeHsms().stream()
                    .flatMap(hsm -> hsm.identity().stream())
                    .findFirst()
                    .ifPresent(identity -> {
                        json.put("HsmCertificate", identity.hsmCertificate())
                                .put("AwsHardwareCertificate", identity.awsHardwareCertificate())
                                .put("ManufacturerHardwareCertificate", identity.manufacturerHardwareCertificate());
                        if (cluster.csrPublished()) json.put("ClusterCsr", identity.clusterCsr());
                    });
        }
        if (cluster.state() == ClusterState.INITIALIZED
                || cluster.state() == ClusterState.ACTIVE
                || cluster.settings().sourceBackupId().isPresent()) {
            cluster.clusterCertificatePem().ifPresent(pem -> json.put("ClusterCertificate", pem));
        }
        return json;
    }

    static ObjectNode hsm(Cluster cluster, Hsm hsm) {
        var json = Json.object()
                .put("AvailabilityZone", hsm.availabilityZone())
                .put("ClusterId", cluster.id())
                .put("SubnetId", hsm.subnetId())
                .put("HsmId", hsm.hsmId())
                .put("HsmType", cluster.settings().hsmType())
                .put("State", hsm.state().name());
        hsm.eniId().ifPresent(id -> json.put("EniId", id));
        hsm.eniIp().ifPresent(ip -> json.put("EniIp", ip));
        if (!hsm.stateMessage().isEmpty()) json.put("StateMessage", hsm.stateMessage());
        return json;
    }

    /** @param arn of the backup */
    static ObjectNode backup(Backup backup, String arn) {
        var json = Json.object()
                .put("BackupId", backup.id())
                .put("BackupArn", arn)
                .put("BackupState", backup.state().name())
                .put("ClusterId", backup.cluster().id())
                .put("CreateTimestamp", Json.epochSeconds(backup.createdAt()))
                .put("NeverExpires", false)
                .put("HsmType", backup.cluster().settings().hsmType())
                .put("Mode", backup.cluster().settings().mode());
        backup.deletionDate().ifPresent(date -> json.put("DeleteTimestamp", Json.epochSeconds(date)));
        if (!backup.tags().isEmpty()) json.set("TagList", tags(backup.tags()));
        return json;
    }

    static ArrayNode tags(Map<String, String> tags) {
        var list = Json.array();
        tags.forEach((key, value) -> list.addObject().put("Key", key).put("Value", value));
        return list;
    }

    /** One page of what is listed, with the token of the next where there is one. */
    static ObjectNode page(String member, List<ObjectNode> all, int first, int most) {
        var end = Math.min(all.size(), first + most);
        var json = Json.object();
        var list = json.putArray(member);
        for (int i = Math.min(first, end); i < end; i++) list.add(all.get(i));
        if (end < all.size()) json.put("NextToken", Input.nextToken(end));
        return json;
    }
}
