package cloudhsm.pipeline.reencryption;

import java.util.Optional;

/**
 * One object version that is to come under its bucket's key.
 *
 * @param key decoded
 * @param versionId empty for whatever is current, as in buckets without versions
 * @param etag of the content that is meant, without quotes; "" where it is not known
 */
record ObjectReference(String bucket, String key, Optional<String> versionId, String etag) {
    /** Whether another upload may have taken this one's place: it has no version id of its own. */
    boolean mayBeOverwritten() {
        return versionId.isEmpty() || versionId.get().equals("null");
    }

    /** The version that is current now, whichever it is. */
    ObjectReference current() {
        return new ObjectReference(bucket, key, Optional.empty(), etag);
    }
}
