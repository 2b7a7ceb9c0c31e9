package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * {@code configure-cli}: writes the CLI's configuration from addresses, or from what DescribeClusters says.
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/configure-tool-params5.html">Client SDK 5
 *     configuration parameters</a>
 */
final class ConfigureCli {
    /** What the tool takes where no Region is given [HSM:configure-tool-params5]. */
    private static final String FALLBACK_REGION = "us-east-1";

    private static final Set<String> OPTIONS =
            Set.of("--cluster-id", "--region", "--endpoint", "--hsm-ca-cert", "--disable-key-availability-check");

    private final Clusters clusters;
    private final Ec2Service ec2;

    ConfigureCli(Clusters clusters, Ec2Service ec2) {
        this.clusters = clusters;
        this.ec2 = ec2;
    }

    CommandResult run(ClientToolCall call) {
        try {
            configure(call);
            return new CommandResult(0, "", "");
        } catch (CliException refused) {
            return new CommandResult(refused.usage() ? 2 : 1, "", refused.getMessage() + "\n");
        }
    }

    private void configure(ClientToolCall call) {
        var addresses = new ArrayList<String>();
        var command = CommandLine.parse(
                withoutAddresses(call.arguments(), addresses), Set.of("--disable-key-availability-check"));
        command.allowOnly(OPTIONS);
        if (!command.words().isEmpty()) {
            throw CliException.usage(
                    "error: unexpected argument '" + command.words().getFirst() + "' found");
        }
        if (command.options().isEmpty() && addresses.isEmpty()) {
            throw CliException.usage("error: no parameters were given; see configure-cli --help");
        }
        var clusterId = command.option("--cluster-id");
        if (clusterId.isPresent() && !addresses.isEmpty()) {
            throw CliException.usage("error: the argument '-a' cannot be used with '--cluster-id'");
        }
        clusterId.ifPresent(id -> addresses.addAll(lookUp(id, command.option("--region"), call)));

        var file = new InstanceFiles(call.root()).locate(InstanceFiles.CONFIGURATION);
        var before = ClientConfiguration.read(file).orElse(ClientConfiguration.installed());
        new ClientConfiguration(
                        command.option("--hsm-ca-cert").orElse(before.hsmCaFile()),
                        addresses.isEmpty() ? before.hostnames() : addresses,
                        before.disableKeyAvailabilityCheck()
                                || command.option("--disable-key-availability-check")
                                        .isPresent())
                .write(file);
    }

    /** Takes {@code -a} and the addresses behind it out of the arguments. */
    private static List<String> withoutAddresses(List<String> arguments, List<String> addresses) {
        var others = new ArrayList<String>();
        var inAddresses = false;
        for (var argument : arguments) {
            if (argument.equals("-a")) {
                inAddresses = true;
            } else if (inAddresses && !argument.startsWith("-")) {
                if (!Input.IP_ADDRESS.matcher(argument).matches()) {
                    throw CliException.usage("error: invalid value '" + argument + "' for '-a': not an IPv4 address");
                }
                addresses.add(argument);
            } else {
                inAddresses = false;
                others.add(argument);
            }
        }
        if (arguments.contains("-a") && addresses.isEmpty()) {
            throw CliException.usage("error: a value is required for '-a' but none was supplied");
        }
        return others;
    }

    private List<String> lookUp(String clusterId, Optional<String> regionOption, ClientToolCall call) {
        var identity = ec2.instance(call.instanceId())
                .flatMap(Ec2Service.InstanceView::identity)
                .orElseThrow(() -> CliException.failed("Error: no AWS credentials were found"));
        if (!ec2.reachesInternet(call.instanceId())) {
            throw CliException.failed("Error: could not connect to the CloudHSM API: connection timed out");
        }
        var region = regionOption
                .or(() -> Optional.ofNullable(call.environment().get("AWS_REGION")))
                .or(() -> Optional.ofNullable(call.environment().get("AWS_DEFAULT_REGION")))
                .orElse(FALLBACK_REGION);
        var allowed = clusters.account().iam().decide(identity, "cloudhsm:DescribeClusters", "*", Map.of());
        if (allowed != PolicyDocument.Decision.ALLOWED) {
            throw CliException.failed(
                    "Error: User: " + identity.arn() + " is not authorized to perform: cloudhsm:DescribeClusters");
        }
        var cluster = clusters.find(clusterId)
                .filter(any -> region.equals(clusters.account().region()))
                .orElseThrow(() ->
                        CliException.failed("Error: cluster " + clusterId + " was not found in Region " + region));
        var addresses = cluster.existingHsms().stream()
                .flatMap(hsm -> hsm.eniIp().stream())
                .toList();
        if (addresses.isEmpty()) throw CliException.failed("Error: cluster " + clusterId + " has no HSMs");
        return addresses;
    }
}
