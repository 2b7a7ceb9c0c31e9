package cloudhsm.pipeline.provisioning.events;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import software.amazon.awssdk.services.cloudhsmv2.CloudHsmV2Client;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.cloudhsmv2.model.Hsm;
import software.amazon.awssdk.services.cloudhsmv2.model.HsmState;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.CustomKeyStoreNotFoundException;
import software.amazon.awssdk.services.kms.model.CustomKeyStoresListEntry;
import software.amazon.awssdk.services.kms.model.NotFoundException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.ssm.SsmClient;
import software.amazon.awssdk.services.ssm.model.InstanceInformation;
import software.amazon.awssdk.services.ssm.model.InstanceInformationStringFilter;
import software.amazon.awssdk.services.ssm.model.InvocationDoesNotExistException;

/** Reads the state of what stages wait for, and of the deployments' clusters. */
public final class Look {
    /** States of an instance on which nothing runs any more. */
    private static final Set<String> ENDED = Set.of("shutting-down", "terminated", "stopping", "stopped");

    /** What Systems Manager says of a client or a command that needs no second look. */
    private static final Set<String> SETTLED = Set.of("Online", "Success", "Failed", "TimedOut", "Cancelled");

    private final Clusters clusters;
    private final KmsClient kms;
    private final SsmClient ssm;
    private final Ec2Client ec2;
    private final S3Client s3;

    /** With the clients of a function. */
    public static Look ofFunction() {
        return new Look(Aws.cloudHsm(), Aws.kms(), Aws.ssm(), Aws.ec2(), Aws.s3());
    }

    Look(CloudHsmV2Client cloudHsm, KmsClient kms, SsmClient ssm, Ec2Client ec2, S3Client s3) {
        this.clusters = new Clusters(cloudHsm);
        this.kms = kms;
        this.ssm = ssm;
        this.ec2 = ec2;
        this.s3 = s3;
    }

    Observation at(Resource resource) {
        return switch (resource.type()) {
            case CLUSTER ->
                clusters.find(resource.id())
                        .map(Look::observed)
                        .orElseGet(() -> Observation.of(resource, Resource.ABSENT));
            case CLUSTER_CSR -> Observation.of(resource, csrState(clusters.find(resource.id())));
            case HSM ->
                clusters.find(resource.parent())
                        .map(cluster -> hsmIn(cluster, resource.child()))
                        .orElseGet(() -> Observation.of(resource, Resource.ABSENT));
            case ONE_HSM ->
                clusters.find(resource.parent())
                        .flatMap(cluster -> Clusters.hsms(cluster).stream()
                                .filter(hsm -> hsm.hsmId().equals(resource.child()))
                                .map(hsm -> observed(resource, cluster, hsm))
                                .findFirst())
                        .orElseGet(() -> Observation.of(resource, Resource.ABSENT));
            case CLIENT -> Observation.of(resource, unlessEnded(resource.id(), pingStatus(resource.id())));
            case COMMAND ->
                Observation.of(
                        resource, unlessEnded(resource.child(), commandStatus(resource.parent(), resource.child())));
            case KEY_STORE -> keyStore(resource);
            case KEY -> Observation.of(resource, keyState(resource.id()));
            case INSTANCE -> Observation.of(resource, instanceState(resource.id()));
            case OBJECT -> Observation.of(resource, encryption(resource.parent(), resource.child()));
        };
    }

    /** Every cluster of the Region. */
    public List<Cluster> clusters() {
        return clusters.all();
    }

    /** These clusters, their HSMs, and the key stores on them. */
    public List<Observation> at(List<Cluster> clusters) {
        var seen = new ArrayList<Observation>();
        for (var cluster : clusters) {
            seen.add(observed(cluster));
            cluster.hsms().stream()
                    .map(Hsm::availabilityZone)
                    .distinct()
                    .map(zone -> hsmIn(cluster, zone))
                    .filter(hsm -> !hsm.state().equals(Resource.ABSENT))
                    .forEach(seen::add);
        }
        kms.describeCustomKeyStoresPaginator(request -> {}).customKeyStores().stream()
                .filter(store -> clusters.stream()
                        .anyMatch(cluster -> cluster.clusterId().equals(store.cloudHsmClusterId())))
                .map(Look::observed)
                .forEach(seen::add);
        return seen;
    }

