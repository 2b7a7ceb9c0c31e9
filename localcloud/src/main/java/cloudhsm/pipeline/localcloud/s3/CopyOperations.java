package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * CopyObject: a new object from an old one.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html">CopyObject</a>
 */
final class CopyOperations {
    /** "You can create a copy of your object up to 5 GB in size in a single atomic action." */
    private static final long MOST = 5L << 30;

    private static final String WEBSITE_REDIRECT = "x-amz-website-redirect-location";

    private final Buckets buckets;
    private final ObjectStore store;
    private final ObjectOperations objects;
    private final EventSender events;
    private boolean failNext;

    /**
     * What is copied.
     *
     * @param address names bucket and key, under the caller's rights
     */
    record Source(S3Request address, Bucket bucket, ObjectVersion version, byte[] customerKey) {}

    CopyOperations(Buckets buckets, ObjectStore store, ObjectOperations objects, EventSender events) {
        this.buckets = buckets;
        this.store = store;
        this.objects = objects;
        this.events = events;
    }

    /** The next copy fails after S3 has begun its answer: status 200, the error in the body, nothing copied. */
    void failNext() {
        failNext = true;
    }

    AwsResponse copyObject(S3Request request) {
        var bucket = buckets.find(request);
        ObjectOperations.requireKey(request);
        var replacesMetadata = replaces(request, "x-amz-metadata-directive");
        var replacesTags = replaces(request, "x-amz-tagging-directive");
        var source = source(request);
        refuseUnchangedSelfCopy(request, source, replacesMetadata);
        var upload = objects.upload(request, bucket, Map.of());
        var version = source.version();
        if (!replacesTags && !version.tags.isEmpty()) {
            buckets.authorize(
                    source.address(), "s3:GetObjectTagging", source.address().objectArn());
            buckets.authorize(request, "s3:PutObjectTagging", request.objectArn());
        }
        if (version.content.size() > MOST) {
            throw S3Errors.invalidRequest("The specified copy source is larger than the maximum allowable size for a"
                    + " copy source: " + MOST);
        }
        ObjectOperations.requireConditions(request, bucket.current(request.key()));
        if (failNext) {
            failNext = false;
            return XmlText.error()
                    .put("Code", "InternalError")
                    .put("Message", "We encountered an internal error. Please try again.")
                    .put("RequestId", request.request().requestId())
                    .response();
        }
        var algorithm = request.header("x-amz-checksum-algorithm")
                .map(Checksums::known)
                .orElseGet(() -> version.content.checksums().keySet().stream()
                        .findFirst()
                        .orElse(Checksums.DEFAULT));
        var described = new ObjectStore.Upload(
                replacesMetadata ? upload.headers() : headers(version, upload),
                upload.storageClass(),
                replacesTags ? upload.tags() : version.tags,
                upload.acl(),
                upload.lock(),
                upload.encryption(),
                upload.customerKey(),
                Map.of(),
                List.of(),
                "");
        var copy = version.content.isZeros()
                ? copyZeros(request, bucket, source, algorithm, described)
                : copyBytes(request, bucket, source, algorithm, described);
        events.created(request, bucket, copy, "ObjectCreated:Copy", "CopyObject");
        var headers = ObjectOperations.written(bucket, copy);
        headers.remove("ETag");
        if (source.bucket().everVersioned()) headers.put("x-amz-copy-source-version-id", version.versionId);
        var answer = XmlText.document("CopyObjectResult")
                .put("LastModified", ObjectVersion.xmlDate(copy.lastModified))
                .put("ETag", copy.quotedEtag());
        copy.content
                .checksums()
                .forEach((name, value) ->
                        answer.put(Checksums.element(name), value).put("ChecksumType", Checksums.type(value)));
        return answer.response(200, headers);
    }

    private ObjectVersion copyBytes(
            S3Request request, Bucket bucket, Source source, String algorithm, ObjectStore.Upload described) {
        var body = store.read(source.address(), source.version(), source.customerKey());
        var checksum = Map.of(algorithm, Checksums.compute(algorithm, body));
        return store.store(request, bucket, body, described.withChecksums(checksum));
    }

    private ObjectVersion copyZeros(
            S3Request request, Bucket bucket, Source source, String algorithm, ObjectStore.Upload described) {
        store.requireReadable(source.address(), source.version(), source.customerKey());
        var size = source.version().content.size();
        var checksum = Map.of(algorithm, Checksums.ofZeros(algorithm, size));
        var copy = store.storeZeros(request, bucket, size, described.withChecksums(checksum));
        store.writeZeros(size);
        return copy;
    }

