package cloudhsm.pipeline.reencryption;

import cloudhsm.pipeline.reencryption.ObjectReference.Latest;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.EncodingType;

/**
 * S3's own listing, one page of it for one of ours. Keys are asked for URL-encoded, which the SDK undoes: they may hold
 * what the XML of an answer cannot.
 *
 * @param all versions, not only the current ones; delete markers have nothing to encrypt
 */
record Listing(S3Client s3, String bucket, String prefix, boolean all, int pageSize) implements ObjectSource {
    @Override
    public String list(Pages pages, String position) {
        return all ? versions(pages, position) : current(pages, position);
    }

    private String current(Pages pages, String position) {
        var listed = s3.listObjectsV2(list -> list.bucket(bucket)
                .prefix(prefix)
                .encodingType(EncodingType.URL)
                .maxKeys(pageSize)
                .continuationToken(position.isEmpty() ? null : position));
        pages.add(listed.contents().stream()
                .map(object -> new ObjectReference(bucket, object.key(), Optional.empty(), ""))
                .toList());
        return listed.isTruncated() ? listed.nextContinuationToken() : "";
    }

    private String versions(Pages pages, String position) {
        var markers = position.isEmpty() ? List.<String>of() : decoded(position);
        var listed = s3.listObjectVersions(list -> {
            list.bucket(bucket).prefix(prefix).encodingType(EncodingType.URL).maxKeys(pageSize);
            if (!markers.isEmpty()) list.keyMarker(markers.get(0)).versionIdMarker(markers.get(1));
        });
        pages.add(listed.versions().stream()
                .map(version -> new ObjectReference(
                        bucket,
                        version.key(),
                        Optional.of(version.versionId()),
                        "",
                        Boolean.TRUE.equals(version.isLatest()) ? Latest.YES : Latest.NO))
                .toList());
        return listed.isTruncated()
                ? encoded(listed.nextKeyMarker()) + "&" + encoded(listed.nextVersionIdMarker())
                : "";
    }

    private static List<String> decoded(String position) {
        return List.of(position.split("&", 2)).stream()
                .map(marker -> URLDecoder.decode(marker, StandardCharsets.UTF_8))
                .toList();
    }

    private static String encoded(String marker) {
        return URLEncoder.encode(marker, StandardCharsets.UTF_8);
    }
}
