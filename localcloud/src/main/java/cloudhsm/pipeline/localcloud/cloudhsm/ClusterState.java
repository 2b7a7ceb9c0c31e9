package cloudhsm.pipeline.localcloud.cloudhsm;

/** The states of a cluster that the embedded AWS passes through, as DescribeClusters names them. */
public enum ClusterState {
    CREATE_IN_PROGRESS,
    UNINITIALIZED,
    INITIALIZE_IN_PROGRESS,
    INITIALIZED,
    ACTIVE,
    DELETE_IN_PROGRESS,
    DELETED
}
