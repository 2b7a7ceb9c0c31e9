package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.account.Regions;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service.Subnet;
import cloudhsm.pipeline.localcloud.ec2.Network.Attachment;
import cloudhsm.pipeline.localcloud.ec2.Network.RouteTable;
import cloudhsm.pipeline.localcloud.ec2.Network.Vpc;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The API's operations on VPCs, subnets, route tables, network interfaces, zones and endpoint services. */
final class NetworkOperations {
    private static final Set<String> PAGED = Set.of("Filter", "NextToken", "MaxResults");

    private final Network network;
    private final Tags tags;
    private final Iam iam;
    private final String region;

    /** By name: in which zones the service is. */
    private final Map<String, List<String>> endpointServices = new TreeMap<>();

    NetworkOperations(Ec2Service ec2, Network network, Tags tags, Account account) {
        this.network = network;
        this.tags = tags;
        this.iam = account.iam();
        this.region = account.region();
        for (var service : List.of("kms", "secretsmanager", "ssm")) {
            endpointServices.put("com.amazonaws." + region + "." + service, network.zones);
        }
        var withCloudHsm = Regions.zonesWithCloudHsm(region);
        if (!withCloudHsm.isEmpty()) endpointServices.put("com.amazonaws." + region + ".cloudhsmv2", withCloudHsm);
        ec2.on("DescribeVpcs", with("VpcId"), this::describeVpcs);
        ec2.on("DescribeSubnets", with("SubnetId"), this::describeSubnets);
        ec2.on("DescribeRouteTables", with("RouteTableId"), this::describeRouteTables);
        ec2.on("DescribeNetworkInterfaces", with("NetworkInterfaceId"), this::describeNetworkInterfaces);
        ec2.on("DescribeAvailabilityZones", Set.of("Filter", "ZoneName", "AllAvailabilityZones"), this::describeZones);
        ec2.on("DescribeVpcEndpointServices", with("ServiceName"), this::describeEndpointServices);
        ec2.on("CreateVpc", Set.of("CidrBlock", "TagSpecification"), this::createVpc);
        ec2.on(
                "CreateSubnet",
                Set.of("VpcId", "CidrBlock", "AvailabilityZone", "TagSpecification"),
                this::createSubnet);
        ec2.on("CreateTags", Set.of("ResourceId", "Tag"), this::createTags);
        ec2.on("DescribeTags", PAGED, this::describeTags);
    }

    static Set<String> with(String ids) {
        return Set.of("Filter", "NextToken", "MaxResults", ids);
    }

    private void describeVpcs(Ec2Request request, Xml xml) {
        iam.authorize(request.caller(), "ec2:DescribeVpcs", "*");
        var ids = request.list("VpcId");
        ids.forEach(network::vpc);
        var found = new Filters<Vpc>(vpc -> tags.of(vpc.vpcId()))
                .text("vpc-id", Vpc::vpcId)
                .text("cidr", Vpc::cidrBlock)
                .text("state", vpc -> "available")
                .text("is-default", vpc -> String.valueOf(vpc.isDefault()))
                .text("isDefault", vpc -> String.valueOf(vpc.isDefault()))
                .apply(request, chosen(ids, network.vpcs));
        xml.items("vpcSet", request.page(found), vpc -> writeVpc(xml, vpc));
        request.writeNextToken(xml, found.size());
    }

    private static <T> Stream<T> chosen(List<String> ids, Map<String, T> byId) {
        return ids.isEmpty() ? byId.values().stream() : ids.stream().distinct().map(byId::get);
    }

    private void writeVpc(Xml xml, Vpc vpc) {
        xml.text("vpcId", vpc.vpcId());
        xml.text("ownerId", Iam.ACCOUNT);
        xml.text("state", "available");
        xml.text("cidrBlock", vpc.cidrBlock());
        xml.text("isDefault", String.valueOf(vpc.isDefault()));
        xml.text("instanceTenancy", "default");
        tags.write(xml, vpc.vpcId());
    }

