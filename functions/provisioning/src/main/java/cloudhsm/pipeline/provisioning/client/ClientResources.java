package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import java.util.List;
import java.util.function.Function;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;

/**
 * The clients and their security groups: those in the deployment's record, as EC2 shows them. Tags, which anybody may
 * set, make none of them. What EC2 does not show stays in the record, because it may just have been made.
 */
final class ClientResources {
    private final Ec2Client ec2;
    private final Deployments deployments;
    private final String deployment;

    ClientResources(Ec2Client ec2, Deployments deployments, String deployment) {
        this.ec2 = ec2;
        this.deployments = deployments;
        this.deployment = deployment;
    }

    /** All that EC2 still shows of the deployment's clients; a terminated one for about an hour. */
    List<Instance> instances() {
        return recorded(Made.CLIENT, "instance-id", this::instances, Instance::instanceId);
    }

    /**
     * A client's own security groups: nothing comes in, and it may go out, as the cluster's group lets it talk to HSMs
     * only and the client must reach Systems Manager, Secrets Manager and the CLI's download.
     */
    List<SecurityGroup> groups() {
        return recorded(Made.SECURITY_GROUP, "group-id", this::groups, SecurityGroup::groupId);
    }

    /** Makes a group; EC2 lets everything out of a new one. Returns its id. */
    String createGroup(String vpcId) {
        var intent = deployments.intend(deployment, Made.SECURITY_GROUP);
        // A name is there once in a VPC, and somebody else may have any that could be foreseen.
        var groupId = ec2.createSecurityGroup(
                        request -> request.groupName("cloudhsm-client-" + deployment + "-" + intent)
                                .description("Egress of the CloudHSM client of " + deployment)
                                .vpcId(vpcId)
                                .tagSpecifications(Tags.on(ResourceType.SECURITY_GROUP, deployment, intent)))
                .groupId();
        deployments.made(deployment, Made.SECURITY_GROUP, groupId);
        return groupId;
    }

    /** Takes all of that kind out of the record. */
    void forget(Made kind) {
        ids(kind).forEach(id -> deployments.gone(deployment, kind, id));
    }

    private <T> List<T> recorded(
            Made kind, String idFilter, Function<Filter, List<T>> described, Function<T, String> id) {
        // Left by a function that ended between making it and remembering it.
        deployments
                .find(deployment)
                .flatMap(record -> record.intent(kind))
                .ifPresent(intent -> described
                        .apply(filter("tag:" + Deployments.INTENT_TAG, intent))
                        .forEach(made -> deployments.made(deployment, kind, id.apply(made))));
        var ids = ids(kind);
        return ids.isEmpty() ? List.of() : described.apply(filter(idFilter, ids.toArray(String[]::new)));
    }

    private List<String> ids(Made kind) {
        return deployments.find(deployment).map(record -> record.made(kind)).orElse(List.of());
    }

    private List<Instance> instances(Filter filter) {
        return ec2.describeInstancesPaginator(request -> request.filters(filter)).reservations().stream()
                .flatMap(reservation -> reservation.instances().stream())
                .toList();
    }

    private List<SecurityGroup> groups(Filter filter) {
        return ec2.describeSecurityGroupsPaginator(request -> request.filters(filter)).securityGroups().stream()
                .toList();
    }

    private static Filter filter(String name, String... values) {
        return Filter.builder().name(name).values(values).build();
    }
}
