package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.authorization.Iam;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/** What is in a bucket, a page at a time. */
final class Listings {
    private static final int MOST = 1000;

    private final Buckets buckets;

    Listings(Buckets buckets) {
        this.buckets = buckets;
    }

    /**
     * One page of keys.
     *
     * @param next the last key or common prefix of this page; "" on the last page
     */
    private record Page(List<ObjectVersion> objects, List<String> prefixes, String next) {}

    AwsResponse listObjectsV2(S3Request request) {
        var bucket = authorized(request, "s3:ListBucket");
        var token = request.query("continuation-token").map(Listings::untoken);
        var after = token.orElse(request.query("start-after").orElse(""));
        var page = page(request, bucket, after);
        var answer = head(request, "ListBucketResult", bucket)
                .put("KeyCount", page.objects().size() + page.prefixes().size())
                .put("IsTruncated", !page.next().isEmpty())
                .put("ContinuationToken", request.query("continuation-token").orElse(null))
                .put(
                        "StartAfter",
                        request.query("start-after")
                                .map(key -> named(request, key))
                                .orElse(null));
        if (!page.next().isEmpty()) answer.put("NextContinuationToken", token(page.next()));
        return contents(request, answer, page, request.query("fetch-owner").equals(Optional.of("true")));
    }

    AwsResponse listObjects(S3Request request) {
        var bucket = authorized(request, "s3:ListBucket");
        var page = page(request, bucket, request.query("marker").orElse(""));
        var answer = head(request, "ListBucketResult", bucket)
                .put("IsTruncated", !page.next().isEmpty())
                .put("Marker", named(request, request.query("marker").orElse("")));
        if (!page.next().isEmpty() && request.has("delimiter")) answer.put("NextMarker", named(request, page.next()));
        return contents(request, answer, page, true);
    }

    private Bucket authorized(S3Request request, String action) {
        var bucket = buckets.find(request);
        buckets.authorize(
                request,
                action,
                request.bucketArn(),
                request.query("prefix")
                        .map(prefix -> Map.of("s3:prefix", prefix))
                        .orElse(Map.of()));
        request.query("encoding-type").filter(type -> !type.equals("url")).ifPresent(type -> {
            throw S3Errors.invalidArgument("encoding-type", type, "Invalid Encoding Method specified in Request");
        });
        return bucket;
    }

    private static Page page(S3Request request, Bucket bucket, String after) {
        var prefix = request.query("prefix").orElse("");
        var delimiter = request.query("delimiter").orElse("");
        int most = request.number("max-keys", MOST, 0, Integer.MAX_VALUE);
        most = Math.min(most, MOST);
        var objects = new ArrayList<ObjectVersion>();
        var prefixes = new TreeSet<>(Bucket::inOrder);
        var last = "";
        for (var versions : bucket.objects.tailMap(later(prefix, after), true).values()) {
            var version = versions.getFirst();
            if (!version.key.startsWith(prefix)) break;
            if (version.isDeleteMarker()) continue;
            var common = commonPrefix(version.key, prefix, delimiter);
            var name = common.isEmpty() ? version.key : common;
            if (Bucket.inOrder(name, after) <= 0 || prefixes.contains(name)) continue;
            if (objects.size() + prefixes.size() >= most) {
                return new Page(objects, List.copyOf(prefixes), most == 0 ? "" : last);
            }
            if (common.isEmpty()) objects.add(version);
            else prefixes.add(common);
            last = name;
        }
        return new Page(objects, List.copyOf(prefixes), "");
    }

    /** Where a listing goes on: nothing before either can be in it. */
    private static String later(String prefix, String marker) {
        return Bucket.inOrder(marker, prefix) > 0 ? marker : prefix;
    }

    private static String commonPrefix(String key, String prefix, String delimiter) {
        if (delimiter.isEmpty()) return "";
        var at = key.indexOf(delimiter, prefix.length());
        return at < 0 ? "" : key.substring(0, at + delimiter.length());
    }

    private static XmlText head(S3Request request, String root, Bucket bucket) {
        return XmlText.document(root)
                .put("Name", bucket.name)
                .put("Prefix", named(request, request.query("prefix").orElse("")))
                .put(
                        "Delimiter",
                        request.query("delimiter")
                                .map(text -> named(request, text))
                                .orElse(null))
                .put("MaxKeys", Math.min(MOST, request.number("max-keys", MOST, 0, Integer.MAX_VALUE)))
                .put("EncodingType", request.query("encoding-type").orElse(null));
    }

