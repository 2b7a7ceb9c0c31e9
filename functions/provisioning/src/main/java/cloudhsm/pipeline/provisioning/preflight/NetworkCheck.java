package cloudhsm.pipeline.provisioning.preflight;

import cloudhsm.pipeline.provisioning.input.Problems;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Subnet;

/** Finds the VPC and the subnets of the cluster, and says what is wrong with those asked for. */
final class NetworkCheck {
    /** One address for the HSM, one for KMS's connection, one for the client. */
    private static final int NEEDED_ADDRESSES = 3;

    /** A KMS key store needs ACTIVE HSMs in two zones. */
    private static final int NEEDED_ZONES = 2;

    private final Ec2Client ec2;
    private final String region;
    private final Problems problems;

    NetworkCheck(Ec2Client ec2, String region, Problems problems) {
        this.ec2 = ec2;
        this.region = region;
        this.problems = problems;
    }

    /**
     * @param zones those that offer CloudHSM, as {@link RegionCheck} found them
     * @param existing the deployment's cluster, whose subnets cannot be changed any more
     * @return empty if no cluster can be put there; then the problems say why
     */
    Optional<NetworkChoice> choose(ProvisionRequest.Network asked, Set<String> zones, Optional<Cluster> existing) {
        if (problems.concern("network")) return Optional.empty();
        if (existing.isPresent()) return ofExisting(asked, existing.get());
        return asked.subnetIds().isEmpty() ? anySubnets(asked.vpcId(), zones) : theseSubnets(asked, zones);
    }

    private Optional<NetworkChoice> ofExisting(ProvisionRequest.Network asked, Cluster cluster) {
        var mapping = cluster.subnetMapping();
        if (!asked.subnetIds().isEmpty() && !Set.copyOf(asked.subnetIds()).equals(Set.copyOf(mapping.values()))) {
            problems.add(
                    "network.subnetIds",
                    "the deployment's cluster " + cluster.clusterId() + " has the subnets "
                            + mapping.values().stream().sorted().toList()
                            + ", which cannot be changed; ask for these, or choose another deployment name");
        }
        if (asked.vpcId().isPresent() && !asked.vpcId().get().equals(cluster.vpcId())) {
            problems.add(
                    "network.vpcId",
                    "the deployment's cluster " + cluster.clusterId() + " is in " + cluster.vpcId()
                            + ", which cannot be changed; ask for that one, or choose another deployment name");
        }
        var zones = mapping.keySet().stream().sorted().toList();
        return Optional.of(new NetworkChoice(
                cluster.vpcId(), zones, zones.stream().map(mapping::get).toList()));
    }

    private Optional<NetworkChoice> theseSubnets(ProvisionRequest.Network asked, Set<String> offering) {
        var found = describe("subnet-id", asked.subnetIds()).stream()
                .collect(Collectors.toMap(Subnet::subnetId, Function.identity()));
        for (var id : asked.subnetIds()) {
            if (!found.containsKey(id)) problems.add("network.subnetIds", id + " does not exist in " + region);
        }
        var subnets = asked.subnetIds().stream()
                .filter(found::containsKey)
                .map(found::get)
                .toList();
        checkVpc(asked.vpcId(), subnets);
        for (var subnet : subnets) {
            if (!offering.contains(subnet.availabilityZone())) {
                problems.add(
                        "network.subnetIds",
                        subnet.subnetId() + " is in " + subnet.availabilityZone() + ", which does not offer CloudHSM; "
                                + String.join(", ", offering) + " do");
            }
            if (subnet.availableIpAddressCount() < NEEDED_ADDRESSES) {
                problems.add("network.subnetIds", tooFull(subnet));
            }
        }
        subnets.stream()
                .collect(Collectors.groupingBy(Subnet::availabilityZone))
                .forEach((zone, same) -> {
                    if (same.size() > 1) {
                        problems.add(
                                "network.subnetIds",
                                String.join(
                                                " and ",
                                                same.stream()
                                                        .map(Subnet::subnetId)
                                                        .toList())
                                        + " are both in " + zone + "; CloudHSM takes one subnet in a zone");
                    }
                });
        return choice(subnets);
    }

