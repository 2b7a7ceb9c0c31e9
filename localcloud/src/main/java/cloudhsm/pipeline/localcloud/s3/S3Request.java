package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Set;

/**
 * A request with its address taken apart: path-style ({@code /bucket/key}) or virtual-host style
 * ({@code bucket.localhost}).
 *
 * @param bucket "" where the request is for the service itself
 * @param key "" where the request is for the bucket itself; decoded
 */
record S3Request(AwsRequest request, String bucket, String key) {
    /** The query parameters that choose an operation; all others are its arguments. */
    private static final Set<String> SUBRESOURCES = Set.of(
            "abac",
            "accelerate",
            "acl",
            "analytics",
            "attributes",
            "cors",
            "delete",
            "encryption",
            "intelligent-tiering",
            "inventory",
            "legal-hold",
            "lifecycle",
            "location",
            "logging",
            "metadataConfiguration",
            "metadataInventoryTable",
            "metadataJournalTable",
            "metadataTable",
            "metrics",
            "notification",
            "object-lock",
            "ownershipControls",
            "policy",
            "policyStatus",
            "publicAccessBlock",
            "renameObject",
            "replication",
            "requestPayment",
            "restore",
            "retention",
            "select",
            "session",
            "tagging",
            "torrent",
            "uploads",
            "versioning",
            "versions",
            "website");

    /** @throws AwsException 400 without a body where the key leads out of the bucket */
    static S3Request of(AwsRequest request) {
        var host = request.header("host").orElse("");
        var path = decoded(request.rawPath().substring(1));
        var end = host.lastIndexOf(".localhost");
        var slash = path.indexOf('/');
        if (end < 1 && slash < 0) return new S3Request(request, path, "");
        var key = end > 0 ? path : path.substring(slash + 1);
        requireInside(key);
        return new S3Request(request, end > 0 ? host.substring(0, end) : path.substring(0, slash), key);
    }

    /**
     * ".." may stand in a key as long as, read from the left, it never goes further up than the key went down.
     *
     * @throws AwsException 400 without a body
     * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html">Naming Amazon S3 objects</a>
     */
    static void requireInside(String key) {
        var depth = 0;
        for (var segment : key.split("/")) {
            if (segment.equals("..")) depth--;
            else if (!segment.isEmpty() && !segment.equals(".")) depth++;
            if (depth < 0) throw S3Errors.badAddress();
        }
    }

    /**
     * A "+" in a path is a plus sign, unlike in a form.
     *
     * @throws AwsException InvalidURI where that is not UTF-8, surrogates included, or not encoded at all
     */
    static String decoded(String path) {
        try {
            var bytes = URLDecoder.decode(path.replace("+", "%2B"), StandardCharsets.ISO_8859_1)
                    .getBytes(StandardCharsets.ISO_8859_1);
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (IllegalArgumentException | CharacterCodingException notEncoded) {
            // Assumed: key-encoding
            throw AwsException.badRequest("InvalidURI", "Couldn't parse the specified URI.");
        }
    }

    /** Method, level and subresource: what chooses the operation. */
    String route() {
        var level = bucket.isEmpty() ? "service" : key.isEmpty() ? "bucket" : "object";
        return request.method() + " " + level + " " + subresource();
    }

    private String subresource() {
        if (has("uploadId")) return has("partNumber") && hasHeader("x-amz-copy-source") ? "part-copy" : "uploadId";
        for (var name : request.query().keySet()) if (SUBRESOURCES.contains(name)) return name;
        if (query("list-type").filter("2"::equals).isPresent()) return "list-type";
        if (!key.isEmpty() && request.method().equals("PUT") && hasHeader("x-amz-copy-source")) return "copy";
        return "";
    }

    Identity caller() {
        return request.caller();
    }

    byte[] body() {
        return request.body();
    }

    Optional<String> header(String name) {
        return request.header(name);
    }

    boolean hasHeader(String name) {
        return request.header(name).isPresent();
    }

    Optional<String> query(String name) {
        return request.queryParameter(name);
    }

    boolean has(String queryParameter) {
        return request.query().containsKey(queryParameter);
    }

    Optional<String> versionId() {
        var versionId = query("versionId");
        if (versionId.filter(String::isEmpty).isPresent()) {
            throw S3Errors.invalidArgument("versionId", "", "Version id cannot be the empty string");
        }
        return versionId;
    }

    /** @throws AwsException InvalidArgument where it is no number between the two */
    int number(String queryParameter, int absent, int least, int most) {
        var text = query(queryParameter);
        if (text.isEmpty()) return absent;
        try {
            var number = Integer.parseInt(text.get());
            if (number >= least && number <= most) return number;
        } catch (NumberFormatException noNumber) {
            // Refused below.
        }
        throw S3Errors.invalidArgument(
                queryParameter,
                text.get(),
                "Provided " + queryParameter + " not an integer or within integer range " + least + " to " + most);
    }

    String bucketArn() {
        return "arn:aws:s3:::" + bucket;
    }

    String objectArn() {
        return "arn:aws:s3:::" + bucket + "/" + key;
    }
}
