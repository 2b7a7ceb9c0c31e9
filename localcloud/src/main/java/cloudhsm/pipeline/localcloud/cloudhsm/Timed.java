package cloudhsm.pipeline.localcloud.cloudhsm;

import java.time.Instant;

/**
 * Something that AWS took its own time for, so that a caller can tell AWS's time from the pipeline's.
 *
 * @param what {@code CreateCluster}, {@code CreateHsm}, {@code InitializeCluster} or {@code activation lag}
 * @param resourceId the cluster or HSM
 * @param startedAt when the call was accepted
 * @param endedAt when the API first showed the end state
 */
public record Timed(String what, String resourceId, Instant startedAt, Instant endedAt) {}
