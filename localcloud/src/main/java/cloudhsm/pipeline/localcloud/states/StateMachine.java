package cloudhsm.pipeline.localcloud.states;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.authorization.Role;
import java.time.Instant;

/**
 * A Standard state machine.
 *
 * @param text the definition as it was given
 * @param identity the session of the role that its tasks call services with
 */
record StateMachine(
        String arn, String name, String text, Definition definition, Role role, Identity identity, Instant created) {
    /** What runs the child executions of a distributed Map, under the same role. */
    StateMachine processor(String label, Definition processor) {
        return new StateMachine(
                ownArn() + "/" + label, ownName() + "/" + label, text, processor, role, identity, created);
    }

    /** The ARN of the machine itself, for a distributed Map's processor as well. */
    String ownArn() {
        return arn.replaceFirst("/.*", "");
    }

    private String ownName() {
        return name.replaceFirst("/.*", "");
    }
}
