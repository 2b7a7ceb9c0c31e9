package cloudhsm.pipeline.localcloud.cloudhsm;

/** The states of an HSM, as DescribeClusters names them. */
public enum HsmState {
    CREATE_IN_PROGRESS,
    ACTIVE,
    DEGRADED,
    DELETE_IN_PROGRESS,
    DELETED
}
