package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Uploads in parts.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html">Multipart upload limits</a>
 */
final class MultipartOperations {
    private static final int MOST_PARTS = 10_000;

    /** Every part but the last. */
    private static final long SMALLEST_PART = 5L << 20;

    private static final long LARGEST_PART = 5L << 30;

    private final Account account;
    private final Buckets buckets;
    private final ObjectStore store;
    private final ObjectOperations objects;
    private final CopyOperations copies;
    private final EventSender events;

    MultipartOperations(
            Account account,
            Buckets buckets,
            ObjectStore store,
            ObjectOperations objects,
            CopyOperations copies,
            EventSender events) {
        this.account = account;
        this.buckets = buckets;
        this.store = store;
        this.objects = objects;
        this.copies = copies;
        this.events = events;
    }

    AwsResponse createMultipartUpload(S3Request request) {
        var bucket = buckets.find(request);
        ObjectOperations.requireKey(request);
        var algorithm = request.header("x-amz-checksum-algorithm").map(Checksums::known);
        var type = request.header("x-amz-checksum-type")
                .orElse(
                        algorithm
                                        .filter(name -> !name.equals(Checksums.DEFAULT))
                                        .isPresent()
                                ? "COMPOSITE"
                                : "FULL_OBJECT");
        var upload = objects.upload(request, bucket, Map.of());
        var dataKey = AesGcm.newKey();
        var sealed =
                store.dataKeys().wrap(request.caller(), request, upload.encryption(), upload.customerKey(), dataKey);
        var multipart = new MultipartUpload(
                account.base32(64),
                request.key(),
                account.time().now(),
                upload,
                sealed,
                algorithm.orElse(Checksums.DEFAULT),
                type.equals("FULL_OBJECT"));
        bucket.uploads.put(multipart.id, multipart);
        var headers = new HashMap<>(sealed.encryption().headers());
        algorithm.ifPresent(name -> {
            headers.put("x-amz-checksum-algorithm", name);
            headers.put("x-amz-checksum-type", type);
        });
        return XmlText.document("InitiateMultipartUploadResult")
                .put("Bucket", bucket.name)
                .put("Key", request.key())
                .put("UploadId", multipart.id)
                .response(200, headers);
    }

    AwsResponse uploadPart(S3Request request) {
        var bucket = buckets.find(request);
        buckets.authorize(request, "s3:PutObject", request.objectArn());
        var upload = upload(request, bucket);
        var checksums = Checksums.verify(request, request.body());
        var part = add(request, upload, request.body(), checksums);
        var headers = new HashMap<>(upload.dataKey.encryption().headers());
        headers.put("ETag", part.quotedEtag());
        checksums.forEach((algorithm, value) -> headers.put(Checksums.header(algorithm), value));
        return new AwsResponse(200, headers, new byte[0]);
    }

    AwsResponse uploadPartCopy(S3Request request) {
        var bucket = buckets.find(request);
        buckets.authorize(request, "s3:PutObject", request.objectArn());
        var upload = upload(request, bucket);
        var source = copies.source(request);
        var range = request.header("x-amz-copy-source-range");
        var part = source.version().content.isZeros()
                ? addZeros(request, upload, source, range)
                : addCopied(request, upload, source, range);
        var headers = new HashMap<>(upload.dataKey.encryption().headers());
        if (source.bucket().everVersioned()) {
            headers.put("x-amz-copy-source-version-id", source.version().versionId);
        }
        var answer = XmlText.document("CopyPartResult")
                .put("LastModified", ObjectVersion.xmlDate(part.lastModified()))
                .put("ETag", part.quotedEtag());
        part.checksums().forEach((algorithm, value) -> answer.put(Checksums.element(algorithm), value));
        return answer.response(200, headers);
    }

