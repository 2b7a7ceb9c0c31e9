package cloudhsm.pipeline.reencryption;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;

/**
 * The way back, for keys that are going to be deleted: what is under one of them, and nothing else, goes under another
 * key or, by a copy, under SSE-S3, where UpdateObjectEncryption cannot put anything. No version is deleted for it,
 * whatever the settings are.
 *
 * @param keyIds of the keys that go
 * @param returnTo ARN of the key that objects go under; "" for SSE-S3
 */
record Release(List<String> keyIds, String returnTo) {
    Release {
        keyIds = List.copyOf(keyIds);
    }

    /** From a page's input, where {@code release} has the members of this record; empty if it is missing or empty. */
    static Optional<Release> of(Map<String, Object> input) {
        if (!(input.get("release") instanceof Map<?, ?> release)) return Optional.empty();
        if (!(release.get("keyIds") instanceof List<?> keyIds)) return Optional.empty();
        return Optional.of(
                new Release(keyIds.stream().map(Object::toString).toList(), (String) release.get("returnTo")));
    }

    boolean concerns(HeadObjectResponse object) {
        var key = object.ssekmsKeyId();
        return key != null && keyIds.stream().anyMatch(id -> key.endsWith("key/" + id));
    }

    boolean isToSseS3() {
        return returnTo.isEmpty();
    }
}