    /** All of the source's but the redirect, which a copy gets only from its own request. */
    private static Map<String, String> headers(ObjectVersion source, ObjectStore.Upload upload) {
        var headers = new HashMap<>(source.content.headers());
        headers.remove(WEBSITE_REDIRECT);
        var redirect = upload.headers().get(WEBSITE_REDIRECT);
        if (redirect != null) headers.put(WEBSITE_REDIRECT, redirect);
        return headers;
    }

    private static boolean replaces(S3Request request, String directive) {
        return switch (request.header(directive).orElse("COPY")) {
            case "COPY" -> false;
            case "REPLACE" -> true;
            default ->
                throw S3Errors.invalidArgument(
                        directive, request.header(directive).orElseThrow(), "Unknown directive.");
        };
    }

    private static void refuseUnchangedSelfCopy(S3Request request, Source source, boolean replacesMetadata) {
        var sameObject = source.address().bucket().equals(request.bucket())
                && source.address().key().equals(request.key())
                && source.bucket()
                        .current(request.key())
                        .filter(source.version()::equals)
                        .isPresent();
        var changes = replacesMetadata
                || request.hasHeader("x-amz-storage-class")
                || request.hasHeader(WEBSITE_REDIRECT)
                || request.request().headers().keySet().stream()
                        .anyMatch(name -> name.startsWith("x-amz-server-side-encryption"));
        if (!sameObject || changes) return;
        throw S3Errors.invalidRequest(
                "This copy request is illegal because it is trying to copy an object to itself without changing the"
                        + " object's metadata, storage class, website redirect location or encryption attributes.");
    }

    /**
     * The version that {@code x-amz-copy-source} names, if the caller may read it and its conditions hold.
     *
     * @throws AwsException NoSuchKey, AccessDenied, PreconditionFailed, …
     */
    Source source(S3Request request) {
        var header = request.header("x-amz-copy-source").orElseThrow();
        var question = header.indexOf("?versionId=");
        var path = S3Request.decoded(question < 0 ? header : header.substring(0, question));
        if (path.startsWith("/")) path = path.substring(1);
        var slash = path.indexOf('/');
        if (slash < 1 || slash == path.length() - 1) {
            throw S3Errors.invalidArgument(
                    "x-amz-copy-source",
                    header,
                    "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
        }
        var address = new S3Request(request.request(), path.substring(0, slash), path.substring(slash + 1));
        var bucket = buckets.byName().get(address.bucket());
        if (bucket == null) throw S3Errors.noSuchBucket(address.bucket());
        buckets.authorize(address, question < 0 ? "s3:GetObject" : "s3:GetObjectVersion", address.objectArn());
        var versionId = question < 0
                ? Optional.<String>empty()
                : Optional.of(S3Request.decoded(header.substring(question + "?versionId=".length())));
        ObjectVersion version;
        try {
            version = ObjectStore.version(bucket, address.key(), versionId);
        } catch (AwsException notThere) {
            if (notThere.status() == 405) {
                throw S3Errors.invalidRequest("The source of a copy request may not specifically refer to a delete"
                        + " marker by version id.");
            }
            throw buckets.missing(address, notThere);
        }
        if (version.isArchived()) {
            throw new AwsException(
                    "ObjectNotInActiveTierError",
                    403,
                    "The source object of the COPY action is not in the active tier and is only stored in Amazon S3"
                            + " Glacier.");
        }
        requireSourceConditions(request, version);
        return new Source(
                address, bucket, version, EncryptionHeaders.customerKeyToRead(request, version.encryption, true));
    }

    private static void requireSourceConditions(S3Request request, ObjectVersion version) {
        var prefix = "x-amz-copy-source-if-";
        if (request.hasHeader(prefix + "modified-since") || request.hasHeader(prefix + "unmodified-since")) {
            throw S3Errors.notImplemented("conditions on the date of a copy's source");
        }
        request.header(prefix + "match")
                .filter(etag -> !ObjectOperations.matches(etag, version))
                .ifPresent(other -> {
                    throw S3Errors.preconditionFailed(prefix + "match");
                });
        request.header(prefix + "none-match")
                .filter(etag -> ObjectOperations.matches(etag, version))
                .ifPresent(same -> {
                    throw S3Errors.preconditionFailed(prefix + "none-match");
                });
    }
}
