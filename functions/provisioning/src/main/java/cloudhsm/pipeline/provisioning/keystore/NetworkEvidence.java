package cloudhsm.pipeline.provisioning.keystore;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.IpPermission;
import software.amazon.awssdk.services.ec2.model.Subnet;

/** What EC2 shows of a cluster's network, a sentence each: the free addresses of its subnets, its group's rules. */
record NetworkEvidence(Ec2Client ec2) {
    private static final int FIRST_PORT = 2223;
    private static final int LAST_PORT = 2225;

    List<String> of(Cluster cluster) {
        var evidence = new ArrayList<String>();
        var wanted = List.copyOf(cluster.subnetMapping().values());
        var found =
                ec2.describeSubnetsPaginator(request -> request.filters(filter("subnet-id", wanted))).subnets().stream()
                        .collect(Collectors.toMap(Subnet::subnetId, Function.identity()));
        wanted.stream()
                .sorted()
                .map(id -> found.containsKey(id)
                        ? "Subnet " + id + " has " + found.get(id).availableIpAddressCount() + " free addresses."
                        : "Subnet " + id + " does not exist any more.")
                .forEach(evidence::add);
        evidence.add(ofGroup(cluster.securityGroup()));
        return evidence;
    }

    private String ofGroup(String id) {
        var groups = ec2.describeSecurityGroups(request -> request.filters(filter("group-id", List.of(id))))
                .securityGroups();
        if (groups.isEmpty()) return "The cluster's security group " + id + " does not exist any more.";
        var in = groups.getFirst().ipPermissions().stream().anyMatch(rule -> admits(rule, id));
        var out = groups.getFirst().ipPermissionsEgress().stream().anyMatch(rule -> admits(rule, id));
        return "The cluster's security group " + id + (in ? " lets" : " does not let")
                + " TCP 2223 to 2225 in from itself, and " + (out ? "lets" : "does not let") + " it out.";
    }

    private static boolean admits(IpPermission rule, String group) {
        var everyPort = rule.ipProtocol().equals("-1");
        var ports = rule.ipProtocol().equals("tcp") && rule.fromPort() <= FIRST_PORT && rule.toPort() >= LAST_PORT;
        return (everyPort || ports)
                && (rule.userIdGroupPairs().stream().anyMatch(pair -> group.equals(pair.groupId()))
                        || rule.ipRanges().stream().anyMatch(range -> "0.0.0.0/0".equals(range.cidrIp())));
    }

    private static Filter filter(String name, List<String> values) {
        return Filter.builder().name(name).values(values).build();
    }
}
