package cloudhsm.pipeline.localcloud.ec2;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.ec2.SecurityGroup.Rule;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The API's operations on security groups. */
final class SecurityGroupOperations {
    private static final Set<String> RULES = Set.of("GroupId", "IpPermissions");

    private final Network network;
    private final Tags tags;
    private final Iam iam;

    SecurityGroupOperations(Ec2Service ec2, Network network, Tags tags, Iam iam) {
        this.network = network;
        this.tags = tags;
        this.iam = iam;
        ec2.on(
                "DescribeSecurityGroups",
                Set.of("Filter", "NextToken", "MaxResults", "GroupId"),
                this::describeSecurityGroups);
        ec2.on(
                "CreateSecurityGroup",
                Set.of("GroupName", "GroupDescription", "VpcId", "TagSpecification"),
                this::createSecurityGroup);
        ec2.on("DeleteSecurityGroup", Set.of("GroupId"), this::deleteSecurityGroup);
        ec2.on("AuthorizeSecurityGroupIngress", RULES, (request, xml) -> authorize(request, xml, false));
        ec2.on("AuthorizeSecurityGroupEgress", RULES, (request, xml) -> authorize(request, xml, true));
        ec2.on("RevokeSecurityGroupIngress", RULES, (request, xml) -> revoke(request, xml, false));
        ec2.on("RevokeSecurityGroupEgress", RULES, (request, xml) -> revoke(request, xml, true));
    }

    private void describeSecurityGroups(Ec2Request request, Xml xml) {
        iam.authorize(request.caller(), "ec2:DescribeSecurityGroups", "*");
        var ids = request.list("GroupId");
        ids.forEach(network::securityGroup);
        var found = new Filters<SecurityGroup>(group -> tags.of(group.groupId))
                .text("group-id", group -> group.groupId)
                .text("group-name", group -> group.groupName)
                .text("description", group -> group.description)
                .text("vpc-id", group -> group.vpcId)
                .apply(
                        request,
                        network.securityGroups.values().stream()
                                .filter(group -> ids.isEmpty() || ids.contains(group.groupId)));
        xml.items("securityGroupInfo", request.page(found), group -> {
            xml.text("ownerId", Iam.ACCOUNT);
            xml.text("groupId", group.groupId);
            xml.text("groupName", group.groupName);
            xml.text("groupDescription", group.description);
            xml.text("vpcId", group.vpcId);
            writeRules(xml, "ipPermissions", group.ingress);
            writeRules(xml, "ipPermissionsEgress", group.egress);
            tags.write(xml, group.groupId);
        });
        request.writeNextToken(xml, found.size());
    }

    private static void writeRules(Xml xml, String element, List<Rule> rules) {
        xml.items(element, rules, rule -> {
            xml.text("ipProtocol", rule.protocol());
            if (!rule.protocol().equals("-1")) {
                xml.text("fromPort", String.valueOf(rule.fromPort()));
                xml.text("toPort", String.valueOf(rule.toPort()));
            }
            xml.items("groups", rule.namesGroup() ? List.of(rule.peer()) : List.<String>of(), group -> {
                xml.text("userId", Iam.ACCOUNT);
                xml.text("groupId", group);
            });
            xml.items(
                    "ipRanges",
                    rule.namesGroup() ? List.<String>of() : List.of(rule.peer()),
                    range -> xml.text("cidrIp", range));
        });
    }

    private void createSecurityGroup(Ec2Request request, Xml xml) {
        var name = request.required("GroupName");
        var description = request.required("GroupDescription");
        if (name.startsWith("sg-") || name.length() > 255) {
            throw AwsException.badRequest(
                    "InvalidParameterValue",
                    "Value (" + name + ") for parameter GroupName is invalid. Group names may not be in the format"
                            + " sg-*.");
        }
        var vpcId = request.text("VpcId")
                .map(id -> network.vpc(id).vpcId())
                .or(() -> network.defaultVpc().map(Network.Vpc::vpcId))
                .orElseThrow(() -> AwsException.badRequest("VPCIdNotSpecified", "No default VPC for this user"));
        var newTags = request.tagsAtCreation("security-group");
        iam.authorize(
                request.caller(),
                "ec2:CreateSecurityGroup",
                network.arn("security-group", "*"),
                Tags.requestContext(newTags));
        iam.authorize(request.caller(), "ec2:CreateSecurityGroup", network.arn("vpc", vpcId), tags.context(vpcId));
        if (!newTags.isEmpty()) {
            var context = Tags.requestContext(newTags);
            context.put("ec2:CreateAction", "CreateSecurityGroup");
            iam.authorize(request.caller(), "ec2:CreateTags", network.arn("security-group", "*"), context);
        }
        if (network.securityGroups.values().stream()
                .anyMatch(group -> group.vpcId.equals(vpcId) && group.groupName.equals(name))) {
            throw AwsException.badRequest(
                    "InvalidGroup.Duplicate",
                    "The security group '" + name + "' already exists for VPC '" + vpcId + "'");
        }
        var group = network.createSecurityGroup(name, description, vpcId);
        tags.put(group.groupId, newTags);
        xml.text("return", "true");
        xml.text("groupId", group.groupId);
        xml.text("securityGroupArn", network.arn("security-group", group.groupId));
        tags.write(xml, group.groupId);
    }

