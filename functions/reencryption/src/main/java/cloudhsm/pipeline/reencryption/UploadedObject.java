package cloudhsm.pipeline.reencryption;

import java.util.Optional;

/**
 * One object as an S3 event names it.
 *
 * @param key decoded
 * @param versionId empty where the bucket is not versioned
 * @param etag without quotes
 */
record UploadedObject(String bucket, String key, Optional<String> versionId, String etag) {
    /** Whether another upload may have taken this one's place: it has no version id of its own. */
    boolean mayBeOverwritten() {
        return versionId.isEmpty() || versionId.get().equals("null");
    }
}
