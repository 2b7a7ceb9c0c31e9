package cloudhsm.pipeline.provisioning.client;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import software.amazon.awssdk.services.cloudhsmv2.model.Cluster;
import software.amazon.awssdk.services.ssm.SsmClient;
import software.amazon.awssdk.services.ssm.model.CommandInvocationStatus;
import software.amazon.awssdk.services.ssm.model.GetCommandInvocationResponse;
import software.amazon.awssdk.services.ssm.model.InvalidInstanceIdException;
import software.amazon.awssdk.services.ssm.model.InvocationDoesNotExistException;

/**
 * A script of {@code client/}, run on the EC2 client by Run Command. Its parameters are in plain text in SSM's history
 * and events, so they name secrets and never hold one.
 */
public final class ClientCommand {
    /**
     * A stage ends with this when its client is gone or offline; the state machine then launches another one.
     * LaunchClient itself launches others, and ends with this when none of them came online.
     */
    static final String CLIENT_GONE = "CLIENT_GONE";

    /** How long a script may take: it installs the CLI, then talks to every HSM, at most a minute each. */
    private static final Duration BUDGET = Duration.ofMinutes(20);

    /** How long SSM may try to hand the command to the instance, in seconds. */
    private static final int DELIVERY_SECONDS = 300;

    private static final Set<String> RUNNING = Set.of("Pending", "InProgress", "Delayed");

    /** Status details with which the script has not run, because nobody answered on the instance. */
    private static final Set<String> UNDELIVERED = Set.of("DeliveryTimedOut", "Undeliverable", "Terminated");

    /** How much of a script's error output goes into a message, characters from its end. */
    private static final int ERROR_OUTPUT = 500;

    /** How far a command has got. */
    public sealed interface Progress {
        record Running(Outcome.Waiting waiting) implements Progress {}

        record Succeeded(ClientReport report) implements Progress {}

        record Ended(Outcome.Failed failed) implements Progress {}
    }

    /**
     * The CloudHSM CLI that the scripts install.
     *
     * @param packageSha256 lower-case hex of the rpm
     */
    public record Cli(String region, String packageUrl, String packageSha256) {
        /** From the function's environment: AWS_REGION, CLI_PACKAGE_URL, CLI_PACKAGE_SHA256. */
        public static Cli ofFunction() {
            return new Cli(
                    Aws.environment("AWS_REGION"),
                    Aws.environment("CLI_PACKAGE_URL"),
                    Aws.environment("CLI_PACKAGE_SHA256"));
        }
    }

    private final SsmClient ssm;
    private final String document;
    private final Cli cli;

    /** @param document the name of the SSM document that was made of the script */
    public ClientCommand(SsmClient ssm, String document, Cli cli) {
        this.ssm = ssm;
        this.document = document;
        this.cli = cli;
    }

    /** The parameters that every script has: the cluster, the addresses of its ACTIVE HSMs, its trust anchor as PEM. */
    public static Map<String, String> target(Cluster cluster, String trustAnchor) {
        return Map.of(
                "ClusterId", cluster.clusterId(),
                "HsmAddresses", String.join(" ", ActivateCluster.activeAddresses(cluster)),
                "TrustAnchor", ActivateCluster.base64(trustAnchor));
    }

    /** Sends the document to the instance. A second one does no harm: the scripts look before they change anything. */
    public Progress send(String instanceId, Map<String, String> parameters) {
        var all = new HashMap<String, List<String>>();
        parameters.forEach((name, value) -> all.put(name, List.of(value)));
        all.put("Region", List.of(cli.region()));
        all.put("CliPackageUrl", List.of(cli.packageUrl()));
        all.put("CliPackageSha256", List.of(cli.packageSha256()));
        try {
            var command = ssm.sendCommand(request -> request.documentName(document)
                            .instanceIds(instanceId)
                            .parameters(all)
                            .timeoutSeconds(DELIVERY_SECONDS))
                    .command();
            return running(Resource.command(command.commandId(), instanceId));
        } catch (InvalidInstanceIdException gone) {
            return gone(instanceId, "SSM cannot send commands to it: " + gone.getMessage());
        }
    }

