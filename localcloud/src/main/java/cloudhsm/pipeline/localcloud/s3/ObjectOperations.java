package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Uploads, downloads and deletions of single objects. */
final class ObjectOperations {
    private static final Set<String> OWN_HEADERS = Set.of(
            "content-type",
            "cache-control",
            "content-disposition",
            "content-language",
            "expires",
            "x-amz-website-redirect-location");
    private static final Pattern RANGE = Pattern.compile("bytes=(\\d*)-(\\d*)");

    /** "The PUT request header is limited to 8 KB … the user-defined metadata to 2 KB", UsingMetadata. */
    private static final int MOST_METADATA = 2048;

    private final Account account;
    private final Buckets buckets;
    private final ObjectStore store;
    private final EventSender events;

    ObjectOperations(Account account, Buckets buckets, ObjectStore store, EventSender events) {
        this.account = account;
        this.buckets = buckets;
        this.store = store;
        this.events = events;
    }

    /** The simulated time. */
    Instant now() {
        return account.time().now();
    }

    AwsResponse putObject(S3Request request) {
        var bucket = buckets.find(request);
        requireKey(request);
        var upload = upload(request, bucket, Checksums.verify(request, request.body()));
        requireConditions(request, bucket.current(request.key()));
        var version = store.store(request, bucket, request.body(), upload);
        events.created(request, bucket, version, "ObjectCreated:Put", "PutObject");
        var headers = written(bucket, version);
        headers.putAll(Checksums.headers(version.content.checksums()));
        return new AwsResponse(200, headers, new byte[0]);
    }

    /** S3 allows keys of 1 to 1,024 bytes of UTF-8. */
    static void requireKey(S3Request request) {
        if (request.key().getBytes(StandardCharsets.UTF_8).length > 1024) {
            throw AwsException.badRequest("KeyTooLongError", "Your key is too long");
        }
    }

    /** What every way of writing an object answers. */
    static Map<String, String> written(Bucket bucket, ObjectVersion version) {
        var headers = new HashMap<>(version.encryption.headers());
        headers.put("ETag", version.quotedEtag());
        if (bucket.versioning == Bucket.Versioning.ENABLED) headers.put("x-amz-version-id", version.versionId);
        return headers;
    }

    /** What the request's headers say of a new object, once the caller may write it so. */
    ObjectStore.Upload upload(S3Request request, Bucket bucket, Map<String, String> checksums) {
        var encryption = EncryptionHeaders.ofUpload(request, bucket, store.dataKeys());
        buckets.authorize(
                request, "s3:PutObject", request.objectArn(), EncryptionHeaders.conditions(request, encryption));
        var acl = AccessControl.ofUpload(request, bucket, buckets);
        var tags = Tags.ofHeader(request);
        if (!tags.isEmpty()) buckets.authorize(request, "s3:PutObjectTagging", request.objectArn());
        return new ObjectStore.Upload(
                ownHeaders(request),
                ObjectStore.storageClass(request),
                tags,
                acl,
                ObjectLocks.ofUpload(request, bucket, buckets, account.time().now()),
                encryption,
                EncryptionHeaders.customerKeyOfUpload(request),
                checksums,
                List.of(),
                "");
    }

    static Map<String, String> ownHeaders(S3Request request) {
        var headers = new HashMap<String, String>();
        int metadata = 0;
        for (var header : request.request().headers().entrySet()) {
            var name = header.getKey();
            var value = String.join(",", header.getValue());
            if (name.startsWith("x-amz-meta-")) metadata += name.length() - "x-amz-meta-".length() + value.length();
            if (name.startsWith("x-amz-meta-") || OWN_HEADERS.contains(name)) headers.put(name, value);
            if (name.equals("content-encoding")) {
                var encoding = value.replaceAll("(^|,\\s*)aws-chunked", "").replaceAll("^,\\s*", "");
                if (!encoding.isBlank()) headers.put(name, encoding);
            }
        }
        if (metadata > MOST_METADATA) {
            throw AwsException.badRequest(
                    "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size");
        }
        if (headers.containsKey("content-type")) headers.put("Content-Type", headers.remove("content-type"));
        return headers;
    }

