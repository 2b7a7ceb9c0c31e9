package cloudhsm.pipeline.localcloud.s3;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.CreateBucketConfiguration;
import software.amazon.awssdk.services.s3.model.MetadataDirective;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.StorageClass;

class S3ObjectTest {
    private static final String BUCKET = "quarterly-reports";

    private static final CreateBucketConfiguration TAGGED = CreateBucketConfiguration.builder()
            .locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)
            .tags(tag -> tag.key("team").value("audit"))
            .build();

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = Clients.s3(cloud);

    @BeforeEach
    void createBucket() {
        s3.createBucket(request -> request.bucket(BUCKET)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private void enableVersioning() {
        s3.putBucketVersioning(request -> request.bucket(BUCKET)
                .versioningConfiguration(versioning -> versioning.status(BucketVersioningStatus.ENABLED)));
    }

    private void put(String key, String text) {
        s3.putObject(request -> request.bucket(BUCKET).key(key), RequestBody.fromString(text));
    }

    private String get(String key) {
        return s3.getObjectAsBytes(request -> request.bucket(BUCKET).key(key)).asUtf8String();
    }

    private static S3Exception refused(org.junit.jupiter.api.function.Executable call) {
        return assertThrows(S3Exception.class, call);
    }

    private static String code(S3Exception refused) {
        return refused.awsErrorDetails().errorCode();
    }

    @Test
    void whatWasUploadedComesBackWithItsMetadata() {
        var written = s3.putObject(
                request -> request.bucket(BUCKET)
                        .key("Ünter lagen/Q3 + Q4.csv")
                        .contentType("text/csv")
                        .metadata(Map.of("author", "finance"))
                        .tagging("year=2026")
                        .checksumAlgorithm(ChecksumAlgorithm.SHA256),
                RequestBody.fromString("a;b"));
        var read = s3.getObjectAsBytes(
                request -> request.bucket(BUCKET).key("Ünter lagen/Q3 + Q4.csv").checksumMode(ChecksumMode.ENABLED));
        assertEquals("a;b", read.asUtf8String());
        assertEquals("text/csv", read.response().contentType());
        assertEquals(Map.of("author", "finance"), read.response().metadata());
        assertEquals(1, read.response().tagCount());
        assertEquals(written.checksumSHA256(), read.response().checksumSHA256());
        assertEquals("\"" + Checksums.md5Hex("a;b".getBytes(StandardCharsets.UTF_8)) + "\"", written.eTag());
        assertEquals(LocalCloud.START, read.response().lastModified(), "dates must be simulated time");
    }

    @Test
    void onDiskLiesCiphertextOnly() throws IOException {
        var text = "the payroll of all employees ".repeat(20);
        put("payroll.csv", text);
        var onDisk = Files.readAllBytes(cloud.s3().ciphertextFile(BUCKET, "payroll.csv", null));
        assertFalse(
                new String(onDisk, StandardCharsets.ISO_8859_1).contains("payroll"),
                "whoever reads the disk must not read the data");
        assertTrue(onDisk.length > text.length());
        assertEquals(text, get("payroll.csv"));
    }

    @Test
    void wrongChecksumIsRefused() {
        var refused = refused(() -> s3.putObject(
                request -> request.bucket(BUCKET).key("k").checksumCRC32("AAAAAA=="), RequestBody.fromString("text")));
        assertEquals("BadDigest", code(refused), "a transfer error must not be stored");
    }

    @Test
    void crc64NvmeIsTheStandardsOne() {
        assertEquals(
                "rosUhgp5mIg=",
                Checksums.compute("CRC64NVME", "123456789".getBytes(StandardCharsets.US_ASCII)),
                "check value ae8b14860a799888 of the CRC catalogue");
    }

    @Test
    void rangeGivesThoseBytes() {
        put("k", "0123456789");
        var part =
                s3.getObjectAsBytes(request -> request.bucket(BUCKET).key("k").range("bytes=2-4"));
        assertEquals("234", part.asUtf8String());
        assertEquals("bytes 2-4/10", part.response().contentRange());
        assertEquals(
                "InvalidRange",
                code(refused(() -> s3.getObjectAsBytes(
                        request -> request.bucket(BUCKET).key("k").range("bytes=10-")))));
    }

    @Test
    void conditionalWritesHold() {
        put("k", "first");
        assertEquals(
                412,
                refused(() -> s3.putObject(
                                request -> request.bucket(BUCKET).key("k").ifNoneMatch("*"),
                                RequestBody.fromString("second")))
                        .statusCode());
        assertEquals(
                412,
                refused(() -> s3.putObject(
                                request -> request.bucket(BUCKET).key("k").ifMatch("\"0\""),
                                RequestBody.fromString("second")))
                        .statusCode());
        assertEquals("first", get("k"));
    }

    @Test
    void deletedObjectIsHiddenByMarkerAndItsVersionStays() {
        enableVersioning();
        put("k", "text");
        var version = s3.headObject(request -> request.bucket(BUCKET).key("k")).versionId();
        var marker = s3.deleteObject(request -> request.bucket(BUCKET).key("k"));
        assertTrue(marker.deleteMarker());
        assertEquals("NoSuchKey", code(refused(() -> get("k"))));
        assertEquals(
                405,
                refused(() -> s3.headObject(
                                request -> request.bucket(BUCKET).key("k").versionId(marker.versionId())))
                        .statusCode());
        assertEquals(
                "text",
                s3.getObjectAsBytes(request -> request.bucket(BUCKET).key("k").versionId(version))
                        .asUtf8String());
        var listed = s3.listObjectVersions(request -> request.bucket(BUCKET));
        assertEquals(1, listed.versions().size());
        assertEquals(1, listed.deleteMarkers().size());
        assertEquals(
                "BucketNotEmpty",
                code(refused(() -> s3.deleteBucket(request -> request.bucket(BUCKET)))),
                "versions count");
        s3.deleteObjects(request -> request.bucket(BUCKET)
                .delete(delete -> delete.objects(
                        one -> one.key("k").versionId(version),
                        two -> two.key("k").versionId(marker.versionId()))));
        s3.deleteBucket(request -> request.bucket(BUCKET));
        assertEquals("NoSuchBucket", code(refused(() -> s3.listObjectsV2(request -> request.bucket(BUCKET)))));
    }

    @Test
    void listingGoesPageByPage() {
        for (var key : new String[] {"a/1", "a/2", "b", "c d+e"}) put(key, key);
        var keys = s3.listObjectsV2Paginator(request -> request.bucket(BUCKET).maxKeys(1)).contents().stream()
                .map(object -> object.key())
                .toList();
        assertEquals(java.util.List.of("a/1", "a/2", "b", "c d+e"), keys);
        var grouped = s3.listObjectsV2(request -> request.bucket(BUCKET).delimiter("/"));
        assertEquals("a/", grouped.commonPrefixes().getFirst().prefix());
        assertEquals(2, grouped.contents().size());
    }

    @Test
    void versionsAreListedPageByPage() {
        enableVersioning();
        for (int i = 0; i < 3; i++) put("k", "v" + i);
        put("l", "w");
        var versions = s3
                .listObjectVersionsPaginator(request -> request.bucket(BUCKET).maxKeys(2))
                .versions()
                .stream()
                .map(version -> version.versionId())
                .distinct()
                .count();
        assertEquals(4, versions, "no version may fall between two pages");
    }

    @Test
    void copyOntoItselfNeedsAChange() {
        put("k", "text");
        var refused = refused(() -> s3.copyObject(request -> request.sourceBucket(BUCKET)
                .sourceKey("k")
                .destinationBucket(BUCKET)
                .destinationKey("k")));
        assertEquals("InvalidRequest", code(refused));
    }

    @Test
    void copyTakesMetadataButNotStorageClass() {
        enableVersioning();
        s3.putObject(
                request -> request.bucket(BUCKET)
                        .key("k")
                        .metadata(Map.of("author", "finance"))
                        .storageClass(StorageClass.STANDARD_IA),
                RequestBody.fromString("text"));
        s3.copyObject(request -> request.sourceBucket(BUCKET)
                .sourceKey("k")
                .destinationBucket(BUCKET)
                .destinationKey("copy of k"));
        var copy = s3.headObject(request -> request.bucket(BUCKET).key("copy of k"));
        assertEquals(Map.of("author", "finance"), copy.metadata());
        assertEquals(null, copy.storageClass(), "AWS resets it to STANDARD");
        assertEquals("text", get("copy of k"));
    }

    @Test
    void simulatedBytesAreCopiedAsTheBytesWouldBe() {
        cloud.s3().addZeros(BUCKET, "simulated", 3 << 20, Map.of("x-amz-meta-author", "finance"), Map.of());
        var written = cloud.s3().bytesWritten();
        s3.copyObject(request -> request.sourceBucket(BUCKET)
                .sourceKey("simulated")
                .destinationBucket(BUCKET)
                .destinationKey("copy")
                .serverSideEncryption(ServerSideEncryption.AWS_KMS));
        assertEquals(3 << 20, cloud.s3().bytesWritten() - written);
        var copy = s3.headObject(request -> request.bucket(BUCKET).key("copy").checksumMode(ChecksumMode.ENABLED));
        assertEquals(Map.of("author", "finance"), copy.metadata());
        assertEquals(Checksums.compute("CRC64NVME", new byte[3 << 20]), copy.checksumCRC64NVME());
        assertEquals(3 << 20, copy.contentLength());
    }

    @Test
    void copyMayFailAfterStatus200() {
        put("k", "text");
        cloud.s3().failNextCopyAfterStatus200();
        var refused = refused(() -> s3.copyObject(request -> request.sourceBucket(BUCKET)
                .sourceKey("k")
                .destinationBucket(BUCKET)
                .destinationKey("l")
                .metadataDirective(MetadataDirective.COPY)));
        assertEquals("InternalError", code(refused));
        assertEquals(
                404,
                refused(() -> s3.headObject(request -> request.bucket(BUCKET).key("l")))
                        .statusCode());
    }

    @Test
    void partsBecomeOneObject() {
        var first = new byte[5 << 20];
        first[7] = 1;
        var upload = s3.createMultipartUpload(
                        request -> request.bucket(BUCKET).key("big").checksumAlgorithm(ChecksumAlgorithm.CRC32))
                .uploadId();
        var parts = new java.util.ArrayList<CompletedPart>();
        for (int i = 1; i <= 2; i++) {
            int number = i;
            var part = s3.uploadPart(
                    request -> request.bucket(BUCKET)
                            .key("big")
                            .uploadId(upload)
                            .partNumber(number)
                            .checksumAlgorithm(ChecksumAlgorithm.CRC32),
                    RequestBody.fromBytes(number == 1 ? first : new byte[] {42}));
            parts.add(CompletedPart.builder()
                    .partNumber(number)
                    .eTag(part.eTag())
                    .checksumCRC32(part.checksumCRC32())
                    .build());
        }
        assertEquals(
                2,
                s3.listParts(request -> request.bucket(BUCKET).key("big").uploadId(upload))
                        .parts()
                        .size());
        var done = s3.completeMultipartUpload(request ->
                request.bucket(BUCKET).key("big").uploadId(upload).multipartUpload(list -> list.parts(parts)));
        assertTrue(done.eTag().endsWith("-2\""));
        var read = s3.getObjectAsBytes(request -> request.bucket(BUCKET).key("big"))
                .asByteArray();
        assertEquals(first.length + 1, read.length);
        assertEquals(42, read[first.length]);
        assertEquals(1, read[7]);
    }

    @Test
    void smallPartsAreRefused() {
        var upload = s3.createMultipartUpload(request -> request.bucket(BUCKET).key("big"))
                .uploadId();
        var etags = new String[2];
        for (int i = 0; i < 2; i++) {
            int number = i + 1;
            etags[i] = s3.uploadPart(
                            request -> request.bucket(BUCKET)
                                    .key("big")
                                    .uploadId(upload)
                                    .partNumber(number),
                            RequestBody.fromString("x"))
                    .eTag();
        }
        var refused = refused(() -> s3.completeMultipartUpload(request -> request.bucket(BUCKET)
                .key("big")
                .uploadId(upload)
                .multipartUpload(list -> list.parts(
                        CompletedPart.builder().partNumber(1).eTag(etags[0]).build(),
                        CompletedPart.builder().partNumber(2).eTag(etags[1]).build()))));
        assertEquals("EntityTooSmall", code(refused));
    }

    @Test
    void bucketSaysWhichEncryptionItBlocks() {
        assertEquals(List.of("SSE-C"), blocked(), "of new buckets, since April 2026");
        s3.putBucketEncryption(request -> request.bucket(BUCKET)
                .serverSideEncryptionConfiguration(configuration -> configuration.rules(
                        rule -> rule.applyServerSideEncryptionByDefault(standard -> standard.sseAlgorithm("AES256"))
                                .blockedEncryptionTypes(types -> types.encryptionTypeWithStrings("NONE")))));
        assertEquals(List.of("NONE"), blocked());
    }

    private List<String> blocked() {
        return s3.getBucketEncryption(request -> request.bucket(BUCKET))
                .serverSideEncryptionConfiguration()
                .rules()
                .getFirst()
                .blockedEncryptionTypes()
                .encryptionTypeAsStrings();
    }

    @Test
    void onlyTheOwnerOfACustomerKeyReads() {
        s3.putBucketEncryption(request -> request.bucket(BUCKET)
                .serverSideEncryptionConfiguration(configuration -> configuration.rules(
                        rule -> rule.applyServerSideEncryptionByDefault(standard -> standard.sseAlgorithm("AES256"))
                                .blockedEncryptionTypes(blocked -> blocked.encryptionTypeWithStrings("NONE")))));
        var key = new byte[32];
        key[0] = 9;
        var base64 = Checksums.base64(key);
        var md5 = Checksums.base64(Checksums.digest("MD5", key));
        s3.putObject(
                request -> request.bucket(BUCKET)
                        .key("k")
                        .sseCustomerAlgorithm("AES256")
                        .sseCustomerKey(base64)
                        .sseCustomerKeyMD5(md5),
                RequestBody.fromString("text"));
        assertEquals(
                400,
                refused(() -> s3.headObject(request -> request.bucket(BUCKET).key("k")))
                        .statusCode());
        assertEquals(
                "text",
                s3.getObjectAsBytes(request -> request.bucket(BUCKET)
                                .key("k")
                                .sseCustomerAlgorithm("AES256")
                                .sseCustomerKey(base64)
                                .sseCustomerKeyMD5(md5))
                        .asUtf8String());
    }

    @Test
    void newBucketsBlockCustomerKeys() {
        var base64 = Checksums.base64(new byte[32]);
        var md5 = Checksums.base64(Checksums.digest("MD5", new byte[32]));
        var refused = refused(() -> s3.putObject(
                request -> request.bucket(BUCKET)
                        .key("k")
                        .sseCustomerAlgorithm("AES256")
                        .sseCustomerKey(base64)
                        .sseCustomerKeyMD5(md5),
                RequestBody.fromString("text")));
        assertEquals(403, refused.statusCode(), "AWS made this the default in April 2026");
    }

    @Test
    void ciphertextDiffersForTheSameData() throws IOException {
        put("a", "same");
        put("b", "same");
        var a = Files.readAllBytes(cloud.s3().ciphertextFile(BUCKET, "a", null));
        var b = Files.readAllBytes(cloud.s3().ciphertextFile(BUCKET, "b", null));
        assertNotEquals(Checksums.md5Hex(a), Checksums.md5Hex(b), "every object has a data key of its own");
        assertArrayEquals("same".getBytes(StandardCharsets.UTF_8), get("a").getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void unknownOperationIsRefusedAloud() {
        var refused = refused(() -> s3.getBucketCors(request -> request.bucket(BUCKET)));
        assertEquals(501, refused.statusCode());
    }

    @Test
    void aBucketIsMadeWithTagsByWhoMayTagIt() {
        s3.createBucket(request -> request.bucket("reports").createBucketConfiguration(TAGGED));
        assertEquals(
                "audit",
                s3.getBucketTagging(request -> request.bucket("reports"))
                        .tagSet()
                        .getFirst()
                        .value());
        var maker = Clients.s3(cloud, Clients.session(cloud, """
            {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*"}
            """));
        assertEquals(
                "AccessDenied",
                code(refused(() ->
                        maker.createBucket(request -> request.bucket("letters").createBucketConfiguration(TAGGED)))));
    }
}
