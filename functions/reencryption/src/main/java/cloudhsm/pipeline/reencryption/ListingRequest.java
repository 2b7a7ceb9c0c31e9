package cloudhsm.pipeline.reencryption;

import java.util.Map;

/**
 * What is to be listed.
 *
 * @param all whether noncurrent versions are listed, too
 * @param inventory S3 URI of an inventory's manifest; "" to list the bucket itself
 * @param pageSize object versions of a page, 1 to 1,000
 */
record ListingRequest(String bucket, String prefix, boolean all, String inventory, int pageSize) {
    /** From what PlanReencryption has read of the execution's input, and found right. */
    static ListingRequest of(Object request) {
        var members = (Map<?, ?>) request;
        return new ListingRequest(
                (String) members.get("bucket"),
                (String) members.get("prefix"),
                members.get("versions").equals("ALL"),
                (String) members.get("inventory"),
                ((Number) members.get("pageSize")).intValue());
    }
}
