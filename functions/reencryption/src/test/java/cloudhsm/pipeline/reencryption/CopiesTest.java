package cloudhsm.pipeline.reencryption;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.faults.Faults;
import cloudhsm.pipeline.reencryption.Outcome.Way;
import cloudhsm.pipeline.reencryption.Settings.DualLayerObjects;
import cloudhsm.pipeline.reencryption.Settings.Mode;
import cloudhsm.pipeline.reencryption.Settings.PreviousVersions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.Grant;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.StorageClass;
import software.amazon.awssdk.services.s3.model.Tag;
import software.amazon.awssdk.services.s3.model.Tier;

/** What a copy keeps, what it leaves alone, and what it costs. */
class CopiesTest {
    private static final String BUCKET = "quarterly-reports";
    private static final String AUDITOR = "0123456789abcdef".repeat(4);
    private static final long TEN_GIGABYTES = 10L << 30;
    private static final Settings COPY = new Settings(Mode.COPY, PreviousVersions.KEEP, DualLayerObjects.KEEP, 16);
    private static final Settings COPY_AND_DELETE =
            new Settings(Mode.COPY, PreviousVersions.DELETE, DualLayerObjects.COPY, 16);

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = cloud.client(S3Client.builder().forcePathStyle(true));
    private final String target = new TestKeys(cloud).create();