    private void describeSubnets(Ec2Request request, Xml xml) {
        iam.authorize(request.caller(), "ec2:DescribeSubnets", "*");
        var ids = request.list("SubnetId");
        ids.forEach(network::subnet);
        var found = new Filters<Subnet>(subnet -> tags.of(subnet.subnetId()))
                .text("subnet-id", Subnet::subnetId)
                .text("vpc-id", Subnet::vpcId)
                .text("availability-zone", Subnet::availabilityZone)
                .text("availabilityZone", Subnet::availabilityZone)
                .text("cidr-block", Subnet::cidrBlock)
                .text("state", subnet -> "available")
                .text("default-for-az", subnet -> String.valueOf(network.isPublic(subnet)))
                .text("map-public-ip-on-launch", subnet -> String.valueOf(network.isPublic(subnet)))
                .apply(request, chosen(ids, network.subnets));
        xml.items("subnetSet", request.page(found), subnet -> writeSubnet(xml, subnet));
        request.writeNextToken(xml, found.size());
    }

    private void writeSubnet(Xml xml, Subnet subnet) {
        xml.text("subnetId", subnet.subnetId());
        xml.text("subnetArn", network.arn("subnet", subnet.subnetId()));
        xml.text("state", "available");
        xml.text("ownerId", Iam.ACCOUNT);
        xml.text("vpcId", subnet.vpcId());
        xml.text("cidrBlock", subnet.cidrBlock());
        xml.text("availableIpAddressCount", String.valueOf(network.freeAddresses(subnet.subnetId())));
        xml.text("availabilityZone", subnet.availabilityZone());
        xml.text("defaultForAz", String.valueOf(network.isPublic(subnet)));
        xml.text("mapPublicIpOnLaunch", String.valueOf(network.isPublic(subnet)));
        tags.write(xml, subnet.subnetId());
    }

    private void describeRouteTables(Ec2Request request, Xml xml) {
        iam.authorize(request.caller(), "ec2:DescribeRouteTables", "*");
        var ids = request.list("RouteTableId");
        for (var id : ids) {
            if (!network.routeTables.containsKey(id)) {
                throw Network.notFound("InvalidRouteTableID.NotFound", "routeTable ID", id);
            }
        }
        var found = new Filters<RouteTable>(table -> tags.of(table.routeTableId()))
                .text("route-table-id", RouteTable::routeTableId)
                .text("vpc-id", RouteTable::vpcId)
                .text("association.main", table -> "true")
                // Every subnet uses its VPC's main table; AWS lists only explicit associations.
                .on("association.subnet-id", table -> List.of())
                .apply(request, chosen(ids, network.routeTables));
        xml.items("routeTableSet", request.page(found), table -> writeRouteTable(xml, table));
        request.writeNextToken(xml, found.size());
    }

    private void writeRouteTable(Xml xml, RouteTable table) {
        xml.text("routeTableId", table.routeTableId());
        xml.text("vpcId", table.vpcId());
        xml.text("ownerId", Iam.ACCOUNT);
        xml.element("routeSet", () -> {
            writeRoute(xml, network.vpc(table.vpcId()).cidrBlock(), "local", "CreateRouteTable");
            table.internetGatewayId().ifPresent(gateway -> writeRoute(xml, "0.0.0.0/0", gateway, "CreateRoute"));
        });
        xml.items("associationSet", List.of(table), main -> {
            xml.text("routeTableAssociationId", table.routeTableId().replace("rtb-", "rtbassoc-"));
            xml.text("routeTableId", table.routeTableId());
            xml.text("main", "true");
        });
        tags.write(xml, table.routeTableId());
    }

    private static void writeRoute(Xml xml, String destination, String gateway, String origin) {
        xml.element("item", () -> {
            xml.text("destinationCidrBlock", destination);
            xml.text("gatewayId", gateway);
            xml.text("state", "active");
            xml.text("origin", origin);
        });
    }

