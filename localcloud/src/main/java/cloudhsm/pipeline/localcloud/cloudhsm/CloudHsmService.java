package cloudhsm.pipeline.localcloud.cloudhsm;

import cloudhsm.pipeline.localcloud.Account;
import cloudhsm.pipeline.localcloud.ec2.Ec2Service;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.http.JsonService;

/** AWS CloudHSM v2. */
public final class CloudHsmService extends JsonService {
    public CloudHsmService(Account account, Ec2Service ec2, EventBridgeService events) {
        super("cloudhsm", "1.1", "Message");
    }

    /** The cluster, or empty if there is none of that id; live state. */
    public java.util.Optional<Cluster> cluster(String clusterId) {
        return java.util.Optional.empty();
    }

    /** What AWS took its own time for so far, in the order in which it ended. */
    public java.util.List<Timed> timings() {
        throw new UnsupportedOperationException("to be written");
    }

    /** What a program named {@code cloudhsm-cli} or {@code configure-cli} does on an instance. */
    public CommandResult runClientTool(ClientToolCall call) {
        throw new UnsupportedOperationException("to be written");
    }
}
