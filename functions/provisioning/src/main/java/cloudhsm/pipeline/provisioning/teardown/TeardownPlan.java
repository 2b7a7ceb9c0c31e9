package cloudhsm.pipeline.provisioning.teardown;

import java.math.BigDecimal;
import java.util.List;
import java.util.Objects;

/**
 * What the execution is going to remove: the input of all later stages.
 *
 * @param data DELETE, KEEP_READABLE or KEEP, for the buckets that the pipeline made
 * @param previousVersionsMayGo whether what cannot go under SSE-S3 may become unreadable
 * @param meter STOP_NOW or DELETE_MATERIAL
 * @param meterNote why the meter is not the one that was asked for; "" if it is
 * @param buckets that there are
 * @param keyStoreId "" if there is none
 * @param keyIds of all keys in the key store
 * @param clusterIds of the deployment's clusters, and of those that are gone and have left backups
 * @param adoptedCluster the one that stays, of which only the HSMs go that it did not come with
 * @param hsms how many HSMs bill that are to go
 * @param pricePerHsmHourUsd of one HSM
 * @param stopNowUsd what HSMs cost from now on with STOP_NOW
 * @param deleteMaterialUsd what they cost with DELETE_MATERIAL
 * @param priceBasis whose price that is, as of when, and how to set another
 * @param leftAlone what was found and is not the deployment's, so that it stays
 * @param shared what others use as well and lose all the same, because the input said evenIfShared
 * @param interrupt whether the HSMs go even where the data cannot be returned
 * @param refusal why nothing of the plan may be carried out and the HSMs go all the same; "" where it may. Only with
 *     {@code interrupt}: whoever is there to read a refusal gets it as a failure, and nothing changes
 */
record TeardownPlan(
        String deployment,
        String data,
        boolean previousVersionsMayGo,
        int pendingWindowInDays,
        String meter,
        String meterNote,
        List<Bucket> buckets,
        String keyStoreId,
        List<String> keyIds,
        List<String> clusterIds,
        Adopted adoptedCluster,
        int hsms,
        BigDecimal pricePerHsmHourUsd,
        BigDecimal stopNowUsd,
        BigDecimal deleteMaterialUsd,
        String priceBasis,
        List<String> leftAlone,
        List<String> shared,
        boolean interrupt,
        String refusal) {
    /**
     * What becomes of one bucket.
     *
     * @param adopted whether it is its owner's: it and its objects stay
     * @param data what becomes of its objects; KEEP_READABLE where it is adopted
     * @param returnTo ARN of the key that they go under with KEEP_READABLE; "" for SSE-S3
     */
    record Bucket(String name, boolean adopted, String data, String returnTo) {}

    /**
     * @param clusterId "" where no cluster was adopted
     * @param ownersHsmIds of the HSMs that it came with
     */
    record Adopted(String clusterId, List<String> ownersHsmIds) {
        Adopted {
            ownersHsmIds = List.copyOf(ownersHsmIds);
        }
    }

    TeardownPlan {
        buckets = List.copyOf(buckets);
        Objects.requireNonNull(deployment, "deployment");
        keyIds = List.copyOf(keyIds);
        clusterIds = List.copyOf(clusterIds);
        leftAlone = List.copyOf(leftAlone);
        shared = List.copyOf(shared);
    }
}
