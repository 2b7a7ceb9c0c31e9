package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Tags of buckets and objects. */
final class Tags {
    /** "An object can have up to 10 tags" [S3:object-tagging]. */
    private static final int MOST_OF_OBJECT = 10;

    /** "50 tags per bucket", CostAllocTagging. */
    private static final int MOST_OF_BUCKET = 50;

    private final Buckets buckets;
    private final ObjectOperations objects;

    Tags(Buckets buckets, ObjectOperations objects) {
        this.buckets = buckets;
        this.objects = objects;
    }

    AwsResponse putBucketTagging(S3Request request) {
        var bucket = buckets.authorized(request, "s3:PutBucketTagging");
        bucket.tags = read(request.body(), MOST_OF_BUCKET);
        return AwsResponse.empty(204);
    }

    AwsResponse getBucketTagging(S3Request request) {
        var bucket = buckets.authorized(request, "s3:GetBucketTagging");
        if (bucket.tags.isEmpty()) throw new AwsException("NoSuchTagSet", 404, "The TagSet does not exist");
        return write(bucket.tags).response();
    }

    AwsResponse deleteBucketTagging(S3Request request) {
        buckets.authorized(request, "s3:PutBucketTagging").tags = Map.of();
        return AwsResponse.empty(204);
    }

    AwsResponse putObjectTagging(S3Request request) {
        var version = version(request, "s3:PutObjectTagging", "s3:PutObjectVersionTagging");
        version.tags = read(request.body(), MOST_OF_OBJECT);
        return AwsResponse.empty(200);
    }

    AwsResponse getObjectTagging(S3Request request) {
        return write(version(request, "s3:GetObjectTagging", "s3:GetObjectVersionTagging").tags)
                .response();
    }

    AwsResponse deleteObjectTagging(S3Request request) {
        version(request, "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging").tags = Map.of();
        return AwsResponse.empty(204);
    }

    private ObjectVersion version(S3Request request, String action, String versionAction) {
        return objects.readable(request, buckets.find(request), action, versionAction);
    }

    /**
     * The tags that a bucket is created with.
     *
     * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html">Tags</a>
     */
    static Map<String, String> ofNewBucket(byte[] body) {
        if (body.length == 0) return Map.of();
        return Xml.parse(body, "CreateBucketConfiguration")
                .child("Tags")
                .map(set -> read(set, MOST_OF_BUCKET))
                .orElse(Map.of());
    }

    /** The tags of an upload, form-encoded in a header. */
    static Map<String, String> ofHeader(S3Request request) {
        var header = request.header("x-amz-tagging").orElse("");
        var tags = new LinkedHashMap<String, String>();
        for (var pair : header.split("&")) {
            if (pair.isEmpty()) continue;
            var equals = pair.indexOf('=');
            add(
                    tags,
                    decoded(equals < 0 ? pair : pair.substring(0, equals)),
                    equals < 0 ? "" : decoded(pair.substring(equals + 1)));
        }
        return checked(tags, MOST_OF_OBJECT);
    }

    /** The tags of a form's field, which has the document that PutObjectTagging takes, as the header of a PUT has them. */
    static String asHeader(String xml) {
        return read(xml.getBytes(StandardCharsets.UTF_8), MOST_OF_OBJECT).entrySet().stream()
                .map(tag -> encoded(tag.getKey()) + "=" + encoded(tag.getValue()))
                .collect(Collectors.joining("&"));
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    private static Map<String, String> read(byte[] body, int most) {
        return read(Xml.parse(body, "Tagging").child("TagSet").orElseThrow(Xml::malformed), most);
    }

    private static Map<String, String> read(Xml set, int most) {
        var tags = new LinkedHashMap<String, String>();
        for (var tag : set.children("Tag")) add(tags, tag.required("Key"), tag.required("Value"));
        return checked(tags, most);
    }

    private static void add(Map<String, String> tags, String key, String value) {
        if (tags.put(key, value) != null) {
            throw AwsException.badRequest("InvalidTag", "Cannot provide multiple Tags with the same key");
        }
    }

    private static Map<String, String> checked(Map<String, String> tags, int most) {
        if (tags.size() > most) {
            throw AwsException.badRequest("BadRequest", "Object tags cannot be greater than " + most);
        }
        tags.forEach((key, value) -> {
            if (key.isEmpty() || key.length() > 128 || key.startsWith("aws:")) {
                throw AwsException.badRequest("InvalidTag", "The TagKey you have provided is invalid");
            }
            if (value.length() > 256) {
                throw AwsException.badRequest("InvalidTag", "The TagValue you have provided is invalid");
            }
        });
        return Map.copyOf(tags);
    }

    private static XmlText write(Map<String, String> tags) {
        var answer = XmlText.document("Tagging").open("TagSet");
        new TreeMap<>(tags)
                .forEach((key, value) ->
                        answer.open("Tag").put("Key", key).put("Value", value).close("Tag"));
        return answer.close("TagSet");
    }
}
