package cloudhsm.pipeline.localcloud.cloudhsm;

/** A cluster and its HSMs. */
public final class Cluster {}
