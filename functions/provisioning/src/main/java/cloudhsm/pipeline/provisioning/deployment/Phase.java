package cloudhsm.pipeline.provisioning.deployment;

/** What a deployment is for, as its owner wants it; what its resources really are is AWS's to say. */
public enum Phase {
    /** An execution makes it, or one has failed on the way and another one can continue. */
    PROVISIONING,
    /** Complete, and kept so. */
    RUNNING,
    /** Without HSMs, because somebody wanted to stop the meter. */
    PAUSED,
    /** On its way back to nothing. */
    TEARING_DOWN
}
