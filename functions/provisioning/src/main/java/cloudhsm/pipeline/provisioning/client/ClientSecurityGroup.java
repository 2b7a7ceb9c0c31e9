package cloudhsm.pipeline.provisioning.client;

import java.util.Optional;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;

/**
 * The client's own security group: nothing comes in, and it may go out, as the cluster's group lets it talk to HSMs
 * only and the client must reach Systems Manager, Secrets Manager and the CLI's download.
 */
final class ClientSecurityGroup {
    private final Ec2Client ec2;
    private final String deployment;
    private final String vpcId;

    ClientSecurityGroup(Ec2Client ec2, String deployment, String vpcId) {
        this.ec2 = ec2;
        this.deployment = deployment;
        this.vpcId = vpcId;
    }

    String name() {
        return "cloudhsm-client-" + deployment;
    }

    /** The group, or empty before {@link #create}. */
    Optional<SecurityGroup> find() {
        return ec2
                .describeSecurityGroups(
                        request -> request.filters(filter("vpc-id", vpcId), filter("group-name", name())))
                .securityGroups()
                .stream()
                .findFirst();
    }

    /** Makes the group; EC2 lets everything out of a new one. Returns its id. */
    String create() {
        return ec2.createSecurityGroup(request -> request.groupName(name())
                        .description("Egress of the CloudHSM client of " + deployment)
                        .vpcId(vpcId)
                        .tagSpecifications(Tags.on(ResourceType.SECURITY_GROUP, deployment)))
                .groupId();
    }

    static Filter filter(String name, String... values) {
        return Filter.builder().name(name).values(values).build();
    }
}