    private void checkVpc(Optional<String> asked, List<Subnet> subnets) {
        var vpcs = subnets.stream().map(Subnet::vpcId).distinct().sorted().toList();
        if (asked.isEmpty()) {
            if (vpcs.size() > 1) problems.add("network.subnetIds", "are in several VPCs: " + String.join(", ", vpcs));
            return;
        }
        for (var subnet : subnets) {
            if (!subnet.vpcId().equals(asked.get())) {
                problems.add(
                        "network.subnetIds",
                        subnet.subnetId() + " is in " + subnet.vpcId() + ", not in " + asked.get());
            }
        }
    }

    private Optional<NetworkChoice> anySubnets(Optional<String> asked, Set<String> offering) {
        var vpcId = asked.isPresent() ? existing(asked.get()) : defaultVpc();
        if (vpcId.isEmpty()) return Optional.empty();
        var subnets = describe("vpc-id", List.of(vpcId.get())).stream()
                .filter(subnet -> offering.contains(subnet.availabilityZone()))
                .toList();
        subnets.stream()
                .filter(subnet -> subnet.availableIpAddressCount() < NEEDED_ADDRESSES)
                .map(NetworkCheck::tooFull)
                .forEach(text -> problemUnlessOthers(subnets, text));
        // The emptiest subnet of each zone; the lower id where two are as empty.
        var chosen = subnets.stream()
                .filter(subnet -> subnet.availableIpAddressCount() >= NEEDED_ADDRESSES)
                .collect(Collectors.groupingBy(Subnet::availabilityZone))
                .values()
                .stream()
                .map(same -> same.stream()
                        .min(Comparator.comparingInt((Subnet subnet) -> -subnet.availableIpAddressCount())
                                .thenComparing(Subnet::subnetId))
                        .orElseThrow())
                .sorted(Comparator.comparing(Subnet::availabilityZone))
                .toList();
        if (chosen.size() < NEEDED_ZONES) {
            problems.add(
                    "network",
                    vpcId.get() + " has usable subnets in " + chosen.size() + " of the zones that offer CloudHSM ("
                            + String.join(", ", offering) + "); a key store needs HSMs in " + NEEDED_ZONES
                            + ". Create subnets, or name others in network.subnetIds");
        }
        return choice(chosen);
    }

    /** A full subnet only matters where too few zones are left without it. */
    private void problemUnlessOthers(List<Subnet> subnets, String text) {
        var usable = subnets.stream()
                .filter(subnet -> subnet.availableIpAddressCount() >= NEEDED_ADDRESSES)
                .map(Subnet::availabilityZone)
                .distinct()
                .count();
        if (usable < NEEDED_ZONES) problems.add("network", text);
    }

    private static String tooFull(Subnet subnet) {
        return subnet.subnetId() + " has " + subnet.availableIpAddressCount() + " free addresses; " + NEEDED_ADDRESSES
                + " are needed for the HSM, KMS's connection and the client";
    }

    private Optional<String> existing(String vpcId) {
        var exists = !ec2.describeVpcs(request -> request.filters(filter("vpc-id", List.of(vpcId))))
                .vpcs()
                .isEmpty();
        if (!exists) problems.add("network.vpcId", vpcId + " does not exist in " + region);
        return exists ? Optional.of(vpcId) : Optional.empty();
    }

    private Optional<String> defaultVpc() {
        var vpcs = ec2.describeVpcs(request -> request.filters(filter("is-default", List.of("true"))))
                .vpcs();
        if (vpcs.isEmpty()) {
            problems.add("network.vpcId", "there is no default VPC in " + region + "; give network.vpcId");
            return Optional.empty();
        }
        return Optional.of(vpcs.getFirst().vpcId());
    }

    private List<Subnet> describe(String name, List<String> values) {
        return ec2.describeSubnetsPaginator(request -> request.filters(filter(name, values))).subnets().stream()
                .toList();
    }

    private static Filter filter(String name, List<String> values) {
        return Filter.builder().name(name).values(values).build();
    }

    private Optional<NetworkChoice> choice(List<Subnet> subnets) {
        if (subnets.size() < NEEDED_ZONES) return Optional.empty();
        return Optional.of(new NetworkChoice(
                subnets.getFirst().vpcId(),
                subnets.stream().map(Subnet::availabilityZone).toList(),
                subnets.stream().map(Subnet::subnetId).toList()));
    }
}
