package cloudhsm.pipeline.provisioning.deployment;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * What the pipeline remembers of a deployment.
 *
 * @param since when it came into its phase
 * @param wanted what the inputs of its executions have said so far, merged in the input's own shape; without members
 *     where they have said nothing
 * @param plan the output of the last Preflight
 * @param resources of the last provisioning that succeeded, the outputs of its stages by the names they have in the
 *     state machine: cluster, certificate, activation, kmsUser, keyStore, key, buckets; empty before
 * @param verified the output of the VerifyHsmIdentity that verified the first HSM; empty before
 * @param made ids of what the pipeline made for the deployment and has not removed
 * @param adoptedBuckets names of buckets that were there before and that an input asked to take over; neither they nor
 *     what lies in them is ever deleted
 * @param adoptedCluster the deployment's cluster where a person made it and an input asked to take it over
 * @param unprovenBuckets names of those whose settings may have changed since the last provisioning that succeeded
 * @param release what the last PlanTeardown has said of the objects; empty before
 * @param intents the value with which the pipeline is about to make something of that kind; see {@link
 *     Deployments#intend}
 */
public record Deployment(
        String name,
        Phase phase,
        Instant since,
        JsonNode wanted,
        JsonNode plan,
        JsonNode resources,
        JsonNode verified,
        Map<Made, List<String>> made,
        List<String> adoptedBuckets,
        Optional<AdoptedCluster> adoptedCluster,
        List<String> unprovenBuckets,
        Optional<Release> release,
        Map<Made, String> intents) {
    public Deployment {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(phase, "phase");
        Objects.requireNonNull(since, "since");
        Objects.requireNonNull(wanted, "wanted");
        Objects.requireNonNull(plan, "plan");
        Objects.requireNonNull(resources, "resources");
        Objects.requireNonNull(verified, "verified");
        made = Map.copyOf(made);
        adoptedBuckets = List.copyOf(adoptedBuckets);
        Objects.requireNonNull(adoptedCluster, "adoptedCluster");
        unprovenBuckets = List.copyOf(unprovenBuckets);
        Objects.requireNonNull(release, "release");
        intents = Map.copyOf(intents);
    }

    /** Ids of what the pipeline made of that kind, in the order of the ids. */
    public List<String> made(Made kind) {
        return made.getOrDefault(kind, List.of());
    }

    /** Ids of every cluster that was made for it: the deployment's own, and former ones. */
    public List<String> madeClusterIds() {
        return Stream.concat(made(Made.CLUSTER).stream(), made(Made.FORMER_CLUSTER).stream())
                .toList();
    }

    /** Ids of every cluster that belongs to it: those that were made for it, and the one that it has adopted. */
    public List<String> clusterIds() {
        return Stream.concat(madeClusterIds().stream(), adoptedCluster.map(AdoptedCluster::clusterId).stream())
                .toList();
    }

    /** Whether it is the deployment's cluster of now: made for it and not replaced, or adopted. */
    public boolean hasCluster(String clusterId) {
        return made(Made.CLUSTER).contains(clusterId)
                || adoptedCluster
                        .filter(adopted -> adopted.clusterId().equals(clusterId))
                        .isPresent();
    }

    /** Ids of the HSMs that the cluster came with when it was adopted; none where it was made. */
    public List<String> ownersHsmIds(String clusterId) {
        return adoptedCluster
                .filter(adopted -> adopted.clusterId().equals(clusterId))
                .map(AdoptedCluster::hsmIds)
                .orElse(List.of());
    }

    /** Whether the bucket belongs to the deployment: it was made for it, or adopted. */
    public boolean hasBucket(String bucket) {
        return buckets().contains(bucket);
    }

    /** Names of the buckets that belong to the deployment. */
    public List<String> buckets() {
        return Stream.concat(made(Made.BUCKET).stream(), adoptedBuckets.stream())
                .toList();
    }

    /** Names of the buckets of the plan, which may belong to the deployment or not yet. */
    public List<String> plannedBuckets() {
        return plan.path("buckets").findValuesAsText("name");
    }

    /**
     * The output of the ProveEncryption of the last provisioning that succeeded; empty where it had no such bucket, or
     * the bucket's settings may have changed since.
     */
    public Optional<JsonNode> proof(String bucket) {
        if (unprovenBuckets.contains(bucket)) return Optional.empty();
        return StreamSupport.stream(resources.path("buckets").spliterator(), false)
                .filter(secured -> bucket.equals(secured.path("bucket").asText()))
                .map(secured -> secured.path("proof"))
                .findFirst();
    }

    /** Ids of the HSMs that had kmsuser when the last provisioning succeeded. */
    public Set<String> provenHsms() {
        return StreamSupport.stream(resources.at("/kmsUser/hsms").spliterator(), false)
                .map(hsm -> hsm.path("hsmId").asText())
                .collect(Collectors.toUnmodifiableSet());
    }

    /** The value of a creation that was begun, and of which nobody knows yet whether it took place. */
    public Optional<String> intent(Made kind) {
        return Optional.ofNullable(intents.get(kind));
    }
}