    private void describeNetworkInterfaces(Ec2Request request, Xml xml) {
        iam.authorize(request.caller(), "ec2:DescribeNetworkInterfaces", "*");
        var ids = request.list("NetworkInterfaceId");
        for (var id : ids) {
            if (!network.interfaces.containsKey(id)) {
                throw Network.notFound("InvalidNetworkInterfaceID.NotFound", "networkInterface ID", id);
            }
        }
        var found = new Filters<Attachment>(
                        one -> tags.of(one.networkInterface().networkInterfaceId()))
                .text("network-interface-id", one -> one.networkInterface().networkInterfaceId())
                .text("subnet-id", one -> one.networkInterface().subnetId())
                .text("vpc-id", one -> subnetOf(one).vpcId())
                .text("availability-zone", one -> subnetOf(one).availabilityZone())
                .text(
                        "addresses.private-ip-address",
                        one -> one.networkInterface().privateIpAddress())
                .text("private-ip-address", one -> one.networkInterface().privateIpAddress())
                .text("description", Attachment::description)
                .text("status", one -> "in-use")
                .text("attachment.instance-id", Attachment::instanceId)
                .on("group-id", Attachment::securityGroupIds)
                .apply(request, chosen(ids, network.interfaces));
        xml.items("networkInterfaceSet", request.page(found), one -> writeNetworkInterface(xml, one));
        request.writeNextToken(xml, found.size());
    }

    private Subnet subnetOf(Attachment attachment) {
        return network.subnet(attachment.networkInterface().subnetId());
    }

    private void writeNetworkInterface(Xml xml, Attachment one) {
        var id = one.networkInterface().networkInterfaceId();
        xml.text("networkInterfaceId", id);
        xml.text("subnetId", one.networkInterface().subnetId());
        xml.text("vpcId", subnetOf(one).vpcId());
        xml.text("availabilityZone", subnetOf(one).availabilityZone());
        xml.text("description", one.description());
        xml.text("ownerId", Iam.ACCOUNT);
        xml.text("requesterManaged", String.valueOf(one.instanceId().isEmpty()));
        xml.text("status", "in-use");
        xml.text("macAddress", one.macAddress());
        xml.text("privateIpAddress", one.networkInterface().privateIpAddress());
        xml.text("interfaceType", "interface");
        writeGroups(xml, network, one.securityGroupIds());
        if (!one.instanceId().isEmpty()) {
            xml.element("attachment", () -> {
                xml.text("instanceId", one.instanceId());
                xml.text("deviceIndex", "0");
                xml.text("status", "attached");
                xml.text("deleteOnTermination", "true");
            });
        }
        tags.write(xml, id);
    }

    static void writeGroups(Xml xml, Network network, List<String> groupIds) {
        xml.items("groupSet", groupIds, groupId -> {
            xml.text("groupId", groupId);
            var group = network.securityGroups.get(groupId);
            if (group != null) xml.text("groupName", group.groupName);
        });
    }

    private void describeZones(Ec2Request request, Xml xml) {
        iam.authorize(request.caller(), "ec2:DescribeAvailabilityZones", "*");
        var names = request.list("ZoneName");
        for (var name : names) {
            if (!network.zones.contains(name)) {
                throw AwsException.badRequest("InvalidParameterValue", "Invalid availability zone: [" + name + "]");
            }
        }
        var found = new Filters<String>(zone -> Map.of())
                .text("zone-name", zone -> zone)
                .text("state", zone -> "available")
                .text("region-name", zone -> region)
                .text("zone-type", zone -> "availability-zone")
                .text("opt-in-status", zone -> "opt-in-not-required")
                .apply(request, network.zones.stream().filter(zone -> names.isEmpty() || names.contains(zone)));
        xml.items("availabilityZoneInfo", found, zone -> {
            xml.text("zoneName", zone);
            xml.text("zoneState", "available");
            xml.text("regionName", region);
            xml.text("optInStatus", "opt-in-not-required");
            xml.text("zoneType", "availability-zone");
            xml.text("zoneId", Regions.zoneId(zone));
        });
    }

