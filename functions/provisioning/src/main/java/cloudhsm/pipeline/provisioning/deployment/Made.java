package cloudhsm.pipeline.provisioning.deployment;

/**
 * The kinds of things that the pipeline makes for a deployment. What belongs to a deployment is what its record names
 * under one of them; a tag or a name, which anybody may set, says nothing.
 */
public enum Made {
    /** By cluster id. Its HSMs and its backups belong to the deployment with it. */
    CLUSTER,
    /** By cluster id: one in whose place another was made from a backup. */
    FORMER_CLUSTER,
    /** By instance id: a client, from its launch to its termination. */
    CLIENT,
    /** By group id: that of the clients. CloudHSM's own goes with the cluster. */
    SECURITY_GROUP,
    /** By ARN. */
    SECRET,
    /** By custom key store id. */
    KEY_STORE,
    /** By key id. */
    KEY,
    /** By name. */
    BUCKET;

    String ids() {
        return "made" + this;
    }

    String intent() {
        return "intended" + this;
    }
}
