package cloudhsm.pipeline.localcloud.ssm;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.cloudhsm.ClientToolCall;
import cloudhsm.pipeline.localcloud.cloudhsm.CloudHsmService;
import cloudhsm.pipeline.localcloud.cloudhsm.CommandResult;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.http.Endpoint;
import java.time.Duration;
import java.util.function.Function;

/** What the stand-ins on one instance do, during one command. */
final class Programs implements Function<StandInServer.Call, CommandResult> {
    private static final int NOT_FOUND = 127;

    private final Account account;
    private final CloudHsmService cloudHsm;
    private final String instanceId;
    private final InstanceDirectory disk;
    private final AwsCli awsCli;
    private final Downloads downloads;
    private Duration slept = Duration.ZERO;

    Programs(
            Account account,
            Ec2Service ec2,
            CloudHsmService cloudHsm,
            Endpoint endpoint,
            String instanceId,
            InstanceDirectory disk) {
        this.account = account;
        this.cloudHsm = cloudHsm;
        this.instanceId = instanceId;
        this.disk = disk;
        this.awsCli = new AwsCli(account, ec2, endpoint, instanceId);
        this.downloads = new Downloads(account, ec2, instanceId, disk);
    }

    @Override
    public CommandResult apply(StandInServer.Call call) {
        return switch (call.program()) {
            case "cloudhsm-cli", "configure-cli" -> clientTool(call);
            case "aws" -> awsCli.run(call);
            case "curl" -> downloads.curl(call);
            case "dnf" -> downloads.dnf(call);
            case "sleep" -> sleep(call);
            default -> new CommandResult(NOT_FOUND, "", call.program() + ": command not found\n");
        };
    }

    /** How long the command slept; its time on the instance, not on this machine. */
    synchronized Duration slept() {
        return slept;
    }

    private synchronized CommandResult sleep(StandInServer.Call call) {
        var text = String.join(" ", call.arguments());
        if (!text.matches("\\d{1,6}(\\.\\d{1,3})?s?")) {
            return new CommandResult(1, "", "sleep: invalid time interval '" + text + "'\n");
        }
        slept = slept.plusMillis((long) (Double.parseDouble(text.replace("s", "")) * 1000));
        return new CommandResult(0, "", "");
    }

    private CommandResult clientTool(StandInServer.Call call) {
        return account.time()
                .locked(() -> cloudHsm.runClientTool(new ClientToolCall(
                        instanceId,
                        call.program(),
                        call.arguments().stream().map(disk::unmapped).toList(),
                        call.environment(),
                        call.standardInput(),
                        disk.root())));
    }
}
