package cloudhsm.pipeline.localcloud.s3;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;

/** An upload in parts that is neither completed nor aborted. */
final class MultipartUpload {
    /**
     * One part; its bytes lie on disk under the upload's data key.
     *
     * @param checksums base64 by algorithm
     */
    record Part(long size, String etag, String md5, Map<String, String> checksums, Path file, Instant lastModified) {
        String quotedEtag() {
            return "\"" + etag + "\"";
        }
    }

    final String id;
    final String key;
    final Instant initiated;
    final ObjectStore.Upload upload;
    final DataKeys.Sealed dataKey;
    final String checksumAlgorithm;

    /** Whether the object's checksum is over the data, not over the parts' checksums. */
    final boolean fullObjectChecksum;

    /** By part number, 1 to 10,000. */
    final TreeMap<Integer, Part> parts = new TreeMap<>();

    MultipartUpload(
            String id,
            String key,
            Instant initiated,
            ObjectStore.Upload upload,
            DataKeys.Sealed dataKey,
            String checksumAlgorithm,
            boolean fullObjectChecksum) {
        this.id = id;
        this.key = key;
        this.initiated = initiated;
        this.upload = upload;
        this.dataKey = dataKey;
        this.checksumAlgorithm = checksumAlgorithm;
        this.fullObjectChecksum = fullObjectChecksum;
    }
}
