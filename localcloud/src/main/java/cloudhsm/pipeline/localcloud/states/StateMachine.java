package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.iam.Identity;
import cloudhsm.pipeline.localcloud.iam.Role;
import java.time.Instant;

/**
 * A Standard state machine.
 *
 * @param text the definition as it was given
 * @param identity the session of the role that its tasks call services with
 */
record StateMachine(
        String arn, String name, String text, Definition definition, Role role, Identity identity, Instant created) {}
