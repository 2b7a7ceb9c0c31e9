package cloudhsm.pipeline.reencryption;

import java.util.Optional;

/**
 * One object version that is to come under its bucket's key.
 *
 * @param key decoded
 * @param versionId empty for whatever is current, as in buckets without versions
 * @param etag of the content that is meant, without quotes; "" where it is not known
 * @param latest whether the version was the current one when it was listed
 */
record ObjectReference(String bucket, String key, Optional<String> versionId, String etag, Latest latest) {
    /** What a listing or an inventory says of a version; an event says nothing. */
    enum Latest {
        YES,
        NO,
        NOT_SAID
    }

    /** Of an event, or of a listing without versions. */
    ObjectReference(String bucket, String key, Optional<String> versionId, String etag) {
        this(bucket, key, versionId, etag, Latest.NOT_SAID);
    }

    /** Whether another upload may have taken this one's place: it has no version id of its own. */
    boolean mayBeOverwritten() {
        return versionId.isEmpty() || versionId.get().equals("null");
    }

    /** Whether this is the version with the id that S3 names; null in a bucket without versions. */
    boolean hasId(String id) {
        return versionId.isEmpty() || versionId.get().equals(id == null ? "null" : id);
    }

    /** The version that is current now, whichever it is. */
    ObjectReference current() {
        return new ObjectReference(bucket, key, Optional.empty(), etag);
    }
}
