package cloudhsm.pipeline.localcloud.events;

/** A service that rules can send to. */
@FunctionalInterface
public interface EventTarget {
    /**
     * Hands a payload over, for a rule.
     *
     * @param principal EventBridge's own, as policies name it
     * @throws cloudhsm.pipeline.localcloud.protocol.AwsException where the target does not exist or refuses
     */
    void deliver(String principal, String ruleArn, String targetArn, String payload);
}
