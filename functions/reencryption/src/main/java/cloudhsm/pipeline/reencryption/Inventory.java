package cloudhsm.pipeline.reencryption;

import cloudhsm.pipeline.reencryption.ObjectReference.Latest;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonNodeParser;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;

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

    private static final String ANOTHER = "ask for an inventory that S3 has delivered whole, or leave it away";

    /** This is no inventory that can be read; the text says why and what to do. */
    static final class UnusableException extends Exception {
        private static final long serialVersionUID = 1L;

        /** @param why a sentence without its end; {@code next} as well */
        UnusableException(String why, String next) {
            super(why + ". Nothing was changed. Next: " + next + ".");
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
        var manifest = manifest(s3, path[0], path[1], uri);
        if (!text(manifest, "sourceBucket").equals(bucket)) {
            throw new UnusableException(
                    "The inventory " + uri + " is of the bucket " + text(manifest, "sourceBucket") + ", not of "
                            + bucket,
                    "give an inventory of " + bucket + ", or leave it away");
        }
        if (!text(manifest, "fileFormat").equals("CSV")) {
            throw new UnusableException(
                    "The inventory " + uri + " is in the format " + text(manifest, "fileFormat") + "; only CSV is read",
                    "configure an inventory in CSV, or leave it away");
        }
        var inventory = new Inventory(s3, path[0], manifest, bucket, prefix, all, pageSize);
        if (!inventory.columns.contains("Key") || inventory.files.contains("")) {
            throw new UnusableException(
                    "The manifest " + uri + " names no column \"Key\", or a file of the inventory without its key",
                    ANOTHER);
        }
        if (all && !inventory.columns.contains("VersionId")) {
            throw new UnusableException(
                    "The inventory " + uri + " lists current versions only",
                    "configure one of all versions, or ask for versions CURRENT");
        }
        return inventory;
    }

    private static JsonNode manifest(S3Client s3, String bucket, String key, String uri) throws UnusableException {
        try {
            var manifest = JsonNodeParser.create()
                    .parse(s3.getObjectAsBytes(get -> get.bucket(bucket).key(key))
                            .asUtf8String());
            // Null where the text is empty.
            if (manifest != null && !text(manifest, "sourceBucket").isEmpty() && isArray(manifest, "files")) {
                return manifest;
            }
        } catch (NoSuchKeyException absent) {
            throw new UnusableException("There is no " + uri, "check the inventory's URI");
        } catch (UncheckedIOException noJson) {
            // Refused below; the parser's own message would quote the contents.
        }
        throw new UnusableException(uri + " is no manifest of an S3 Inventory, or is cut off", ANOTHER);
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
        int number = 0;
        try (var content = s3.getObject(get -> get.bucket(inventoryBucket).key(file));
                var rows = new BufferedReader(
                        new InputStreamReader(new GZIPInputStream(content), StandardCharsets.UTF_8.newDecoder()))) {
            for (var row = rows.readLine(); row != null; row = rows.readLine()) {
                object(row, file, ++number).ifPresent(page::add);
                if (page.size() == pageSize) {
                    pages.add(page);
                    page.clear();
                }
            }
        } catch (NoSuchKeyException absent) {
            throw new UnusableException("The inventory's file " + file + " is not in " + inventoryBucket, ANOTHER);
        } catch (ZipException | EOFException | CharacterCodingException broken) {
            throw new UnusableException(
                    "The inventory's file " + file + " is no GZIP file of UTF-8 text, or is cut off: after row "
                            + number + " it cannot be read",
                    ANOTHER);
        } catch (IOException broken) {
            // The connection broke; of the file itself nothing is known.
            throw SdkClientException.create("The inventory's file " + file + " could not be read to its end", broken);
        }
        pages.add(page);
    }

    /** Empty for what is not to be re-encrypted. Line breaks cannot occur in a row: keys are URL-encoded. */
    private Optional<ObjectReference> object(String row, String file, int number) throws UnusableException {
        if (row.length() < 2 || !row.startsWith("\"") || !row.endsWith("\"")) {
            throw unusable(file, number, "is not a row of quoted fields");
        }
        var fields = row.substring(1, row.length() - 1).split("\",\"", -1);
        if (fields.length != columns.size()) {
            throw unusable(file, number, "has " + fields.length + " fields, but the manifest names " + columns.size());
        }
        var key = decoded(field(fields, "Key"))
                .orElseThrow(() -> unusable(file, number, "has a key that is not URL-encoded UTF-8"));
        var versionId = field(fields, "VersionId");
        if (!key.startsWith(prefix) || field(fields, "IsDeleteMarker").equals("true")) return Optional.empty();
        if (!all && field(fields, "IsLatest").equals("false")) return Optional.empty();
        // In an inventory of a bucket without versions the column is empty, and so it is for null versions.
        var version = all ? Optional.of(versionId.isEmpty() ? "null" : versionId) : Optional.<String>empty();
        return Optional.of(new ObjectReference(bucket, key, version, "", latest(field(fields, "IsLatest"))));
    }

    private static UnusableException unusable(String file, int number, String why) {
        return new UnusableException("Row " + number + " of the inventory's file " + file + " " + why, ANOTHER);
    }

    /** Empty where it is not encoded, or is not UTF-8. */
    private static Optional<String> decoded(String encoded) {
        try {
            var key = URLDecoder.decode(encoded, StandardCharsets.UTF_8);
            // The decoder puts this character where bytes make none.
            var lost =
                    key.contains("\uFFFD") && !encoded.toUpperCase(Locale.ROOT).contains("%EF%BF%BD");
            return key.isEmpty() || lost ? Optional.empty() : Optional.of(key);
        } catch (IllegalArgumentException notEncoded) {
            return Optional.empty();
        }
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

    private static boolean isArray(JsonNode node, String field) {
        return node.field(field).filter(JsonNode::isArray).isPresent();
    }

    private static String text(JsonNode node, String field) {
        return node.field(field).map(JsonNode::text).orElse("");
    }
}