    /** If-Match and If-None-Match of a write, against what is there now. */
    static void requireConditions(S3Request request, Optional<ObjectVersion> current) {
        var there = current.filter(version -> !version.isDeleteMarker());
        var ifNoneMatch = request.header("if-none-match");
        if (ifNoneMatch.isPresent()) {
            if (!ifNoneMatch.get().equals("*")) throw S3Errors.notImplemented("If-None-Match other than *");
            if (there.isPresent()) throw S3Errors.preconditionFailed("If-None-Match");
        }
        var ifMatch = request.header("if-match");
        if (ifMatch.isEmpty()) return;
        if (there.isEmpty()) throw S3Errors.noSuchKey(request.key());
        if (!matches(ifMatch.get(), there.get())) throw S3Errors.preconditionFailed("If-Match");
    }

    static boolean matches(String etags, ObjectVersion version) {
        return Arrays.stream(etags.split(","))
                .map(etag -> etag.strip().replace("\"", ""))
                .anyMatch(etag -> etag.equals("*") || etag.equals(version.content.etag()));
    }

    AwsResponse getObject(S3Request request) {
        EncryptionHeaders.refuseOnRead(request);
        var bucket = buckets.find(request);
        var version = readable(request, bucket, "s3:GetObject", "s3:GetObjectVersion");
        var customerKey = EncryptionHeaders.customerKeyToRead(request, version.encryption, false);
        var unmodified = conditions(request, version);
        if (unmodified.isPresent()) return unmodified.get();
        if (version.isArchived()) {
            throw new AwsException(
                    "InvalidObjectState", 403, "The operation is not valid for the object's storage class");
        }
        var headers = described(request, bucket, version);
        var body = store.read(request, version, customerKey);
        var range = range(request, version.content.size());
        if (range.isEmpty()) return new AwsResponse(200, headers, body);
        headers.keySet().removeIf(name -> name.startsWith("x-amz-checksum-"));
        headers.put("Content-Range", range.get().header(body.length));
        return new AwsResponse(
                206,
                headers,
                Arrays.copyOfRange(
                        body, (int) range.get().first(), (int) range.get().last() + 1));
    }

    AwsResponse headObject(S3Request request) {
        EncryptionHeaders.refuseOnRead(request);
        var bucket = buckets.find(request);
        var version = readable(request, bucket, "s3:GetObject", "s3:GetObjectVersion");
        EncryptionHeaders.customerKeyToRead(request, version.encryption, false);
        var unmodified = conditions(request, version);
        if (unmodified.isPresent()) return unmodified.get();
        var headers = described(request, bucket, version);
        var range = range(request, version.content.size());
        long length = version.content.size();
        if (range.isPresent()) {
            headers.put("Content-Range", range.get().header(length));
            length = range.get().last() - range.get().first() + 1;
        }
        headers.put("Content-Length", String.valueOf(length));
        return new AwsResponse(range.isPresent() ? 206 : 200, headers, new byte[0]);
    }

    /** The version asked for, if the caller may see it. */
    ObjectVersion readable(S3Request request, Bucket bucket, String action, String versionAction) {
        if (request.has("partNumber")) throw S3Errors.notImplemented("partNumber when reading an object");
        buckets.authorize(request, request.versionId().isPresent() ? versionAction : action, request.objectArn());
        return existing(request, bucket);
    }

    /** @throws AwsException AccessDenied instead of "not found" for those who may not list the bucket */
    ObjectVersion existing(S3Request request, Bucket bucket) {
        try {
            return ObjectStore.version(bucket, request.key(), request.versionId());
        } catch (AwsException notFound) {
            throw notFound.status() == 404 ? buckets.missing(request, notFound) : notFound;
        }
    }