    CopiesTest() {
        s3.createBucket(request -> request.bucket(BUCKET)
                .createBucketConfiguration(
                        configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
        s3.putBucketEncryption(request -> request.bucket(BUCKET)
                .serverSideEncryptionConfiguration(configuration ->
                        configuration.rules(rule -> rule.applyServerSideEncryptionByDefault(standard ->
                                        standard.sseAlgorithm("aws:kms").kmsMasterKeyID(target))
                                .bucketKeyEnabled(true))));
    }

    @AfterEach
    void close() {
        cloud.close();
    }

    private void keepVersions() {
        s3.putBucketVersioning(request -> request.bucket(BUCKET)
                .versioningConfiguration(versioning -> versioning.status(BucketVersioningStatus.ENABLED)));
    }

    private Outcome reencrypt(Settings settings, String key, String versionId) {
        return new Reencryption(s3, settings, cloud.time().clock())
                .reencrypt(new ObjectReference(BUCKET, key, Optional.ofNullable(versionId), ""), Instant.MAX);
    }

    private String put(String key, String text) {
        return s3.putObject(
                        request -> request.bucket(BUCKET).key(key).serverSideEncryption(ServerSideEncryption.AES256),
                        RequestBody.fromString(text))
                .versionId();
    }

    private HeadObjectResponse head(String key) {
        return s3.headObject(request -> request.bucket(BUCKET).key(key).checksumMode(ChecksumMode.ENABLED));
    }

    private List<String> versions(String key) {
        return s3
                .listObjectVersions(
                        request -> request.bucket(BUCKET).prefix(key).encodingType(EncodingType.URL))
                .versions()
                .stream()
                .map(version -> version.versionId())
                .toList();
    }

    private List<String> unfinishedUploads() {
        return s3
                .listMultipartUploads(request -> request.bucket(BUCKET).encodingType(EncodingType.URL))
                .uploads()
                .stream()
                .map(upload -> upload.key())
                .toList();
    }

    @Test
    void copyKeepsEverythingThatS3WouldDrop() {
        s3.putObject(
                request -> request.bucket(BUCKET)
                        .key("k")
                        .serverSideEncryption(ServerSideEncryption.AES256)
                        .storageClass(StorageClass.STANDARD_IA)
                        .contentType("text/csv")
                        .cacheControl("no-store")
                        .contentLanguage("de")
                        .metadata(Map.of("origin", "hand"))
                        .tagging("year=2026")
                        .websiteRedirectLocation("/elsewhere")
                        .checksumAlgorithm(ChecksumAlgorithm.SHA256),
                RequestBody.fromString("text"));
        var before = head("k");
        assertEquals(new Outcome.Reencrypted(Way.COPY, 4), reencrypt(COPY, "k", null));
        var after = head("k");
        assertEquals(target, after.ssekmsKeyId());
        assertTrue(after.bucketKeyEnabled());
        assertEquals(StorageClass.STANDARD_IA, after.storageClass());
        assertEquals("text/csv", after.contentType());
        assertEquals("no-store", after.cacheControl());
        assertEquals("de", after.contentLanguage());
        assertEquals(Map.of("origin", "hand"), after.metadata());
        assertEquals("/elsewhere", after.websiteRedirectLocation());
        assertEquals(before.checksumSHA256(), after.checksumSHA256());
        assertEquals(
                List.of(Tag.builder().key("year").value("2026").build()),
                s3.getObjectTagging(request -> request.bucket(BUCKET).key("k")).tagSet());
        assertEquals(new Outcome.AlreadyDone(), reencrypt(COPY, "k", null));
    }

    @Test
    void errorAfterStatus200IsAnError() {
        put("k", "text");
        cloud.s3().failNextCopyAfterStatus200();
        assertEquals(new Outcome.Retry("InternalError"), reencrypt(COPY, "k", null));
        assertEquals(new Outcome.Reencrypted(Way.COPY, 4), reencrypt(COPY, "k", null));
    }

    @Test
    void onlyTheCurrentVersionIsCopiedSoTheOlderIsDeletedWhereItMustNotStay() {
        keepVersions();
        var older = put("k", "same text");
        var newer = put("k", "same text");
        assertEquals(new Outcome.Left("NOT_CURRENT_VERSION"), reencrypt(COPY, "k", older), "though the ETags agree");
        assertEquals(List.of(newer, older), versions("k"));

        s3.deleteObject(request -> request.bucket(BUCKET).key("k").versionId(older));
        assertEquals(new Outcome.Reencrypted(Way.COPY, 9), reencrypt(COPY_AND_DELETE, "k", newer));
        assertEquals(List.of(head("k").versionId()), versions("k"), "nothing is left that is not under the key");
        assertEquals(target, head("k").ssekmsKeyId());
    }

    @Test
    void previousVersionThatAPolicyKeepsIsDeletedByHand() {
        keepVersions();
        var version = put("k", "text");
        s3.putBucketPolicy(request -> request.bucket(BUCKET).policy("""
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
              "Action": "s3:DeleteObjectVersion", "Resource": "arn:aws:s3:::%s/*"}]}
            """.formatted(BUCKET)));
        assertEquals(new Outcome.Left("PREVIOUS_VERSION_NOT_DELETED"), reencrypt(COPY_AND_DELETE, "k", version));
        assertEquals(target, head("k").ssekmsKeyId(), "the copy is made");
        assertEquals(2, versions("k").size());

        s3.deleteBucketPolicy(request -> request.bucket(BUCKET));
        s3.deleteObject(request -> request.bucket(BUCKET).key("k").versionId(version));
        assertEquals(List.of(head("k").versionId()), versions("k"));
    }

    @Test
    void largeObjectWhoseKeyXmlCannotHoldIsCopiedByHandToAnotherKey() {
        var key = "photos/Icon\u0003.jpg";
        cloud.s3().addZeros(BUCKET, key, 6L << 30, Map.of(), Map.of());
        assertEquals(new Outcome.Left("KEY_NOT_IN_XML"), reencrypt(COPY, key, null));

        var upload = s3.createMultipartUpload(create -> create.bucket(BUCKET).key("photos/Icon.jpg"))
                .uploadId();
        var parts = new ArrayList<CompletedPart>();
        for (int number = 1; number <= 2; number++) {
            var part = number;
            var range = "bytes=" + (part - 1) * (3L << 30) + "-" + (part * (3L << 30) - 1);
            var copied = s3.uploadPartCopy(copy -> copy.sourceBucket(BUCKET)
                    .sourceKey(key)
                    .copySourceRange(range)
                    .destinationBucket(BUCKET)
                    .destinationKey("photos/Icon.jpg")
                    .uploadId(upload)
                    .partNumber(part));
            parts.add(CompletedPart.builder()
                    .partNumber(part)
                    .eTag(copied.copyPartResult().eTag())
                    .build());
        }
        s3.completeMultipartUpload(complete -> complete.bucket(BUCKET)
                .key("photos/Icon.jpg")
                .uploadId(upload)
                .multipartUpload(completed -> completed.parts(parts)));
        assertEquals(new Outcome.AlreadyDone(), reencrypt(COPY, "photos/Icon.jpg", null), "by the bucket's default");
        s3.deleteObject(delete -> delete.bucket(BUCKET).key(key));
        assertEquals(List.of(), versions(key));
    }

    @Test
    void unencryptedOlderVersionIsNotCopiedOverItsSuccessor() {
        keepVersions();
        var older =
                cloud.s3().addUnencrypted(BUCKET, "k", "same text".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        put("k", "same text");
        assertEquals(new Outcome.Left("NOT_CURRENT_VERSION"), reencrypt(Settings.DEFAULT, "k", older));
        assertEquals(0, cloud.calls("CopyObject"));
    }

    @Test
    void previousVersionIsDeletedOnlyWhereAsked() {
        keepVersions();
        var kept = put("kept", "text");
        reencrypt(COPY, "kept", kept);
        assertEquals(2, versions("kept").size());
        var untouched = put("deleted", "from before");
        var copied = put("deleted", "text");
        assertEquals(new Outcome.Reencrypted(Way.COPY, 4), reencrypt(COPY_AND_DELETE, "deleted", copied));
        var left = versions("deleted");
        assertEquals(2, left.size());
        assertTrue(left.contains(untouched), "only what was copied is deleted");
    }

    @Test
    void archivedObjectIsCopiedOnceItIsRestored() {
        s3.putObject(
                request -> request.bucket(BUCKET)
                        .key("k")
                        .serverSideEncryption(ServerSideEncryption.AES256)
                        .storageClass(StorageClass.GLACIER),
                RequestBody.fromString("text"));
        assertEquals(new Outcome.Left("ARCHIVED"), reencrypt(COPY, "k", null));

        s3.restoreObject(request -> request.bucket(BUCKET)
                .key("k")
                .restoreRequest(
                        restore -> restore.days(1).glacierJobParameters(parameters -> parameters.tier(Tier.STANDARD))));
        assertEquals(new Outcome.Left("ARCHIVED"), reencrypt(COPY, "k", null), "that takes hours");
        cloud.advance(Duration.ofHours(5));
        assertEquals(new Outcome.Reencrypted(Way.COPY, 4), reencrypt(COPY, "k", null));
        assertEquals(target, head("k").ssekmsKeyId());
        assertEquals(StorageClass.GLACIER, head("k").storageClass());
    }

    @Test
    void lostAnswerDoesNotCopyTwice() {
        keepVersions();
        var version = put("k", "text");
        cloud.faults().add("s3", "CopyObject", 1, Faults.Kind.ANSWER_LOST);
        assertInstanceOf(Outcome.Retry.class, reencrypt(COPY, "k", version));
        assertEquals(new Outcome.Left("NOT_CURRENT_VERSION"), reencrypt(COPY, "k", version));
        assertEquals(2, versions("k").size());
        assertEquals(target, head("k").ssekmsKeyId());
    }

    private void haveAcls(boolean publicOnesToo) {
        s3.putBucketOwnershipControls(request -> request.bucket(BUCKET)
                .ownershipControls(controls ->
                        controls.rules(rule -> rule.objectOwnership(ObjectOwnership.BUCKET_OWNER_PREFERRED))));
        if (publicOnesToo) s3.deletePublicAccessBlock(request -> request.bucket(BUCKET));
    }

    private void putForAllAndTheAuditor(String key) {
        s3.putObject(
                request -> request.bucket(BUCKET)
                        .key(key)
                        .serverSideEncryption(ServerSideEncryption.AES256)
                        .grantFullControl("id=" + AUDITOR)
                        .grantRead("uri=http://acs.amazonaws.com/groups/global/AllUsers, id=" + AUDITOR)
                        .grantReadACP("id=" + AUDITOR)
                        .grantWriteACP("id=" + AUDITOR),
                RequestBody.fromString("text"));
    }

    private List<Grant> grants(String key) {
        return s3.getObjectAcl(request -> request.bucket(BUCKET).key(key)).grants();
    }

    @Test
    void copyKeepsTheAcl() {
        haveAcls(true);
        putForAllAndTheAuditor("k");
        var before = grants("k");
        assertEquals(5, before.size());
        assertEquals(new Outcome.Reencrypted(Way.COPY, 4), reencrypt(COPY, "k", null));
        assertEquals(before, grants("k"));
        assertEquals(target, head("k").ssekmsKeyId());
    }

    @Test
    void copyInPartsKeepsTheAcl() {
        haveAcls(true);
        putForAllAndTheAuditor("k");
        var before = grants("k");
        var acls = new Acls(s3, cloud.time().clock());
        var meant = new ObjectReference(BUCKET, "k", Optional.empty(), "");
        new MultipartCopies(s3, cloud.time().clock())
                .copy(meant, head("k"), acls.of(meant, head("k")), target, Instant.MAX);
        assertEquals(before, grants("k"));
        assertEquals(target, head("k").ssekmsKeyId());
    }

    @Test
    void aclThatTheBucketWouldRefuseTodayLeavesTheObjectAsItIsUntilItIsNoLongerPublic() {
        haveAcls(true);
        putForAllAndTheAuditor("k");
        s3.putPublicAccessBlock(
                request -> request.bucket(BUCKET).publicAccessBlockConfiguration(block -> block.blockPublicAcls(true)));
        assertEquals(new Outcome.Left("PUBLIC_ACL_BLOCKED"), reencrypt(COPY, "k", null));
        assertEquals(ServerSideEncryption.AES256, head("k").serverSideEncryption(), "rather than readable by fewer");

        s3.putObjectAcl(request -> request.bucket(BUCKET)
                .key("k")
                .grantFullControl("id=" + AUDITOR)
                .grantRead("id=" + AUDITOR));
        var left = grants("k");
        assertEquals(new Outcome.Reencrypted(Way.COPY, 4), reencrypt(COPY, "k", null));
        assertEquals(target, head("k").ssekmsKeyId());
        assertEquals(left, grants("k"));
    }

    @Test
    void bucketIsAskedOnceWhetherItHasAclsAndObjectsOnlyWhereItHas() {
        var reencryption = new Reencryption(s3, COPY, cloud.time().clock());
        for (var key : List.of("a", "b", "c")) {
            put(key, "text");
            reencryption.reencrypt(new ObjectReference(BUCKET, key, Optional.empty(), ""), Instant.MAX);
        }
        assertEquals(1, cloud.calls("GetBucketOwnershipControls"));
        assertEquals(0, cloud.calls("GetObjectAcl"));
        s3.deleteBucketOwnershipControls(request -> request.bucket(BUCKET));
        put("d", "text");
        assertEquals(new Outcome.Reencrypted(Way.COPY, 4), reencrypt(COPY, "d", null));
        assertEquals(1, cloud.calls("GetObjectAcl"), "a bucket from before ownership controls");
    }

    @Test
    void nullVersionFromBeforeVersionsWereKeptIsDeletedWhereAsked() {
        put("k", "text");
        keepVersions();
        assertEquals(new Outcome.Reencrypted(Way.COPY, 4), reencrypt(COPY_AND_DELETE, "k", "null"));
        assertEquals(List.of(head("k").versionId()), versions("k"));
    }

    @Test
    void tenGigabytesAreUpdatedWithoutMovingData() {
        cloud.s3().addZeros(BUCKET, "large", TEN_GIGABYTES, Map.of(), Map.of());
        var before = cloud.endpoint().calls().size();
        assertEquals(new Outcome.Reencrypted(Way.UPDATE, TEN_GIGABYTES), reencrypt(Settings.DEFAULT, "large", null));
        assertEquals(
                List.of("GetBucketEncryption", "HeadObject", "UpdateObjectEncryption"),
                cloud.endpoint().calls().stream()
                        .skip(before)
                        .map(call -> call.operation())
                        .toList());
        assertEquals(target, head("large").ssekmsKeyId());
    }

    @Test
    void tenGigabytesAreCopiedInPartsWithChecksumAndTags() {
        keepVersions();
        var version = cloud.s3()
                .addZeros(
                        BUCKET,
                        "large",
                        TEN_GIGABYTES,
                        Map.of("Content-Type", "application/x-tar", "x-amz-meta-origin", "hand", "expires", "never"),
                        Map.of("year", "2026", "a key", "a/value"));
        var before = head("large");
        assertEquals(
                new Outcome.Reencrypted(Way.MULTIPART_COPY, TEN_GIGABYTES),
                reencrypt(COPY_AND_DELETE, "large", version));
        assertEquals(0, cloud.calls("GetObject"), "no data passes through");
        var after = head("large");
        assertEquals(target, after.ssekmsKeyId());
        assertTrue(after.bucketKeyEnabled());
        assertEquals(TEN_GIGABYTES, after.contentLength());
        assertEquals(before.checksumCRC64NVME(), after.checksumCRC64NVME());
        assertEquals("application/x-tar", after.contentType());
        assertEquals("never", after.expiresString());
        assertEquals(Map.of("origin", "hand"), after.metadata());
        assertEquals(2, after.tagCount());
        assertEquals(1, versions("large").size(), "the version that was copied is deleted");
        assertEquals(List.of(), unfinishedUploads());
    }

    /** S3 says only that it cannot return some of the metadata, which were not set by its REST API. */
    @Test
    void whatHasUnreadableMetadataIsCopiedByHandWithItsMetadataSaidAnew() {
        cloud.s3().addZeros(BUCKET, "large", TEN_GIGABYTES, Map.of("x-amz-missing-meta", "1"), Map.of());
        assertEquals(new Outcome.Left("METADATA_NOT_READABLE"), reencrypt(COPY, "large", null));
        var upload = s3.createMultipartUpload(
                        create -> create.bucket(BUCKET).key("large").metadata(Map.of("origin", "hand")))
                .uploadId();
        var half = TEN_GIGABYTES / 2;
        var parts = Stream.of(1, 2)
                .map(number -> CompletedPart.builder()
                        .partNumber(number)
                        .eTag(s3.uploadPartCopy(part -> part.sourceBucket(BUCKET)
                                        .sourceKey("large")
                                        .destinationBucket(BUCKET)
                                        .destinationKey("large")
                                        .uploadId(upload)
                                        .partNumber(number)
                                        .copySourceRange("bytes=" + (number - 1) * half + "-" + (number * half - 1)))
                                .copyPartResult()
                                .eTag())
                        .build())
                .toList();
        s3.completeMultipartUpload(complete ->
                complete.bucket(BUCKET).key("large").uploadId(upload).multipartUpload(all -> all.parts(parts)));
        assertEquals(target, head("large").ssekmsKeyId(), "the bucket's default");
        assertEquals(Map.of("origin", "hand"), head("large").metadata());
    }

    @Test
    void copyThatFailsLeavesNoPartsBehind() {
        cloud.s3().addZeros(BUCKET, "large", TEN_GIGABYTES, Map.of(), Map.of());
        cloud.faults().add("s3", "UploadPartCopy", 7, Faults.Kind.INTERNAL_ERROR);
        assertEquals(new Outcome.Retry("InternalError"), reencrypt(COPY, "large", null));
        assertEquals(List.of(), unfinishedUploads());
        assertEquals(ServerSideEncryption.AES256, head("large").serverSideEncryption(), "unchanged");
    }

    @Test
    void copyThatTakesTooLongIsGivenUpCleanly() {
        cloud.s3().addZeros(BUCKET, "large", TEN_GIGABYTES, Map.of(), Map.of());
        var outcome = new Copies(s3, COPY, cloud.time().clock())
                .copy(
                        new ObjectReference(BUCKET, "large", Optional.empty(), ""),
                        head("large"),
                        Way.MULTIPART_COPY,
                        target,
                        cloud.time().now().minusSeconds(1));
        assertEquals(new Outcome.Refused("COPY_OUT_OF_TIME"), outcome);
        assertEquals(List.of(), unfinishedUploads());
    }

    @Test
    void uploadThatArrivesDuringALargeCopyStaysCurrent() {
        var version = put("k", "older");
        var stale = head("k");
        put("k", "newer");
        var copies = new Copies(s3, COPY, cloud.time().clock());
        var meant = new ObjectReference(BUCKET, "k", Optional.ofNullable(version), "");
        try {
            copies.copy(meant, stale, Way.COPY, target, Instant.MAX);
        } catch (software.amazon.awssdk.services.s3.model.S3Exception refused) {
            assertEquals(new Outcome.Retry("PreconditionFailed"), Decision.refused(refused));
        }
        assertEquals(
                "newer",
                s3.getObjectAsBytes(request -> request.bucket(BUCKET).key("k")).asUtf8String());
    }

    @Test
    void previewChangesNothing() {
        put("k", "text");
        var preview = new Reencryption(s3, COPY, cloud.time().clock())
                .preview(new ObjectReference(BUCKET, "k", Optional.empty(), ""));
        assertEquals(new Outcome.Reencrypted(Way.COPY, 4), preview);
        assertEquals(ServerSideEncryption.AES256, head("k").serverSideEncryption());
    }
}
