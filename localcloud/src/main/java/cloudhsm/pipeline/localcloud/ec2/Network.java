package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.account.Regions;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service.NetworkInterface;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service.Subnet;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The account's VPCs and what is in them; at first the default VPC with a public subnet in each zone. */
final class Network {
    /** AWS keeps the first four addresses of a subnet and the last one. */
    private static final int RESERVED_ADDRESSES = 5;

    record Vpc(String vpcId, String cidrBlock, boolean isDefault) {}

    /**
     * The main route table of a VPC.
     *
     * @param internetGatewayId where 0.0.0.0/0 leads; empty in a VPC without a way out
     */
    record RouteTable(String routeTableId, String vpcId, Optional<String> internetGatewayId) {}

    /** @param instanceId that it belongs to, or empty for an AWS service's */
    record Attachment(
            NetworkInterface networkInterface,
            List<String> securityGroupIds,
            String description,
            String macAddress,
            String instanceId) {}

    private final Account account;

    /** The names of the Region's Availability Zones. */
    final List<String> zones;

    final Map<String, Vpc> vpcs = new LinkedHashMap<>();
    final Map<String, Subnet> subnets = new LinkedHashMap<>();
    final Map<String, SecurityGroup> securityGroups = new LinkedHashMap<>();
    final Map<String, RouteTable> routeTables = new LinkedHashMap<>();
    final Map<String, Attachment> interfaces = new LinkedHashMap<>();

    Network(Account account) {
        this.account = account;
        zones = Regions.zones(account.region());
        var vpc = createVpc("172.31.0.0/16", true);
        for (int zone = 0; zone < zones.size(); zone++) {
            createSubnet(vpc.vpcId(), zones.get(zone), "172.31." + 16 * zone + ".0/20");
        }
    }

    String arn(String type, String id) {
        return account.arn("ec2", type + "/" + id);
    }

    Vpc createVpc(String cidrBlock, boolean isDefault) {
        Cidr.parse(cidrBlock);
        var vpc = new Vpc(id("vpc"), cidrBlock, isDefault);
        vpcs.put(vpc.vpcId(), vpc);
        var routes = new RouteTable(id("rtb"), vpc.vpcId(), isDefault ? Optional.of(id("igw")) : Optional.empty());
        routeTables.put(routes.routeTableId(), routes);
        var group = createSecurityGroup("default", "default VPC security group", vpc.vpcId());
        group.ingress.add(SecurityGroup.Rule.everything(group.groupId));
        return vpc;
    }

    Subnet createSubnet(String vpcId, String availabilityZone, String cidrBlock) {
        var range = Cidr.parse(cidrBlock);
        if (!Cidr.parse(vpc(vpcId).cidrBlock()).contains(range)) {
            throw AwsException.badRequest("InvalidSubnet.Range", "The CIDR '" + cidrBlock + "' is invalid.");
        }
        for (var other : subnets.values()) {
            if (other.vpcId().equals(vpcId) && Cidr.parse(other.cidrBlock()).overlaps(range)) {
                throw AwsException.badRequest(
                        "InvalidSubnet.Conflict", "The CIDR '" + cidrBlock + "' conflicts with another subnet");
            }
        }
        var subnet = new Subnet(id("subnet"), vpcId, availabilityZone, cidrBlock);
        subnets.put(subnet.subnetId(), subnet);
        return subnet;
    }

    /** A group that lets everything out and nothing in. */
    SecurityGroup createSecurityGroup(String name, String description, String vpcId) {
        var group = new SecurityGroup(id("sg"), name, description, vpcId);
        group.egress.add(SecurityGroup.Rule.everything(SecurityGroup.Rule.ANYWHERE));
        securityGroups.put(group.groupId, group);
        return group;
    }

    /** @throws AwsException DependencyViolation while something uses the group */
    void deleteSecurityGroup(String groupId) {
        var group = securityGroup(groupId);
        if (group.groupName.equals("default")) {
            throw AwsException.badRequest(
                    "CannotDelete",
                    "the specified group: \"" + groupId + "\" name: \"default\" cannot be deleted by a user");
        }
        var used = interfaces.values().stream()
                        .anyMatch(one -> one.securityGroupIds().contains(groupId))
                || securityGroups.values().stream()
                        .filter(other -> other != group)
                        .anyMatch(other -> names(other.ingress, groupId) || names(other.egress, groupId));
        if (used) {
            throw AwsException.badRequest("DependencyViolation", "resource " + groupId + " has a dependent object");
        }
        securityGroups.remove(groupId);
    }