    private static Observation observed(Cluster cluster) {
        return new Observation(
                Resource.cluster(cluster.clusterId()),
                cluster.stateAsString(),
                text(cluster.stateMessage()),
                "",
                Map.of("clusterId", cluster.clusterId()));
    }

    /** AWS may leave a deleted HSM in the list, and replaces a broken one under a new id: the liveliest counts. */
    private static Observation hsmIn(Cluster cluster, String zone) {
        var resource = Resource.hsm(cluster.clusterId(), zone);
        return Clusters.hsms(cluster).stream()
                .filter(hsm -> zone.equals(hsm.availabilityZone()))
                .min(Comparator.comparing(hsm -> hsm.state() == HsmState.DELETE_IN_PROGRESS))
                .map(hsm -> observed(resource, cluster, hsm))
                .orElseGet(() -> Observation.of(resource, Resource.ABSENT));
    }

    private static Observation observed(Resource resource, Cluster cluster, Hsm hsm) {
        var ids = new LinkedHashMap<String, String>();
        ids.put("clusterId", resource.parent());
        ids.put("availabilityZone", hsm.availabilityZone());
        ids.put("hsmId", hsm.hsmId());
        if (hsm.eniId() != null) ids.put("eniId", hsm.eniId());
        return new Observation(resource, hsm.stateAsString(), text(hsm.stateMessage()), cluster.stateAsString(), ids);
    }

    private static String csrState(Optional<Cluster> cluster) {
        return cluster.flatMap(Clusters::csr).isPresent() ? Resource.PRESENT : Resource.ABSENT;
    }

    private String pingStatus(String instanceId) {
        var thisInstance = InstanceInformationStringFilter.builder()
                .key("InstanceIds")
                .values(instanceId)
                .build();
        return ssm
                .describeInstanceInformation(request -> request.filters(thisInstance))
                .instanceInformationList()
                .stream()
                .filter(instance -> instanceId.equals(instance.instanceId()))
                .map(InstanceInformation::pingStatusAsString)
                .findFirst()
                .orElse(Resource.ABSENT);
    }

    private String commandStatus(String commandId, String instanceId) {
        try {
            return ssm.getCommandInvocation(
                            request -> request.commandId(commandId).instanceId(instanceId))
                    .statusAsString();
        } catch (InvocationDoesNotExistException tooEarly) {
            return "Pending";
        }
    }

    private Observation keyStore(Resource resource) {
        try {
            return observed(kms.describeCustomKeyStores(request -> request.customKeyStoreId(resource.id()))
                    .customKeyStores()
                    .getFirst());
        } catch (CustomKeyStoreNotFoundException gone) {
            return Observation.of(resource, Resource.ABSENT);
        }
    }

    private static Observation observed(CustomKeyStoresListEntry store) {
        return new Observation(
                Resource.keyStore(store.customKeyStoreId()),
                store.connectionStateAsString(),
                text(store.connectionErrorCodeAsString()),
                "",
                Map.of("keyStoreId", store.customKeyStoreId(), "clusterId", store.cloudHsmClusterId()));
    }

    private String keyState(String keyId) {
        try {
            return kms.describeKey(request -> request.keyId(keyId))
                    .keyMetadata()
                    .keyStateAsString();
        } catch (NotFoundException gone) {
            return Resource.ABSENT;
        }
    }

    private String instanceState(String instanceId) {
        var thisInstance =
                Filter.builder().name("instance-id").values(instanceId).build();
        return ec2.describeInstances(request -> request.filters(thisInstance)).reservations().stream()
                .flatMap(reservation -> reservation.instances().stream())
                .map(instance -> instance.state().nameAsString())
                .findFirst()
                .orElse(Resource.ABSENT);
    }

    /**
     * Systems Manager says nothing of an instance that ended before it had registered, and calls a command in progress
     * for an hour whose instance is gone: EC2 knows at once.
     */
    private String unlessEnded(String instanceId, String status) {
        if (SETTLED.contains(status)) return status;
        var state = instanceState(instanceId);
        return ENDED.contains(state) ? state : status;
    }

    private String encryption(String bucket, String key) {
        try {
            var head = s3.headObject(request -> request.bucket(bucket).key(key));
            return head.ssekmsKeyId() != null ? head.ssekmsKeyId() : head.serverSideEncryptionAsString();
        } catch (S3Exception refused) {
            if (refused.statusCode() == 404) return Resource.ABSENT;
            throw refused;
        }
    }

    private static String text(String valueOrNull) {
        return valueOrNull == null ? "" : valueOrNull;
    }
}
