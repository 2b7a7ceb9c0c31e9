package cloudhsm.pipeline.localcloud.s3;

import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** One version of an object, or a delete marker. What may change after it was written is mutable. */
final class ObjectVersion {
    private static final DateTimeFormatter HTTP_DATE = DateTimeFormatter.ofPattern(
                    "EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ENGLISH)
            .withZone(ZoneOffset.UTC);
    private static final DateTimeFormatter XML_DATE =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

    /**
     * What an upload brought.
     *
     * @param headers the object's own: Content-Type, x-amz-meta-…
     * @param checksums base64 by algorithm
     * @param partSizes in bytes; empty unless it was a multipart upload
     */
    record Content(
            long size,
            String etag,
            Map<String, String> headers,
            String storageClass,
            Map<String, String> checksums,
            List<Long> partSizes,
            Path file) {
        Content {
            headers = Map.copyOf(headers);
            checksums = Map.copyOf(checksums);
            partSizes = List.copyOf(partSizes);
        }

        /** Whether the bytes are all zero and lie nowhere. */
        boolean isZeros() {
            return file.equals(ObjectStore.ZEROS);
        }
    }

    /**
     * Object Lock of one version.
     *
     * @param mode GOVERNANCE or COMPLIANCE; "" without retention
     */
    record Lock(String mode, Instant retainUntil, boolean legalHold) {
        static final Lock NONE = new Lock("", Instant.EPOCH, false);

        boolean holdsAt(Instant now) {
            return legalHold || retains(now);
        }

        boolean retains(Instant now) {
            return !mode.isEmpty() && now.isBefore(retainUntil);
        }
    }

    final String key;
    final String versionId;
    final Instant lastModified;

    /** Null in a delete marker. */
    final Content content;

    Encryption encryption = Encryption.UNENCRYPTED;
    DataKeys.Wrapped dataKey = new DataKeys.Wrapped(new byte[0], new byte[0]);
    Map<String, String> tags = Map.of();
    Lock lock = Lock.NONE;
    AccessControl acl = AccessControl.PRIVATE;

    /** Of an object of INTELLIGENT_TIERING in one of its two archive tiers; "" in the others. */
    String archiveStatus = "";

    /** As {@code x-amz-restore} says it of an archived version; "" where nobody asked for its data. */
    String restore = "";

    static final String RESTORE_IN_PROGRESS = "ongoing-request=\"true\"";

    static String restoredUntil(Instant end) {
        return "ongoing-request=\"false\", expiry-date=\"" + HTTP_DATE.format(end) + "\"";
    }

    ObjectVersion(String key, String versionId, Instant now, Content content) {
        this.key = key;
        this.versionId = versionId;
        this.lastModified = now.truncatedTo(ChronoUnit.SECONDS);
        this.content = content;
    }

    boolean isDeleteMarker() {
        return content == null;
    }

    /** Nothing can be read or copied before it is restored. */
    boolean isArchived() {
        var archived =
                !archiveStatus.isEmpty() || Set.of("GLACIER", "DEEP_ARCHIVE").contains(content.storageClass());
        return archived && (restore.isEmpty() || restore.equals(RESTORE_IN_PROGRESS));
    }

    String quotedEtag() {
        return "\"" + content.etag() + "\"";
    }

    static String xmlDate(Instant instant) {
        return XML_DATE.format(instant);
    }

    /** Everything that HEAD and GET say of the version, but its length. */
    Map<String, String> headers(boolean versioned) {
        var headers = new LinkedHashMap<>(content.headers());
        headers.putIfAbsent("Content-Type", "binary/octet-stream");
        headers.put("ETag", quotedEtag());
        headers.put("Last-Modified", HTTP_DATE.format(lastModified));
        headers.put("Accept-Ranges", "bytes");
        headers.putAll(encryption.headers());
        if (versioned) headers.put("x-amz-version-id", versionId);
        if (!content.storageClass().equals("STANDARD")) headers.put("x-amz-storage-class", content.storageClass());
        if (!archiveStatus.isEmpty()) headers.put("x-amz-archive-status", archiveStatus);
        if (!restore.isEmpty()) headers.put("x-amz-restore", restore);
        if (!tags.isEmpty()) headers.put("x-amz-tagging-count", String.valueOf(tags.size()));
        return headers;
    }
}
