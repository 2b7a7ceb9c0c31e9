package cloudhsm.pipeline.localcloud.iam;

import java.util.Optional;

/**
 * Who signs a request: the account's administrator, or a session of a role.
 *
 * @param arn what AWS would name the caller: {@code arn:aws:sts::<account>:assumed-role/<role>/<session>} for a role
 * @param role empty for the administrator, who may do everything
 */
public record Identity(String accessKeyId, String secretAccessKey, String arn, Optional<Role> role) {
    @Override
    public String toString() {
        return arn;
    }
}
