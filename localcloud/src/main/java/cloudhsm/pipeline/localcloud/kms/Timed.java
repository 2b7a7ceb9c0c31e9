package cloudhsm.pipeline.localcloud.kms;

import java.time.Instant;

/**
 * How long AWS worked on something, in simulated time.
 *
 * @param what {@code ConnectCustomKeyStore} or {@code DisconnectCustomKeyStore}
 * @param resourceId the custom key store
 * @param startedAt when the call was accepted
 * @param endedAt when the store reached the state in which it stays
 */
public record Timed(String what, String resourceId, Instant startedAt, Instant endedAt) {}
