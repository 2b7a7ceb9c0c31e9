package cloudhsm.pipeline.localcloud.kms;

import java.time.Instant;

/**
 * Another name for a key.
 *
 * @param name with its prefix {@code alias/}
 */
record Alias(String name, KmsKey target, Instant creationDate, Instant lastUpdatedDate) {}
