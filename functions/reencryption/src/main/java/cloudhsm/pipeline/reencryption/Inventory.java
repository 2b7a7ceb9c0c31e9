package cloudhsm.pipeline.reencryption;

import cloudhsm.pipeline.reencryption.ObjectReference.Latest;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonNodeParser;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * An S3 Inventory in CSV: one of its files at a time.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html">Where an
 *     inventory lies</a>
 */
final class Inventory implements ObjectSource {
    private final S3Client s3;
    private final String inventoryBucket;
    private final List<String> files;
    private final List<String> columns;
    private final String bucket;
    private final String prefix;
    private final boolean all;
    private final int pageSize;

    /** This is no inventory that can be read; the text says why and what to do. */
    static final class UnusableException extends Exception {
        private static final long serialVersionUID = 1L;

        UnusableException(String why) {
            super(why);
        }
    }

    private Inventory(
            S3Client s3,
            String inventoryBucket,
            JsonNode manifest,
            String bucket,
            String prefix,
            boolean all,
            int pageSize) {
        this.s3 = s3;
        this.inventoryBucket = inventoryBucket;
        this.files = manifest.field("files").map(JsonNode::asArray).orElse(List.of()).stream()
                .map(file -> text(file, "key"))
                .toList();
        this.columns = List.of(text(manifest, "fileSchema").split(", *"));
        this.bucket = bucket;
        this.prefix = prefix;
        this.all = all;
        this.pageSize = pageSize;
    }

    /** @param uri of manifest.json, s3://BUCKET/KEY */
    static Inventory open(S3Client s3, String bucket, String prefix, boolean all, String uri, int pageSize)
            throws UnusableException {
        var path = uri.substring("s3://".length()).split("/", 2);
        var manifest = JsonNodeParser.create()
                .parse(s3.getObjectAsBytes(get -> get.bucket(path[0]).key(path[1]))
                        .asUtf8String());
        if (!text(manifest, "sourceBucket").equals(bucket)) {
            throw new UnusableException("The inventory " + uri + " is of the bucket " + text(manifest, "sourceBucket")
                    + ", not of " + bucket + ".");
        }
        if (!text(manifest, "fileFormat").equals("CSV")) {
            throw new UnusableException("The inventory " + uri + " is in the format " + text(manifest, "fileFormat")
                    + "; only CSV is read. Next: configure an inventory in CSV, or leave it away.");
        }
        var inventory = new Inventory(s3, path[0], manifest, bucket, prefix, all, pageSize);
        if (all && !inventory.columns.contains("VersionId")) {
            throw new UnusableException("The inventory " + uri + " lists current versions only. Next: configure one of"
                    + " all versions, or ask for versions CURRENT.");
        }
        return inventory;
    }

    /** The position is the number of files that are done. */
    @Override
    public String list(Pages pages, String position) throws UnusableException {
        var file = position.isEmpty() ? 0 : Integer.parseInt(position);
        if (file < files.size()) read(pages, files.get(file));
        return file + 1 < files.size() ? String.valueOf(file + 1) : "";
    }

    private void read(Pages pages, String file) throws UnusableException {
        var page = new ArrayList<ObjectReference>();
        try (var content = s3.getObject(get -> get.bucket(inventoryBucket).key(file));
                var rows = new BufferedReader(
                        new InputStreamReader(new GZIPInputStream(content), StandardCharsets.UTF_8))) {
            for (var row = rows.readLine(); row != null; row = rows.readLine()) {
                object(row, file).ifPresent(page::add);
                if (page.size() == pageSize) {
                    pages.add(page);
                    page.clear();
                }
            }
        } catch (IOException broken) {
            throw new UncheckedIOException("The inventory's file " + file + " could not be read to its end", broken);
        }
        pages.add(page);
    }

    /** Empty for what is not to be re-encrypted. Line breaks cannot occur in a row: keys are URL-encoded. */
    private Optional<ObjectReference> object(String row, String file) throws UnusableException {
        var fields = row.substring(1, row.length() - 1).split("\",\"", -1);
        if (fields.length != columns.size()) {
            throw new UnusableException("A row of the inventory's file " + file + " has " + fields.length
                    + " fields, but its manifest names " + columns.size() + ".");
        }
        var key = URLDecoder.decode(field(fields, "Key"), StandardCharsets.UTF_8);
        var versionId = field(fields, "VersionId");
        if (!key.startsWith(prefix) || field(fields, "IsDeleteMarker").equals("true")) return Optional.empty();
        if (!all && field(fields, "IsLatest").equals("false")) return Optional.empty();
        // In an inventory of a bucket without versions the column is empty, and so it is for null versions.
        var version = all ? Optional.of(versionId.isEmpty() ? "null" : versionId) : Optional.<String>empty();
        return Optional.of(new ObjectReference(bucket, key, version, "", latest(field(fields, "IsLatest"))));
    }

    private static Latest latest(String isLatest) {
        return switch (isLatest) {
            case "true" -> Latest.YES;
            case "false" -> Latest.NO;
            default -> Latest.NOT_SAID;
        };
    }

    private String field(String[] fields, String column) {
        var index = columns.indexOf(column);
        return index < 0 ? "" : fields[index];
    }

    private static String text(JsonNode node, String field) {
        return node.field(field).map(JsonNode::text).orElse("");
    }
}
