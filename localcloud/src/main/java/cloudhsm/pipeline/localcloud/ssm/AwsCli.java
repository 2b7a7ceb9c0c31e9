package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.cloudhsm.CommandResult;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.http.Endpoint;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The AWS CLI on an instance, as far as scripts there need it; it acts under the instance's role. Exit statuses are
 * those of AWS CLI v2.
 *
 * @see <a href="https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-returncodes.html">Return codes</a>
 */
final class AwsCli {
    private static final int USAGE = 252;
    private static final int CONFIGURATION = 253;
    private static final int REFUSED = 254;
    private static final int FAILED = 255;

    private final Account account;
    private final Ec2Service ec2;
    private final Endpoint endpoint;
    private final String instanceId;

    AwsCli(Account account, Ec2Service ec2, Endpoint endpoint, String instanceId) {
        this.account = account;
        this.ec2 = ec2;
        this.endpoint = endpoint;
        this.instanceId = instanceId;
    }

    CommandResult run(StandInServer.Call call) {
        var arguments = call.arguments();
        if (arguments.size() < 2) return usage("the following arguments are required: command");
        var command = arguments.get(0) + " " + arguments.get(1);
        var options = options(arguments.subList(2, arguments.size()));
        if (options.isEmpty()) return usage("Unknown options: " + String.join(", ", arguments));
        var region = Optional.ofNullable(options.get().get("--region"))
                .or(() -> Optional.ofNullable(call.environment().get("AWS_REGION")))
                .or(() -> Optional.ofNullable(call.environment().get("AWS_DEFAULT_REGION")))
                .orElse(account.region()); // from the instance's metadata
        return switch (command) {
            case "secretsmanager get-secret-value" -> getSecretValue(options.get(), region);
            case "sts get-caller-identity" -> getCallerIdentity(options.get(), region);
            case "cloudhsmv2 describe-clusters" -> describeClusters(options.get(), region);
            default -> usage("argument operation: the embedded AWS's CLI has no " + command);
        };
    }

    /** Option → value; empty where an option lacks its value or something is no option. */
    private static Optional<Map<String, String>> options(List<String> arguments) {
        var options = new HashMap<String, String>();
        for (int i = 0; i < arguments.size(); i += 2) {
            if (!arguments.get(i).startsWith("--") || i + 1 == arguments.size()) return Optional.empty();
            options.put(arguments.get(i), arguments.get(i + 1));
        }
        return Optional.of(options);
    }

    private static CommandResult usage(String why) {
        return new CommandResult(
                USAGE,
                "",
                "\nusage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]\n\naws: error: " + why
                        + "\n");
    }

    private CommandResult getSecretValue(Map<String, String> options, String region) {
        if (!options.containsKey("--secret-id")) return usage("the following arguments are required: --secret-id");
        var query = options.getOrDefault("--query", "");
        if (!query.equals("SecretString")
                || !options.getOrDefault("--output", "").equals("text")) {
            return usage("the embedded AWS's CLI reads a secret with --query SecretString --output text");
        }
        if (!Set.of("--secret-id", "--query", "--output", "--region").containsAll(options.keySet())) {
            return usage("Unknown options: " + options.keySet());
        }
        return calling("secretsmanager", "GetSecretValue", region, identity -> {
            var answer = endpoint.call(
                    identity,
                    "secretsmanager",
                    "GetSecretValue",
                    Json.object().put("SecretId", options.get("--secret-id")));
            return answer.path("SecretString").asText() + "\n";
        });
    }

    private CommandResult getCallerIdentity(Map<String, String> options, String region) {
        if (!Set.of("--region", "--output").containsAll(options.keySet())) {
            return usage("Unknown options: " + options.keySet());
        }
        return calling(
                "sts",
                "GetCallerIdentity",
                region,
                identity -> Json.object()
                                .put("UserId", "AROA:" + instanceId)
                                .put("Account", Iam.ACCOUNT)
                                .put("Arn", identity.arn())
                                .toPrettyString()
                        + "\n");
    }

    private CommandResult describeClusters(Map<String, String> options, String region) {
        if (!Set.of("--region", "--output", "--filters").containsAll(options.keySet())) {
            return usage("Unknown options: " + options.keySet());
        }
        var input = Json.object();
        var filters = options.get("--filters");
        if (filters != null) {
            if (!filters.matches("clusterIds=[\\w,-]+")) return usage("Error parsing parameter '--filters'");
            var ids = input.putObject("Filters").putArray("clusterIds");
            for (var id : filters.substring("clusterIds=".length()).split(",")) ids.add(id);
        }
        return calling(
                "cloudhsmv2",
                "DescribeClusters",
                region,
                identity -> endpoint.call(identity, "cloudhsm", "DescribeClusters", input)
                                .toPrettyString() + "\n");
    }

    /** What a command prints once the instance has credentials and reaches the service. */
    @FunctionalInterface
    private interface Output {
        String under(Identity identity);
    }

    private CommandResult calling(String service, String operation, String region, Output output) {
        var identity = account.time().locked(() -> ec2.instance(instanceId).flatMap(Ec2Service.InstanceView::identity));
        var reachable = account.time().locked(() -> ec2.reachesInternet(instanceId));
        if (identity.isEmpty()) {
            return new CommandResult(
                    CONFIGURATION,
                    "",
                    "\nUnable to locate credentials. You can configure credentials by running \"aws configure\".\n");
        }
        var url = "https://" + service + "." + region + ".amazonaws.com/";
        if (!reachable) return new CommandResult(FAILED, "", "\nConnect timeout on endpoint URL: \"" + url + "\"\n");
        if (!region.equals(account.region())) {
            return new CommandResult(FAILED, "", "\nCould not connect to the endpoint URL: \"" + url + "\"\n");
        }
        try {
            return new CommandResult(0, output.under(identity.get()), "");
        } catch (AwsException refused) {
            return new CommandResult(
                    REFUSED,
                    "",
                    "\nAn error occurred (" + refused.code() + ") when calling the " + operation + " operation: "
                            + refused.getMessage() + "\n");
        }
    }
}
