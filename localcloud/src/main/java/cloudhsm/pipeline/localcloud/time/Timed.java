package cloudhsm.pipeline.localcloud.time;

import java.time.Instant;

/**
 * How long AWS worked on something, in simulated time.
 *
 * @param what the operation that was accepted, or what AWS did by itself
 * @param resourceId the cluster, HSM, key store or command
 * @param endedAt when the resource reached the state in which it stays
 */
public record Timed(String what, String resourceId, Instant startedAt, Instant endedAt) {}
