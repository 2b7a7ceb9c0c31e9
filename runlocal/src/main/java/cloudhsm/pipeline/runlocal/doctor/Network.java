package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.wire.XmlElement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Where cluster and client would go: the VPC and the subnets of the input, else those of the default VPC. */
final class Network {
    /** One address for the HSM, one for KMS's connection, one for the client. */
    private static final int NEEDED_ADDRESSES = 3;

    /** A key store needs HSMs in two zones. */
    private static final int NEEDED_ZONES = 2;

    private final Aws aws;
    private final Findings findings;
    private final Wanted wanted;

    Network(Aws aws, Findings findings, Wanted wanted) {
        this.aws = aws;
        this.findings = findings;
        this.wanted = wanted;
    }

    /** @param zones that offer CloudHSM; empty where that is not known, and then nothing can be said */
    void check(Set<String> zones) {
        if (zones.isEmpty()) return;
        findings.look("VPC", () -> vpc().ifPresent(id -> findings.look("subnets", () -> subnets(id, zones))));
    }

    private Optional<String> vpc() {
        if (wanted.vpc().isPresent()) {
            var id = wanted.vpc().get();
            try {
                aws.query(Api.EC2, "DescribeVpcs", Map.of("VpcId.1", id));
                findings.right("VPC", id + " is there, as the input says.");
                return wanted.vpc();
            } catch (AwsFailure absent) {
                if (!absent.code().startsWith("InvalidVpcID")) throw absent;
                findings.wrong("VPC", id + " of the input is not in " + aws.region() + ".", "correct network.vpcId");
                return Optional.empty();
            }
        }
        if (!wanted.subnets().isEmpty()) return Optional.of("");
        var parameters = filter("is-default", List.of("true"));
        var vpcs = Xml.items(aws.query(Api.EC2, "DescribeVpcs", parameters), "vpcSet");
        if (vpcs.isEmpty()) {
            findings.wrong(
                    "VPC",
                    aws.region() + " has no default VPC, and the input names no other.",
                    "give network.vpcId or network.subnetIds in the input, or make one: aws ec2 create-default-vpc");
            return Optional.empty();
        }
        var id = Xml.text(vpcs.getFirst(), "vpcId");
        findings.right("VPC", id + ", the default one.");
        return Optional.of(id);
    }

    private static Map<String, String> filter(String name, List<String> values) {
        var parameters = new LinkedHashMap<String, String>();
        parameters.put("Filter.1.Name", name);
        for (int i = 0; i < values.size(); i++) parameters.put("Filter.1.Value." + (i + 1), values.get(i));
        return parameters;
    }

    private void subnets(String vpcId, Set<String> offering) {
        var asked = wanted.subnets();
        var found = Xml.items(
                aws.query(
                        Api.EC2,
                        "DescribeSubnets",
                        asked.isEmpty() ? filter("vpc-id", List.of(vpcId)) : filter("subnet-id", asked)),
                "subnetSet");
        var missing = new TreeSet<>(asked);
        found.forEach(subnet -> missing.remove(id(subnet)));
        var problems = new ArrayList<String>();
        missing.forEach(id -> problems.add(id + " is not in " + aws.region()));
        for (var subnet : found) {
            if (asked.isEmpty()) break;
            if (!vpcId.isEmpty() && !Xml.text(subnet, "vpcId").equals(vpcId)) {
                problems.add(id(subnet) + " is in " + Xml.text(subnet, "vpcId") + ", not in " + vpcId);
            }
            if (!offering.contains(zone(subnet))) {
                problems.add(id(subnet) + " is in " + zone(subnet) + ", which does not offer CloudHSM");
            }
            if (!hasRoom(subnet)) problems.add(id(subnet) + " has " + addresses(subnet) + " free addresses");
        }
        var usable = found.stream()
                .filter(subnet -> offering.contains(zone(subnet)) && hasRoom(subnet))
                .collect(Collectors.groupingBy(Network::zone));
        if (usable.size() < NEEDED_ZONES) {
            problems.add("subnets with " + NEEDED_ADDRESSES + " free addresses are in " + usable.size()
                    + " of the zones " + String.join(", ", offering) + ", and two are needed");
        }
        if (problems.isEmpty()) {
            findings.right(
                    "subnets",
                    usable.values().stream()
                            .flatMap(List::stream)
                            .map(subnet -> id(subnet) + " in " + zone(subnet) + " with " + addresses(subnet)
                                    + " free addresses")
                            .sorted()
                            .collect(Collectors.joining(", ", "", ".")));
            return;
        }
        findings.wrong(
                "subnets",
                String.join("; ", problems) + ".",
                "make or free subnets in two of these zones, and name them in network.subnetIds: "
                        + String.join(", ", offering));
    }

    private static String id(XmlElement subnet) {
        return Xml.text(subnet, "subnetId");
    }

    private static String zone(XmlElement subnet) {
        return Xml.text(subnet, "availabilityZone");
    }

    private static int addresses(XmlElement subnet) {
        return Integer.parseInt(Xml.text(subnet, "availableIpAddressCount"));
    }

    private static boolean hasRoom(XmlElement subnet) {
        return addresses(subnet) >= NEEDED_ADDRESSES;
    }
}
