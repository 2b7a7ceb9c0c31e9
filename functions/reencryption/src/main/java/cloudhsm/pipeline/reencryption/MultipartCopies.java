package cloudhsm.pipeline.reencryption;

import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.ChecksumType;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.CopyPartResult;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.Tagging;

/**
 * Copies an object above 5 GB onto itself, part by part inside S3. What CopyObject would take over by itself is
 * repeated here; a checksum of the whole object is checked by S3 before the copy becomes the object.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/CopyingObjectsMPUapi.html">Copying an object using
 *     multipart upload</a>
 */
final class MultipartCopies {
    /** Small enough for many to run at once, large enough for few requests. */
    private static final long PART = 512L << 20;

    private static final int MOST_PARTS = 10_000;

    /** Parts of one object that are copied at the same time. */
    private static final int CONCURRENCY = 16;

    private final S3Client s3;
    private final Clock clock;

    MultipartCopies(S3Client s3, Clock clock) {
        this.s3 = s3;
        this.clock = clock;
    }

    /** A part by its number from 1, and the bytes it has of the source. */
    private record Part(int number, long first, long last) {}

    /** Thrown between parts, so that the copy is given up while there is time to do that cleanly. */
    static final class OutOfTimeException extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /**
     * @param object what HeadObject said of the current version
     * @return the id of the version that the copy became, where the bucket keeps versions
     * @throws OutOfTimeException if the deadline passed; with this and any other exception no part is left behind
     */
    Optional<String> copy(
            ObjectReference meant,
            HeadObjectResponse object,
            Acls.Grants grants,
            String targetKeyArn,
            Instant deadline) {
        var checksum = checksum(meant, object);
        var upload = create(meant, object, checksum, grants, targetKeyArn);
        try {
            var parts = Parallel.map(
                    parts(object.contentLength()),
                    CONCURRENCY,
                    part -> copyPart(meant, object, upload, part, deadline));
            return complete(meant, object, checksum, upload, parts);
        } catch (RuntimeException failed) {
            abort(meant, upload);
            throw failed;
        }
    }

    private static List<Part> parts(long size) {
        // Ten thousand parts of this size are 5 TB; larger objects get larger parts.
        var partSize = Math.max(PART, Math.ceilDiv(size, MOST_PARTS));
        var parts = new ArrayList<Part>();
        for (long first = 0; first < size; first += partSize) {
            parts.add(new Part(parts.size() + 1, first, Math.min(first + partSize, size) - 1));
        }
        return parts;
    }

    /** HeadObject again, with the checksums: for those it may ask KMS, which an update must not depend on. */
    private HeadObjectResponse checksum(ObjectReference meant, HeadObjectResponse object) {
        return s3.headObject(request -> request.bucket(meant.bucket())
                .key(meant.key())
                .versionId(object.versionId())
                .ifMatch(object.eTag())
                .checksumMode(ChecksumMode.ENABLED));
    }

    private String create(
            ObjectReference meant,
            HeadObjectResponse object,
            HeadObjectResponse checksum,
            Acls.Grants grants,
            String targetKeyArn) {
        var tags = object.tagCount() == null || object.tagCount() == 0
                ? List.<software.amazon.awssdk.services.s3.model.Tag>of()
                : s3.getObjectTagging(request ->
                                request.bucket(meant.bucket()).key(meant.key()).versionId(object.versionId()))
                        .tagSet();
        return s3.createMultipartUpload(request -> request.bucket(meant.bucket())
                        .key(meant.key())
                        // As text: S3 keeps whatever was sent, a date or not.
                        .overrideConfiguration(headers -> {
                            if (object.expiresString() != null) headers.putHeader("Expires", object.expiresString());
                        })
                        .metadata(object.metadata())
                        .cacheControl(object.cacheControl())
                        .contentDisposition(object.contentDisposition())
                        .contentEncoding(object.contentEncoding())
                        .contentLanguage(object.contentLanguage())
                        .contentType(object.contentType())
                        .websiteRedirectLocation(object.websiteRedirectLocation())
                        .grantFullControl(grants.fullControl())
                        .grantRead(grants.read())
                        .grantReadACP(grants.readAcp())
                        .grantWriteACP(grants.writeAcp())
                        .storageClass(object.storageClassAsString())
                        .tagging(
                                tags.isEmpty()
                                        ? null
                                        : Tagging.builder().tagSet(tags).build())
                        .checksumAlgorithm(algorithm(checksum))
                        .checksumType(algorithm(checksum) == null ? null : checksum.checksumType())
                        .serverSideEncryption(Copies.encryption(targetKeyArn))
                        .ssekmsKeyId(targetKeyArn.isEmpty() ? null : targetKeyArn)
                        .bucketKeyEnabled(targetKeyArn.isEmpty() ? null : true))
                .uploadId();
    }