    private MultipartUpload.Part addCopied(
            S3Request request, MultipartUpload upload, CopyOperations.Source source, Optional<String> range) {
        var body = store.read(source.address(), source.version(), source.customerKey());
        var cut = cut(range, body.length);
        if (cut.length() < body.length) body = Arrays.copyOfRange(body, (int) cut.first(), (int) cut.last() + 1);
        return add(
                request,
                upload,
                body,
                Map.of(upload.checksumAlgorithm, Checksums.compute(upload.checksumAlgorithm, body)));
    }

    /** A part of simulated bytes; who copies it needs the same keys. */
    private MultipartUpload.Part addZeros(
            S3Request request, MultipartUpload upload, CopyOperations.Source source, Optional<String> range) {
        store.requireReadable(source.address(), source.version(), source.customerKey());
        var cut = cut(range, source.version().content.size());
        store.writeZeros(cut.length());
        var md5 = account.hex(32);
        return put(
                request,
                upload,
                new MultipartUpload.Part(
                        cut.length(),
                        md5,
                        md5,
                        Map.of(upload.checksumAlgorithm, Checksums.ofZeros(upload.checksumAlgorithm, cut.length())),
                        ObjectStore.ZEROS,
                        account.time().now()));
    }

    private record Cut(long first, long last) {
        long length() {
            return last - first + 1;
        }
    }