    /** What has become of a command sent earlier. */
    public Progress progress(Resource command) {
        try {
            return progress(
                    command,
                    ssm.getCommandInvocation(
                            request -> request.commandId(command.parent()).instanceId(command.child())));
        } catch (InvocationDoesNotExistException notYet) {
            return running(command);
        } catch (InvalidInstanceIdException gone) {
            return gone(command.child(), "SSM no longer knows it: " + gone.getMessage());
        }
    }

    private Progress progress(Resource command, GetCommandInvocationResponse invocation) {
        return switch (invocation.status()) {
            case PENDING, IN_PROGRESS, DELAYED, CANCELLING -> stillRunning(command);
            case SUCCESS -> succeeded(command, invocation);
            case TIMED_OUT -> timedOut(command, invocation);
            case CANCELLED, FAILED, UNKNOWN_TO_SDK_VERSION -> ended(command, invocation);
        };
    }

    /** An instance that goes away takes its command along without a word: SSM calls it in progress for an hour. */
    private Progress stillRunning(Resource command) {
        return new ClientPing(ssm).isOnline(command.child())
                ? running(command)
                : gone(command.child(), "it has gone offline while command " + command.parent() + " ran");
    }

    /** So ends also the command of an instance that went away while it ran. */
    private Progress timedOut(Resource command, GetCommandInvocationResponse invocation) {
        return new ClientPing(ssm).isOnline(command.child())
                ? ended(command, invocation)
                : gone(command.child(), "it has gone offline, and command " + command.parent() + " has timed out");
    }

    private Progress succeeded(Resource command, GetCommandInvocationResponse invocation) {
        return ClientReport.atEndOf(invocation.standardOutputContent())
                .filter(report -> report.outcome() != ClientReport.Outcome.FAILED)
                .<Progress>map(Progress.Succeeded::new)
                .orElseGet(() -> ended(command, invocation));
    }

    private Progress ended(Resource command, GetCommandInvocationResponse invocation) {
        if (UNDELIVERED.contains(invocation.statusDetails().replace(" ", ""))) {
            return gone(command.child(), "command " + command.parent() + " ended as " + invocation.statusDetails());
        }
        var report = ClientReport.atEndOf(invocation.standardOutputContent());
        if (report.isPresent() && report.get().outcome() == ClientReport.Outcome.FAILED) {
            return failed(report.get().reason(), report.get().message());
        }
        if (invocation.status() == CommandInvocationStatus.SUCCESS) {
            return failed("CLIENT_REPORT_MISSING", unreported(command, invocation, "succeeded, but reported nothing"));
        }
        return failed(
                "CLIENT_COMMAND_FAILED",
                unreported(
                        command,
                        invocation,
                        "ended as " + invocation.statusDetails() + " with exit status " + invocation.responseCode()));
    }

    private String unreported(Resource command, GetCommandInvocationResponse invocation, String what) {
        var errors = invocation.standardErrorContent().strip();
        return document + " on " + command.child() + " (command " + command.parent() + ") " + what
                + ". The end of its error output: \""
                + errors.substring(Math.max(0, errors.length() - ERROR_OUTPUT))
                + "\". Next: read the command's output in Systems Manager, then start a new execution; it continues"
                + " from here.";
    }

    private static Progress running(Resource command) {
        return new Progress.Running(new Outcome.Waiting(command, RUNNING, BUDGET));
    }

    /** A stage needs the client, and this execution has not launched one. */
    static Outcome noClient() {
        return new Outcome.Failed(
                CLIENT_GONE,
                "No client has been launched, and it turned out that one is needed. Next: none: the execution launches"
                        + " it.");
    }

    private static Progress gone(String instanceId, String why) {
        return failed(
                CLIENT_GONE,
                "The client " + instanceId + " cannot be reached: " + why
                        + ". Next: none as long as the execution runs: it launches another client, up to three times,"
                        + " and runs this stage again, which looks at what the HSMs have become before it changes"
                        + " anything. If the execution ended so, find out who ends its clients (CloudTrail,"
                        + " TerminateInstances or StopInstances), then start a new one.");
    }

    private static Progress failed(String reason, String message) {
        return new Progress.Ended(new Outcome.Failed(reason, message));
    }
}