    private Map<String, String> described(S3Request request, Bucket bucket, ObjectVersion version) {
        var headers = version.headers(bucket.everVersioned());
        if (request.header("x-amz-checksum-mode").filter("ENABLED"::equals).isPresent()) {
            headers.putAll(Checksums.headers(version.content.checksums()));
        }
        if (!version.lock.mode().isEmpty() && buckets.allows(request, "s3:GetObjectRetention", request.objectArn())) {
            headers.put("x-amz-object-lock-mode", version.lock.mode());
            headers.put("x-amz-object-lock-retain-until-date", ObjectVersion.xmlDate(version.lock.retainUntil()));
        }
        if (version.lock.legalHold() && buckets.allows(request, "s3:GetObjectLegalHold", request.objectArn())) {
            headers.put("x-amz-object-lock-legal-hold", "ON");
        }
        for (var name : List.of(
                "cache-control",
                "content-disposition",
                "content-encoding",
                "content-language",
                "content-type",
                "expires")) {
            request.query("response-" + name).ifPresent(value -> {
                headers.remove("Content-Type".equalsIgnoreCase(name) ? "Content-Type" : name);
                headers.put(name, value);
            });
        }
        return headers;
    }

    private static Optional<AwsResponse> conditions(S3Request request, ObjectVersion version) {
        if (request.hasHeader("if-modified-since") || request.hasHeader("if-unmodified-since")) {
            throw S3Errors.notImplemented("If-Modified-Since and If-Unmodified-Since");
        }
        if (request.header("if-match").filter(etag -> !matches(etag, version)).isPresent()) {
            throw S3Errors.preconditionFailed("If-Match");
        }
        if (request.header("if-none-match")
                .filter(etag -> matches(etag, version))
                .isEmpty()) return Optional.empty();
        return Optional.of(new AwsResponse(304, Map.of("ETag", version.quotedEtag()), new byte[0]));
    }

    /** The first and the last byte, counted from 0, both inside the object. */
    record Range(long first, long last) {
        String header(long size) {
            return "bytes " + first + "-" + last + "/" + size;
        }
    }

    /** Empty where the request names none, or one that S3 does not understand and therefore ignores. */
    static Optional<Range> range(S3Request request, long size) {
        var matcher = RANGE.matcher(request.header("range").orElse("").toLowerCase(Locale.ROOT));
        if (!matcher.matches()) return Optional.empty();
        var from = matcher.group(1);
        var to = matcher.group(2);
        if (from.isEmpty() && to.isEmpty()) return Optional.empty();
        long first = from.isEmpty() ? Math.max(0, size - Long.parseLong(to)) : Long.parseLong(from);
        long last = from.isEmpty() || to.isEmpty() ? size - 1 : Math.min(size - 1, Long.parseLong(to));
        if (first >= size || first > last) {
            throw new AwsException("InvalidRange", 416, "The requested range is not satisfiable");
        }
        return Optional.of(new Range(first, last));
    }

    AwsResponse deleteObject(S3Request request) {
        var bucket = buckets.find(request);
        if (request.hasHeader("if-match")) {
            throw S3Errors.notImplemented("conditional deletion");
        }
        var deleted = delete(request, bucket, request.versionId());
        var headers = new HashMap<String, String>();
        deleted.ifPresent(version -> {
            if (bucket.everVersioned()) headers.put("x-amz-version-id", version.versionId);
            if (version.isDeleteMarker()) headers.put("x-amz-delete-marker", "true");
        });
        return new AwsResponse(204, headers, new byte[0]);
    }

    /**
     * Removes the version for good, or covers the object with a delete marker where versioning keeps it.
     *
     * @return what was removed, or the new delete marker; empty where there was nothing to remove
     */
    Optional<ObjectVersion> delete(S3Request request, Bucket bucket, Optional<String> versionId) {
        buckets.authorize(
                request, versionId.isPresent() ? "s3:DeleteObjectVersion" : "s3:DeleteObject", request.objectArn());
        if (versionId.isEmpty() && bucket.everVersioned()) {
            var marker = new ObjectVersion(
                    request.key(), store.newVersionId(bucket), account.time().now(), null);
            store.add(bucket, marker);
            events.removed(request, bucket, request.key(), marker.versionId, true);
            return Optional.of(marker);
        }
        var version = bucket.version(request.key(), versionId.orElse("null"));
        version.ifPresent(existing -> {
            ObjectLocks.requireDeletable(
                    request, existing, buckets, account.time().now());
            store.remove(bucket, existing);
            events.removed(request, bucket, request.key(), existing.versionId, false);
        });
        return version;
    }