    private static Cut cut(Optional<String> range, long size) {
        var cut = new Cut(0, size - 1);
        if (range.isPresent()) {
            var matcher = Pattern.compile("bytes=(\\d+)-(\\d+)").matcher(range.get());
            var matches = matcher.matches();
            if (matches) cut = new Cut(Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2)));
            if (!matches || cut.first() > cut.last() || cut.last() >= size) {
                throw S3Errors.invalidArgument(
                        "x-amz-copy-source-range",
                        range.get(),
                        "Range specified is not valid for source object of size: " + size);
            }
        }
        if (cut.length() > LARGEST_PART) {
            throw S3Errors.invalidRequest("The specified copy source is larger than the maximum allowable size for a"
                    + " copy source: " + LARGEST_PART);
        }
        return cut;
    }

    private MultipartUpload.Part add(
            S3Request request, MultipartUpload upload, byte[] body, Map<String, String> checksums) {
        var encryption = upload.dataKey.encryption();
        var customerKey = EncryptionHeaders.customerKeyToRead(request, encryption, false);
        var dataKey = store.dataKeys().unwrap(request.caller(), request, encryption, customerKey, upload.dataKey.key());
        var part = new MultipartUpload.Part(
                body.length,
                store.etag(body, encryption),
                Checksums.md5Hex(body),
                checksums,
                store.write(AesGcm.encrypt(dataKey, body)),
                account.time().now());
        return put(request, upload, part);
    }

    private static MultipartUpload.Part put(S3Request request, MultipartUpload upload, MultipartUpload.Part part) {
        var replaced = upload.parts.put(request.number("partNumber", 0, 1, MOST_PARTS), part);
        if (replaced != null) ObjectStore.delete(replaced.file());
        return part;
    }

    private static MultipartUpload upload(S3Request request, Bucket bucket) {
        var id = request.query("uploadId").orElse("");
        var upload = bucket.uploads.get(id);
        if (upload == null || !upload.key.equals(request.key())) throw S3Errors.noSuchUpload(id);
        return upload;
    }

    AwsResponse completeMultipartUpload(S3Request request) {
        var bucket = buckets.find(request);
        buckets.authorize(request, "s3:PutObject", request.objectArn());
        var upload = upload(request, bucket);
        var parts = chosen(Xml.parse(request.body(), "CompleteMultipartUpload"), upload);
        ObjectOperations.requireConditions(request, bucket.current(request.key()));
        var encryption = upload.dataKey.encryption();
        var customerKey = upload.upload.customerKey();
        var dataKey = store.dataKeys().unwrap(request.caller(), request, encryption, customerKey, upload.dataKey.key());
        var zeros = parts.getFirst().file().equals(ObjectStore.ZEROS);
        for (var part : parts) {
            if (part.file().equals(ObjectStore.ZEROS) != zeros) throw S3Errors.notImplemented("some simulated parts");
        }
        var body = new ByteArrayOutputStream();
        if (!zeros) {
            for (var part : parts) body.writeBytes(AesGcm.decrypt(dataKey, ObjectStore.readFile(part.file())));
        }
        var bytes = body.toByteArray();
        long size = parts.stream().mapToLong(MultipartUpload.Part::size).sum();
        var checksum = zeros ? Checksums.ofZeros(upload.checksumAlgorithm, size) : checksum(upload, parts, bytes);
        requireClaims(request, upload, size, checksum);
        var described = new ObjectStore.Upload(
                upload.upload.headers(),
                upload.upload.storageClass(),
                upload.upload.tags(),
                upload.upload.acl(),
                upload.upload.lock(),
                encryption,
                customerKey,
                Map.of(upload.checksumAlgorithm, checksum),
                parts.stream().map(MultipartUpload.Part::size).toList(),
                etag(parts));
        var version = zeros
                ? store.storeZeros(request, bucket, size, described)
                : store.store(request, bucket, bytes, described);
        discard(bucket, upload);
        events.created(request, bucket, version, "ObjectCreated:CompleteMultipartUpload", "CompleteMultipartUpload");
        var headers = ObjectOperations.written(bucket, version);
        headers.remove("ETag");
        var answer = XmlText.document("CompleteMultipartUploadResult")
                .put("Location", "/" + bucket.name + "/" + request.key())
                .put("Bucket", bucket.name)
                .put("Key", request.key())
                .put("ETag", version.quotedEtag());
        version.content
                .checksums()
                .forEach((algorithm, value) ->
                        answer.put(Checksums.element(algorithm), value).put("ChecksumType", Checksums.type(value)));
        return answer.response(200, headers);
    }

    private static List<MultipartUpload.Part> chosen(Xml request, MultipartUpload upload) {
        var parts = new ArrayList<MultipartUpload.Part>();
        int previous = 0;
        for (var named : request.children("Part")) {
            int number;
            try {
                number = Integer.parseInt(named.required("PartNumber"));
            } catch (NumberFormatException noNumber) {
                throw Xml.malformed();
            }
            if (number <= previous) {
                throw AwsException.badRequest(
                        "InvalidPartOrder",
                        "The list of parts was not in ascending order. Parts must be ordered by part number.");
            }
            previous = number;
            var part = upload.parts.get(number);
            if (part == null || !part.etag().equals(named.required("ETag").replace("\"", ""))) throw invalidPart();
            part.checksums()
                    .forEach((algorithm, value) -> named.text(Checksums.element(algorithm))
                            .filter(claimed -> !claimed.equals(value))
                            .ifPresent(other -> {
                                throw invalidPart();
                            }));
            parts.add(part);
        }
        if (parts.isEmpty()) throw Xml.malformed();
        for (var part : parts.subList(0, parts.size() - 1)) {
            if (part.size() >= SMALLEST_PART) continue;
            throw AwsException.badRequest(
                    "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
        }
        return parts;
    }

    /** Size and checksum that the request says the whole object has. */
    private static void requireClaims(S3Request request, MultipartUpload upload, long size, String checksum) {
        var claimedSize = request.header("x-amz-mp-object-size");
        if (claimedSize.isPresent() && !claimedSize.get().equals(String.valueOf(size))) {
            throw S3Errors.invalidRequest(
                    "The provided 'x-amz-mp-object-size' header value does not match what was computed");
        }
        var claimed = request.header(Checksums.header(upload.checksumAlgorithm));
        if (claimed.isPresent() && !claimed.get().equals(checksum)) {
            throw AwsException.badRequest(
                    "BadDigest",
                    "The " + upload.checksumAlgorithm + " you specified did not match the calculated checksum.");
        }
    }

    private static AwsException invalidPart() {
        return AwsException.badRequest(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the"
                        + " specified entity tag may not match the part's entity tag.");
    }

    private static String checksum(MultipartUpload upload, List<MultipartUpload.Part> parts, byte[] bytes) {
        if (upload.fullObjectChecksum) return Checksums.compute(upload.checksumAlgorithm, bytes);
        var ofParts = new ByteArrayOutputStream();
        for (var part : parts) {
            var value = part.checksums().get(upload.checksumAlgorithm);
            if (value == null) {
                throw S3Errors.invalidRequest("The upload was created using a " + upload.checksumAlgorithm
                        + " checksum. The complete request must include the checksum for each part.");
            }
            ofParts.writeBytes(Base64.getDecoder().decode(value));
        }
        return Checksums.compute(upload.checksumAlgorithm, ofParts.toByteArray()) + "-" + parts.size();
    }

    private static String etag(List<MultipartUpload.Part> parts) {
        var digests = new ByteArrayOutputStream();
        for (var part : parts) digests.writeBytes(HexFormat.of().parseHex(part.md5()));
        return Checksums.md5Hex(digests.toByteArray()) + "-" + parts.size();
    }

    AwsResponse abortMultipartUpload(S3Request request) {
        var bucket = buckets.find(request);
        buckets.authorize(request, "s3:AbortMultipartUpload", request.objectArn());
        discard(bucket, upload(request, bucket));
        return AwsResponse.empty(204);
    }

    private static void discard(Bucket bucket, MultipartUpload upload) {
        bucket.uploads.remove(upload.id);
        upload.parts.values().forEach(part -> ObjectStore.delete(part.file()));
    }

    AwsResponse listParts(S3Request request) {
        var bucket = buckets.find(request);
        buckets.authorize(request, "s3:ListMultipartUploadParts", request.objectArn());
        var upload = upload(request, bucket);
        int most = request.number("max-parts", 1000, 1, 1000);
        int marker = request.number("part-number-marker", 0, 0, MOST_PARTS);
        var rest = upload.parts.tailMap(marker, false);
        var answer = XmlText.document("ListPartsResult")
                .put("Bucket", bucket.name)
                .put("Key", request.key())
                .put("UploadId", upload.id)
                .put("PartNumberMarker", marker)
                .put("MaxParts", most)
                .put("IsTruncated", rest.size() > most);
        int last = marker;
        for (var entry : rest.entrySet().stream().limit(most).toList()) {
            last = entry.getKey();
            answer.open("Part").put("PartNumber", last);
            answer.put("LastModified", ObjectVersion.xmlDate(entry.getValue().lastModified()));
            answer.put("ETag", entry.getValue().quotedEtag())
                    .put("Size", entry.getValue().size())
                    .close("Part");
        }
        return answer.put("NextPartNumberMarker", last)
                .put("StorageClass", upload.upload.storageClass())
                .response();
    }

    AwsResponse listMultipartUploads(S3Request request) {
        var bucket = buckets.authorized(request, "s3:ListBucketMultipartUploads");
        if (request.has("key-marker") || request.has("delimiter")) {
            throw S3Errors.notImplemented("key-marker and delimiter of ListMultipartUploads");
        }
        var prefix = request.query("prefix").orElse("");
        var uploads = bucket.uploads.values().stream()
                .filter(upload -> upload.key.startsWith(prefix))
                .toList();
        if (uploads.size() > 1000) throw S3Errors.notImplemented("ListMultipartUploads of more than one page");
        var answer = XmlText.document("ListMultipartUploadsResult")
                .put("Bucket", bucket.name)
                .put("Prefix", Listings.named(request, prefix))
                .put("EncodingType", request.query("encoding-type").orElse(null))
                .put("MaxUploads", 1000)
                .put("IsTruncated", "false");
        for (var upload : uploads) {
            answer.open("Upload")
                    .put("Key", Listings.named(request, upload.key))
                    .put("UploadId", upload.id)
                    .put("StorageClass", upload.upload.storageClass())
                    .put("Initiated", ObjectVersion.xmlDate(upload.initiated))
                    .close("Upload");
        }
        return answer.response();
    }
}
