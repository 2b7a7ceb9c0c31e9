package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.http.*;

/** Amazon EC2: VPCs, subnets, security groups, network interfaces, instances, endpoint services. */
public final class Ec2Service implements Service {
    public Ec2Service(Account account) {}

    @Override
    public String signingName() {
        return "ec2";
    }

    @Override
    public String operation(AwsRequest request) {
        throw new UnsupportedOperationException("to be written");
    }

    @Override
    public AwsResponse handle(String operation, AwsRequest request) {
        throw new UnsupportedOperationException("to be written");
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        throw new UnsupportedOperationException("to be written");
    }

    /** A subnet; the default VPC has one in each zone a to c. */
    public record Subnet(String subnetId, String vpcId, String availabilityZone, String cidrBlock) {}

    /** An elastic network interface. */
    public record NetworkInterface(String networkInterfaceId, String subnetId, String privateIpAddress) {}

    /** An instance, as other services need to see it. */
    public record InstanceView(
            String instanceId,
            String state,
            String subnetId,
            String vpcId,
            String privateIpAddress,
            java.util.List<String> securityGroupIds,
            java.util.Optional<cloudhsm.pipeline.localcloud.iam.Identity> identity) {}

    public java.util.Optional<Subnet> subnet(String subnetId) {
        throw new UnsupportedOperationException("to be written");
    }

    /** Addresses that are still free in the subnet. */
    public int freeAddresses(String subnetId) {
        throw new UnsupportedOperationException("to be written");
    }

    /** Takes a free address of the subnet. */
    public NetworkInterface createNetworkInterface(String subnetId, String securityGroupId, String description) {
        throw new UnsupportedOperationException("to be written");
    }

    public void deleteNetworkInterface(String networkInterfaceId) {
        throw new UnsupportedOperationException("to be written");
    }

    /** Creates the group that CloudHSM makes for a cluster: TCP 2223 to 2225 from and to itself. Returns its id. */
    public String createClusterSecurityGroup(String vpcId, String name) {
        throw new UnsupportedOperationException("to be written");
    }

    /** Whether the group has the self-referencing rules for TCP 2223 to 2225 that CloudHSM and KMS need. */
    public boolean admitsCluster(String securityGroupId) {
        throw new UnsupportedOperationException("to be written");
    }

    public void deleteSecurityGroup(String securityGroupId) {
        throw new UnsupportedOperationException("to be written");
    }

    public java.util.Optional<InstanceView> instance(String instanceId) {
        throw new UnsupportedOperationException("to be written");
    }
}