    AwsResponse deleteObjects(S3Request request) {
        var bucket = buckets.find(request);
        Checksums.verify(request, request.body());
        var delete = Xml.parse(request.body(), "Delete");
        delete.allowOnly("Object", "Quiet");
        var objects = delete.children("Object");
        if (objects.isEmpty() || objects.size() > 1000) throw Xml.malformed();
        var quiet = delete.text("Quiet").filter("true"::equals).isPresent();
        var answer = XmlText.document("DeleteResult");
        for (var object : objects) {
            object.allowOnly("Key", "VersionId");
            var key = object.exactly("Key");
            var versionId = object.text("VersionId").filter(text -> !text.isEmpty());
            try {
                var deleted = delete(new S3Request(request.request(), request.bucket(), key), bucket, versionId);
                if (quiet) continue;
                answer.open("Deleted").put("Key", key).put("VersionId", versionId.orElse(null));
                if (deleted.isPresent() && deleted.get().isDeleteMarker()) {
                    answer.put("DeleteMarker", "true").put("DeleteMarkerVersionId", deleted.get().versionId);
                }
                answer.close("Deleted");
            } catch (AwsException refused) {
                answer.open("Error").put("Key", key).put("VersionId", versionId.orElse(null));
                answer.put("Code", refused.code())
                        .put("Message", refused.getMessage())
                        .close("Error");
            }
        }
        return answer.response();
    }

    AwsResponse getObjectAttributes(S3Request request) {
        var bucket = buckets.find(request);
        var version = readable(request, bucket, "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes");
        buckets.authorize(
                request, request.versionId().isPresent() ? "s3:GetObjectVersion" : "s3:GetObject", request.objectArn());
        EncryptionHeaders.customerKeyToRead(request, version.encryption, false);
        var wanted = Set.of(request.header("x-amz-object-attributes")
                .orElseThrow(() -> S3Errors.invalidArgument(
                        "x-amz-object-attributes",
                        "",
                        "The x-amz-object-attributes header specifying the attributes"
                                + " to be retrieved is either missing or empty"))
                .split(",\\s*"));
        var answer = XmlText.document("GetObjectAttributesResponse");
        if (wanted.contains("ETag")) answer.put("ETag", version.content.etag());
        if (wanted.contains("Checksum")) {
            answer.open("Checksum");
            version.content
                    .checksums()
                    .forEach((algorithm, value) ->
                            answer.put(Checksums.element(algorithm), value).put("ChecksumType", Checksums.type(value)));
            answer.close("Checksum");
        }
        if (wanted.contains("ObjectParts") && !version.content.partSizes().isEmpty()) {
            answer.open("ObjectParts")
                    .put("PartsCount", version.content.partSizes().size())
                    .close("ObjectParts");
        }
        if (wanted.contains("StorageClass")) answer.put("StorageClass", version.content.storageClass());
        if (wanted.contains("ObjectSize")) answer.put("ObjectSize", version.content.size());
        var headers = version.headers(bucket.everVersioned());
        headers.keySet().retainAll(Set.of("Last-Modified", "x-amz-version-id"));
        return answer.response(200, headers);
    }

    AwsResponse getObjectAcl(S3Request request) {
        var bucket = buckets.find(request);
        var version = readable(request, bucket, "s3:GetObjectAcl", "s3:GetObjectVersionAcl");
        return (bucket.allowsAcls() ? version.acl : AccessControl.PRIVATE).response();
    }

    AwsResponse putObjectAcl(S3Request request) {
        var bucket = buckets.find(request);
        var version = readable(request, bucket, "s3:PutObjectAcl", "s3:PutObjectVersionAcl");
        Checksums.verify(request, request.body());
        version.acl = AccessControl.ofPut(request, bucket);
        return AwsResponse.empty(200);
    }
}