    private void describeEndpointServices(Ec2Request request, Xml xml) {
        iam.authorize(request.caller(), "ec2:DescribeVpcEndpointServices", "*");
        var names = request.list("ServiceName");
        for (var name : names) {
            if (!endpointServices.containsKey(name)) {
                throw AwsException.badRequest(
                        "InvalidServiceName", "The Vpc Endpoint Service '" + name + "' does not exist");
            }
        }
        var found = new Filters<String>(service -> Map.of())
                .text("service-name", service -> service)
                .text("service-type", service -> "Interface")
                .text("owner", service -> "amazon")
                .apply(
                        request,
                        endpointServices.keySet().stream()
                                .filter(service -> names.isEmpty() || names.contains(service)));
        xml.element("serviceNameSet", () -> found.forEach(service -> xml.text("item", service)));
        xml.items("serviceDetailSet", request.page(found), service -> {
            xml.text("serviceName", service);
            xml.items("serviceType", List.of("Interface"), type -> xml.text("serviceType", type));
            xml.element(
                    "availabilityZoneSet", () -> endpointServices.get(service).forEach(zone -> xml.text("item", zone)));
            xml.text("owner", "amazon");
            xml.text("acceptanceRequired", "false");
            xml.text("vpcEndpointPolicySupported", "true");
        });
        request.writeNextToken(xml, found.size());
    }

    private void createVpc(Ec2Request request, Xml xml) {
        var newTags = request.tagsAtCreation("vpc");
        iam.authorize(request.caller(), "ec2:CreateVpc", network.arn("vpc", "*"), Tags.requestContext(newTags));
        var vpc = network.createVpc(request.required("CidrBlock"), false);
        tags.put(vpc.vpcId(), newTags);
        xml.element("vpc", () -> writeVpc(xml, vpc));
    }

    private void createSubnet(Ec2Request request, Xml xml) {
        var vpc = network.vpc(request.required("VpcId"));
        var newTags = request.tagsAtCreation("subnet");
        iam.authorize(request.caller(), "ec2:CreateSubnet", network.arn("vpc", vpc.vpcId()));
        iam.authorize(request.caller(), "ec2:CreateSubnet", network.arn("subnet", "*"), Tags.requestContext(newTags));
        var zone = request.text("AvailabilityZone").orElse(network.zones.getFirst());
        if (!network.zones.contains(zone)) {
            throw AwsException.badRequest(
                    "InvalidParameterValue", "Value (" + zone + ") for parameter availabilityZone is invalid.");
        }
        var subnet = network.createSubnet(vpc.vpcId(), zone, request.required("CidrBlock"));
        tags.put(subnet.subnetId(), newTags);
        xml.element("subnet", () -> writeSubnet(xml, subnet));
    }

    private void createTags(Ec2Request request, Xml xml) {
        var newTags = request.tags("");
        var resources = request.list("ResourceId");
        if (newTags.isEmpty() || resources.isEmpty()) {
            throw AwsException.badRequest("MissingParameter", "The request must contain the parameter resourceIdSet");
        }
        for (var resource : resources) {
            if (!resource.matches("[a-z]+-[0-9a-f]{8,17}")) {
                throw AwsException.badRequest("InvalidID", "The ID '" + resource + "' is not valid");
            }
            var context = new TreeMap<>(tags.context(resource));
            context.putAll(Tags.requestContext(newTags));
            var type = new Tags.Tag(resource, "", "").resourceType();
            iam.authorize(request.caller(), "ec2:CreateTags", network.arn(type, resource), context);
        }
        resources.forEach(resource -> tags.put(resource, newTags));
        xml.text("return", "true");
    }

    private void describeTags(Ec2Request request, Xml xml) {
        iam.authorize(request.caller(), "ec2:DescribeTags", "*");
        var found = new Filters<Tags.Tag>(tag -> Map.of(tag.key(), tag.value()))
                .text("resource-id", Tags.Tag::resourceId)
                .text("resource-type", Tags.Tag::resourceType)
                .text("key", Tags.Tag::key)
                .text("value", Tags.Tag::value)
                .apply(request, tags.all().stream());
        xml.items("tagSet", request.page(found), tag -> {
            xml.text("resourceId", tag.resourceId());
            xml.text("resourceType", tag.resourceType());
            xml.text("key", tag.key());
            xml.text("value", tag.value());
        });
        request.writeNextToken(xml, found.size());
    }
}
