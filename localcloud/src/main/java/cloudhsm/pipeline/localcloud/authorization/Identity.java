package cloudhsm.pipeline.localcloud.authorization;

import java.time.Clock;
import java.util.Optional;

/**
 * Who signs a request: the account's administrator, or a session of a role.
 *
 * @param arn what AWS would name the caller: {@code arn:aws:sts::<account>:assumed-role/<role>/<session>} for a role
 * @param role empty for the administrator, who may do everything
 * @param clock what the caller's requests are dated by: the machine's for clients from outside, the simulated one for
 *     functions
 */
public record Identity(String accessKeyId, String secretAccessKey, String arn, Optional<Role> role, Clock clock) {
    /** A role as an AWS service assumes it: nothing is signed with it. */
    public static Identity assumedByService(Role role, String sessionName) {
        return new Identity("", "", role.arn() + "/" + sessionName, Optional.of(role), Clock.systemUTC());
    }

    @Override
    public String toString() {
        return arn;
    }
}
