package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.protocol.Json;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.HashMap;
import java.util.Set;
import java.util.function.Consumer;

/**
 * {@code cloudhsm-cli} in its two modes. In interactive mode the commands come from standard input, one per line; as
 * that is no terminal, no prompt is printed, and a failing line changes neither what follows nor the exit status [BMT].
 *
 * @see <a href="https://docs.aws.amazon.com/cloudhsm/latest/userguide/cloudhsm_cli-modes.html">Command modes</a>
 */
final class CloudHsmCli {
    private static final String USAGE = """
        AWS CloudHSM CLI (simulated)

        Usage: cloudhsm-cli [OPTIONS] <COMMAND>

        Commands:
          interactive, cluster, user, login, logout, help, quit
        """;

    private final HsmNetwork network;
    private final Consumer<Cluster> activated;

    /** @param activated told when a cluster's admin has got a password */
    CloudHsmCli(HsmNetwork network, Consumer<Cluster> activated) {
        this.network = network;
        this.activated = activated;
    }

    CommandResult run(ClientToolCall call) {
        try {
            var command = CommandLine.parse(call.arguments(), Set.of("--help"));
            if (command.options().containsKey("--help") || command.command().equals("help")) {
                return new CommandResult(0, USAGE, "");
            }
            if (command.words().isEmpty()) throw CliException.usage("error: a command is required\n" + USAGE);
            var session = open(command, call);
            var own = withoutGlobalOptions(command);
            if (!command.command().equals("interactive")) return single(session, own, call);
            own.allowOnly(Set.of());
            return interactive(session, call.standardInput());
        } catch (CliException refused) {
            return refused.usage()
                    ? new CommandResult(2, "", refused.getMessage() + "\n")
                    : new CommandResult(1, printed(1, TextNode.valueOf(refused.getMessage())), "");
        }
    }

    private CliSession open(CommandLine command, ClientToolCall call) {
        var files = new InstanceFiles(call.root());
        var path = command.option("--config").orElse(InstanceFiles.CONFIGURATION);
        var configuration = ClientConfiguration.read(files.locate(path))
                .orElseThrow(() ->
                        CliException.failed("There is no usable configuration " + path + "; run configure-cli first"));
        var connections = network.connect(call.instanceId(), configuration, files);
        command.option("--cluster-id").ifPresent(id -> {
            if (!id.equals(connections.cluster().id())) {
                throw CliException.failed("Cluster " + id + " is not in the configuration");
            }
        });
        return new CliSession(connections, activated);
    }

    /** They may stand before or behind the command. */
    private static CommandLine withoutGlobalOptions(CommandLine command) {
        var options = new HashMap<>(command.options());
        options.remove("--config");
        options.remove("--cluster-id");
        return new CommandLine(command.words(), options);
    }

    private static CommandResult single(CliSession session, CommandLine command, ClientToolCall call) {
        if (CliSession.needsLogin(command)) session.login(call.environment());
        return new CommandResult(0, printed(0, session.run(command)), "");
    }

    private static CommandResult interactive(CliSession session, String commands) {
        var output = new StringBuilder();
        var errors = new StringBuilder();
        for (var line : commands.lines().toList()) {
            if (line.isBlank()) continue;
            try {
                var command = withoutGlobalOptions(CommandLine.parse(CommandLine.split(line), Set.of()));
                if (Set.of("quit", "exit").contains(command.command())) break;
                if (command.command().startsWith("help")) output.append(USAGE);
                else output.append(printed(0, session.run(command)));
            } catch (CliException refused) {
                if (refused.usage()) errors.append(refused.getMessage()).append('\n');
                else output.append(printed(1, TextNode.valueOf(refused.getMessage())));
            }
        }
        return new CommandResult(0, output.toString(), errors.toString());
    }

    private static String printed(int errorCode, JsonNode data) {
        return Printed.pretty(Json.object().put("error_code", errorCode).set("data", data));
    }
}