    private void deleteSecurityGroup(Ec2Request request, Xml xml) {
        var groupId = request.required("GroupId");
        authorize(request, "ec2:DeleteSecurityGroup", groupId);
        network.deleteSecurityGroup(groupId);
        tags.removeAll(groupId);
        xml.text("return", "true");
        xml.text("groupId", groupId);
    }

    private void authorize(Ec2Request request, String action, String groupId) {
        iam.authorize(request.caller(), action, network.arn("security-group", groupId), tags.context(groupId));
    }

    private void authorize(Ec2Request request, Xml xml, boolean egress) {
        var group = group(request, "ec2:AuthorizeSecurityGroup", egress);
        var rules = rules(request);
        var current = egress ? group.egress : group.ingress;
        for (var rule : rules) {
            if (rule.namesGroup()) network.securityGroup(rule.peer());
            if (current.contains(rule)) {
                throw AwsException.badRequest(
                        "InvalidPermission.Duplicate",
                        "the specified rule \"peer: " + rule.peer() + ", " + rule.protocol() + ", from port: "
                                + rule.fromPort() + ", to port: " + rule.toPort() + ", ALLOW\" already exists");
            }
        }
        current.addAll(rules);
        xml.text("return", "true");
    }

    private void revoke(Ec2Request request, Xml xml, boolean egress) {
        var group = group(request, "ec2:RevokeSecurityGroup", egress);
        var rules = rules(request);
        var current = egress ? group.egress : group.ingress;
        if (!current.containsAll(rules)) {
            throw AwsException.badRequest(
                    "InvalidPermission.NotFound", "The specified rule does not exist in this security group.");
        }
        current.removeAll(rules);
        xml.text("return", "true");
    }

    private SecurityGroup group(Ec2Request request, String action, boolean egress) {
        var groupId = request.required("GroupId");
        authorize(request, action + (egress ? "Egress" : "Ingress"), groupId);
        return network.securityGroup(groupId);
    }

    private static Set<Rule> rules(Ec2Request request) {
        var rules = new LinkedHashSet<Rule>();
        for (var permission : request.structures("IpPermissions")) {
            var protocol = request.required(permission + "IpProtocol");
            if (!Set.of("tcp", "udp", "icmp", "-1").contains(protocol)) {
                throw AwsException.badRequest(
                        "InvalidParameterValue", "Invalid value '" + protocol + "' for IP protocol.");
            }
            var all = protocol.equals("-1");
            var from = all ? -1 : port(request, permission + "FromPort");
            var to = all ? -1 : port(request, permission + "ToPort");
            if (from > to) {
                throw AwsException.badRequest(
                        "InvalidParameterValue", "Invalid TCP port range (" + from + ":" + to + ")");
            }
            peers(request, permission).forEach(peer -> rules.add(new Rule(protocol, from, to, peer)));
        }
        if (rules.isEmpty()) {
            throw AwsException.badRequest(
                    "MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' is required");
        }
        return rules;
    }

    private static int port(Ec2Request request, String parameter) {
        request.required(parameter);
        return request.number(parameter, -1);
    }

    private static List<String> peers(Ec2Request request, String permission) {
        if (request.hasPrefix(permission + "Ipv6Ranges") || request.hasPrefix(permission + "PrefixListIds")) {
            throw AwsException.badRequest(
                    "UnknownParameter", "The embedded AWS knows IPv4 ranges and security groups as peers of a rule");
        }
        var peers = new ArrayList<String>();
        request.structures(permission + "IpRanges").forEach(range -> peers.add(request.required(range + "CidrIp")));
        request.structures(permission + "Groups").forEach(group -> peers.add(request.required(group + "GroupId")));
        return peers;
    }
}