    private static AwsResponse contents(S3Request request, XmlText answer, Page page, boolean owner) {
        for (var version : page.objects()) {
            answer.open("Contents").put("Key", named(request, version.key));
            described(answer, version);
            if (owner) owner(answer);
            answer.close("Contents");
        }
        prefixes(request, answer, page.prefixes());
        return answer.response();
    }

    private static void described(XmlText answer, ObjectVersion version) {
        answer.put("LastModified", ObjectVersion.xmlDate(version.lastModified));
        if (version.isDeleteMarker()) return;
        answer.put("ETag", version.quotedEtag()).put("Size", version.content.size());
        answer.put("StorageClass", version.content.storageClass());
        version.content
                .checksums()
                .forEach((algorithm, value) ->
                        answer.put("ChecksumAlgorithm", algorithm).put("ChecksumType", Checksums.type(value)));
    }

    private static void owner(XmlText answer) {
        answer.open("Owner").put("ID", Iam.ACCOUNT).close("Owner");
    }

    private static void prefixes(S3Request request, XmlText answer, Iterable<String> prefixes) {
        for (var prefix : prefixes) {
            answer.open("CommonPrefixes").put("Prefix", named(request, prefix)).close("CommonPrefixes");
        }
    }

    AwsResponse listObjectVersions(S3Request request) {
        var bucket = authorized(request, "s3:ListBucketVersions");
        var prefix = request.query("prefix").orElse("");
        var delimiter = request.query("delimiter").orElse("");
        var keyMarker = request.query("key-marker").orElse("");
        var versionMarker = request.query("version-id-marker").orElse("");
        int most = Math.min(MOST, request.number("max-keys", MOST, 0, Integer.MAX_VALUE));
        var answer = head(request, "ListVersionsResult", bucket)
                .put("KeyMarker", named(request, keyMarker))
                .put("VersionIdMarker", versionMarker);
        var prefixes = new TreeSet<>(Bucket::inOrder);
        int listed = 0;
        ObjectVersion last = null;
        var lastPrefix = "";
        for (var versions :
                bucket.objects.tailMap(later(prefix, keyMarker), true).values()) {
            if (!versions.getFirst().key.startsWith(prefix)) break;
            // With a version marker, the marked key's later entries are still to come.
            var passed = versionMarker.isEmpty();
            for (var version : versions) {
                int order = Bucket.inOrder(version.key, keyMarker);
                if (order < 0) continue;
                if (order == 0) {
                    if (passed && versionMarker.isEmpty()) continue;
                    if (!passed) {
                        passed = version.versionId.equals(versionMarker);
                        continue;
                    }
                }
                var common = commonPrefix(version.key, prefix, delimiter);
                if (!common.isEmpty() && (prefixes.contains(common) || Bucket.inOrder(common, keyMarker) <= 0))
                    continue;
                if (listed++ >= most) {
                    answer.put("IsTruncated", most > 0);
                    if (most > 0) {
                        answer.put("NextKeyMarker", named(request, last == null ? lastPrefix : last.key));
                        if (last != null) answer.put("NextVersionIdMarker", last.versionId);
                    }
                    prefixes(request, answer, prefixes);
                    return answer.response();
                }
                if (common.isEmpty()) {
                    last = version;
                    entry(request, answer, version, version == versions.getFirst());
                } else {
                    last = null;
                    lastPrefix = common;
                    prefixes.add(common);
                }
            }
        }
        answer.put("IsTruncated", "false");
        prefixes(request, answer, prefixes);
        return answer.response();
    }

    private static void entry(S3Request request, XmlText answer, ObjectVersion version, boolean latest) {
        var element = version.isDeleteMarker() ? "DeleteMarker" : "Version";
        answer.open(element)
                .put("Key", named(request, version.key))
                .put("VersionId", version.versionId)
                .put("IsLatest", latest);
        described(answer, version);
        owner(answer);
        answer.close(element);
    }

    /** Keys may hold characters that XML 1.0 cannot; clients ask for URL encoding. */
    static String named(S3Request request, String key) {
        if (request.query("encoding-type").isEmpty()) return key;
        return URLEncoder.encode(key, StandardCharsets.UTF_8).replace("%2F", "/");
    }

    private static String token(String key) {
        return Base64.getUrlEncoder().encodeToString(key.getBytes(StandardCharsets.UTF_8));
    }

    private static String untoken(String token) {
        try {
            return new String(Base64.getUrlDecoder().decode(token), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException notOurs) {
            throw S3Errors.invalidArgument("continuation-token", token, "The continuation token provided is incorrect");
        }
    }
}