    private static boolean names(List<SecurityGroup.Rule> rules, String groupId) {
        return rules.stream().anyMatch(rule -> rule.peer().equals(groupId));
    }

    Vpc vpc(String vpcId) {
        var vpc = vpcs.get(vpcId);
        if (vpc == null) throw notFound("InvalidVpcID.NotFound", "vpc ID", vpcId);
        return vpc;
    }

    Optional<Vpc> defaultVpc() {
        return vpcs.values().stream().filter(Vpc::isDefault).findFirst();
    }

    Subnet subnet(String subnetId) {
        var subnet = subnets.get(subnetId);
        if (subnet == null) throw notFound("InvalidSubnetID.NotFound", "subnet ID", subnetId);
        return subnet;
    }

    SecurityGroup securityGroup(String groupId) {
        var group = securityGroups.get(groupId);
        if (group == null) {
            throw AwsException.badRequest(
                    "InvalidGroup.NotFound", "The security group '" + groupId + "' does not exist");
        }
        return group;
    }

    SecurityGroup defaultSecurityGroup(String vpcId) {
        return securityGroups.values().stream()
                .filter(group -> group.vpcId.equals(vpcId) && group.groupName.equals("default"))
                .findFirst()
                .orElseThrow();
    }

    static AwsException notFound(String code, String kind, String id) {
        return AwsException.badRequest(code, "The " + kind + " '" + id + "' does not exist");
    }

    boolean isPublic(Subnet subnet) {
        return vpc(subnet.vpcId()).isDefault();
    }

    RouteTable routeTable(String vpcId) {
        return routeTables.values().stream()
                .filter(table -> table.vpcId().equals(vpcId))
                .findFirst()
                .orElseThrow();
    }

    int freeAddresses(String subnetId) {
        var subnet = subnet(subnetId);
        var taken = interfaces.values().stream()
                .filter(one -> one.networkInterface().subnetId().equals(subnetId))
                .count();
        return (int) (Cidr.parse(subnet.cidrBlock()).size() - RESERVED_ADDRESSES - taken);
    }

    /**
     * @param address to take, or empty for any
     * @throws AwsException InsufficientFreeAddressesInSubnet, InvalidIPAddress.InUse, InvalidParameterValue
     */
    NetworkInterface createNetworkInterface(
            String subnetId,
            List<String> securityGroupIds,
            String description,
            Optional<String> address,
            String instanceId) {
        var subnet = subnet(subnetId);
        securityGroupIds.forEach(this::securityGroup);
        if (freeAddresses(subnetId) <= 0) {
            throw AwsException.badRequest(
                    "InsufficientFreeAddressesInSubnet",
                    "The specified subnet does not have enough free addresses to satisfy the request.");
        }
        var range = Cidr.parse(subnet.cidrBlock());
        var chosen = address.map(wanted -> requireFree(wanted, subnet)).orElseGet(() -> freeAddress(range));
        var created = new NetworkInterface(id("eni"), subnetId, chosen);
        var mac = "06:" + account.hex(2) + ":" + account.hex(2) + ":" + account.hex(2) + ":" + account.hex(2) + ":"
                + account.hex(2);
        interfaces.put(
                created.networkInterfaceId(),
                new Attachment(created, List.copyOf(securityGroupIds), description, mac, instanceId));
        return created;
    }

    private String requireFree(String address, Subnet subnet) {
        var range = Cidr.parse(subnet.cidrBlock());
        var position = range.position(address);
        if (position < RESERVED_ADDRESSES - 1 || position >= range.size() - 1) {
            throw AwsException.badRequest(
                    "InvalidParameterValue", "Address " + address + " does not fall within the subnet's address range");
        }
        if (isTaken(address)) {
            throw AwsException.badRequest("InvalidIPAddress.InUse", "Address " + address + " is in use.");
        }
        return address;
    }

    private String freeAddress(Cidr range) {
        while (true) {
            var position = account.random().nextLong(RESERVED_ADDRESSES - 1, range.size() - 1);
            var address = range.address(position);
            if (!isTaken(address)) return address;
        }
    }

    private boolean isTaken(String address) {
        return interfaces.values().stream()
                .anyMatch(one -> one.networkInterface().privateIpAddress().equals(address));
    }

    String id(String kind) {
        return kind + "-0" + account.hex(16);
    }
}
