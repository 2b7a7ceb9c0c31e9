package cloudhsm.pipeline.localcloud.cloudhsm;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A CloudHSM client tool started on an instance.
 *
 * @param instanceId the EC2 instance it runs on
 * @param program {@code cloudhsm-cli} or {@code configure-cli}
 * @param environment of the process; only CLOUDHSM_ROLE, CLOUDHSM_PIN, AWS_REGION and AWS_DEFAULT_REGION matter
 * @param root the instance's own root directory on this machine: {@code /opt/cloudhsm/etc} is {@code root/opt/cloudhsm/etc}
 */
public record ClientToolCall(
        String instanceId,
        String program,
        List<String> arguments,
        Map<String, String> environment,
        String standardInput,
        Path root) {
    /** Without environment and standard input, which may hold passwords. */
    @Override
    public String toString() {
        return program + " " + arguments + " on " + instanceId;
    }
}