    /** Null where the object has no checksum; S3 then computes its default. */
    private static ChecksumAlgorithm algorithm(HeadObjectResponse object) {
        if (object.checksumCRC64NVME() != null) return ChecksumAlgorithm.CRC64_NVME;
        if (object.checksumCRC32C() != null) return ChecksumAlgorithm.CRC32_C;
        if (object.checksumCRC32() != null) return ChecksumAlgorithm.CRC32;
        if (object.checksumSHA256() != null) return ChecksumAlgorithm.SHA256;
        return object.checksumSHA1() == null ? null : ChecksumAlgorithm.SHA1;
    }

    private CompletedPart copyPart(
            ObjectReference meant, HeadObjectResponse object, String upload, Part part, Instant deadline) {
        if (clock.instant().isAfter(deadline)) throw new OutOfTimeException();
        var copied = s3.uploadPartCopy(request -> request.sourceBucket(meant.bucket())
                        .sourceKey(meant.key())
                        .sourceVersionId(object.versionId())
                        .copySourceIfMatch(object.eTag())
                        .copySourceRange("bytes=" + part.first() + "-" + part.last())
                        .destinationBucket(meant.bucket())
                        .destinationKey(meant.key())
                        .uploadId(upload)
                        .partNumber(part.number()))
                .copyPartResult();
        return completed(part, copied);
    }

    private static CompletedPart completed(Part part, CopyPartResult copied) {
        return CompletedPart.builder()
                .partNumber(part.number())
                .eTag(copied.eTag())
                .checksumCRC32(copied.checksumCRC32())
                .checksumCRC32C(copied.checksumCRC32C())
                .checksumCRC64NVME(copied.checksumCRC64NVME())
                .checksumSHA1(copied.checksumSHA1())
                .checksumSHA256(copied.checksumSHA256())
                .build();
    }

    private Optional<String> complete(
            ObjectReference meant,
            HeadObjectResponse object,
            HeadObjectResponse checksum,
            String upload,
            List<CompletedPart> parts) {
        // A checksum of checksums depends on where the parts were cut, so only one of the whole object can be compared.
        var whole = checksum.checksumType() == ChecksumType.FULL_OBJECT;
        var completed = s3.completeMultipartUpload(request -> request.bucket(meant.bucket())
                .key(meant.key())
                .uploadId(upload)
                .ifMatch(object.eTag())
                .mpuObjectSize(object.contentLength())
                .checksumType(whole ? ChecksumType.FULL_OBJECT : null)
                .checksumCRC32(whole ? checksum.checksumCRC32() : null)
                .checksumCRC32C(whole ? checksum.checksumCRC32C() : null)
                .checksumCRC64NVME(whole ? checksum.checksumCRC64NVME() : null)
                .multipartUpload(all -> all.parts(parts)));
        return Optional.ofNullable(completed.versionId());
    }

    /** No part is being copied any more. Where this fails too, the bucket's lifecycle rule is what is left. */
    private void abort(ObjectReference meant, String upload) {
        try {
            s3.abortMultipartUpload(
                    request -> request.bucket(meant.bucket()).key(meant.key()).uploadId(upload));
        } catch (AwsServiceException notThere) {
            if (notThere.statusCode() != 404) throw notThere; // 404: completed, though the answer was lost
        }
    }
}
