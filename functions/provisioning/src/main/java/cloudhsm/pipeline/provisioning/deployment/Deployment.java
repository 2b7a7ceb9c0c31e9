package cloudhsm.pipeline.provisioning.deployment;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.Objects;

/**
 * What the pipeline remembers of a deployment when no execution works on it.
 *
 * @param since when it came into its phase
 * @param plan the output of the last Preflight
 * @param resources of the last provisioning that succeeded, the outputs of its stages by the names they have in the
 *     state machine: cluster, certificate, client, activation, kmsUser, keyStore, key, bucket; empty before
 */
public record Deployment(String name, Phase phase, Instant since, JsonNode plan, JsonNode resources) {
    public Deployment {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(phase, "phase");
        Objects.requireNonNull(since, "since");
        Objects.requireNonNull(plan, "plan");
        Objects.requireNonNull(resources, "resources");
    }
}
