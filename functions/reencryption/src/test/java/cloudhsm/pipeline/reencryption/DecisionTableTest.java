package cloudhsm.pipeline.reencryption;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.reencryption.ObjectReference.Latest;
import cloudhsm.pipeline.reencryption.Outcome.Way;
import cloudhsm.pipeline.reencryption.Settings.DualLayerObjects;
import cloudhsm.pipeline.reencryption.Settings.Mode;
import cloudhsm.pipeline.reencryption.Settings.PreviousVersions;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketLocationConstraint;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.ObjectLockLegalHoldStatus;
import software.amazon.awssdk.services.s3.model.ObjectLockMode;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.StorageClass;

/** What becomes of an object, for each kind of object and each mode, and how many requests to S3 that takes. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DecisionTableTest {
    private static final String VERSIONED = "with-versions";
    private static final String PLAIN = "without-versions";
    private static final String SUSPENDED = "suspended";
    private static final Set<String> OF_BUCKETS = Set.of("GetBucketEncryption", "GetBucketOwnershipControls");
    private static final String UPDATED = "REENCRYPTED UPDATE";
    private static final String COPIED = "REENCRYPTED COPY";

    private final LocalCloud cloud = LocalCloud.start();
    private final S3Client s3 = cloud.client(S3Client.builder().forcePathStyle(true));
    private final TestKeys keys = new TestKeys(cloud);
    private final String target = keys.create();
    private final String other = keys.create();
    private int count;

    DecisionTableTest() {
        for (var bucket : List.of(VERSIONED, PLAIN, SUSPENDED)) {
            s3.createBucket(request -> request.bucket(bucket)
                    .objectLockEnabledForBucket(bucket.equals(VERSIONED))
                    .createBucketConfiguration(
                            configuration -> configuration.locationConstraint(BucketLocationConstraint.EU_CENTRAL_1)));
            s3.putBucketEncryption(request -> request.bucket(bucket)
                    .serverSideEncryptionConfiguration(configuration ->
                            configuration.rules(rule -> rule.applyServerSideEncryptionByDefault(standard ->
                                            standard.sseAlgorithm("aws:kms").kmsMasterKeyID(target))
                                    .blockedEncryptionTypes(blocked -> blocked.encryptionTypeWithStrings("NONE"))
                                    .bucketKeyEnabled(true))));
        }
        versioning(SUSPENDED, BucketVersioningStatus.ENABLED);
    }

    @AfterAll
    void close() {
        cloud.close();
    }

    private void versioning(String bucket, BucketVersioningStatus status) {
        s3.putBucketVersioning(request -> request.bucket(bucket).versioningConfiguration(set -> set.status(status)));
    }

    /**
     * One line of the table.
     *
     * @param object makes the object under this key, and says what is to be re-encrypted
     * @param update the outcome in UPDATE mode and the number of requests to S3
     * @param copy the same in COPY mode
     */
    record Cell(String name, Function<String, ObjectReference> object, String update, String copy) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Cell cell(String name, Function<String, ObjectReference> object, String update, String copy) {
        return new Cell(name, object, update, copy);
    }

    /** An upload, as its event names it. */
    private ObjectReference put(String bucket, String key, Consumer<PutObjectRequest.Builder> how) {
        var put = s3.putObject(
                request -> how.accept(request.bucket(bucket).key(key)), RequestBody.fromString("text of " + key));
        return new ObjectReference(
                bucket, key, Optional.ofNullable(put.versionId()), put.eTag().replace("\"", ""));
    }

    private ObjectReference sseS3(String bucket, String key) {
        return put(bucket, key, request -> request.serverSideEncryption(ServerSideEncryption.AES256));
    }

    private ObjectReference under(String keyArn, String key) {
        return put(
                VERSIONED,
                key,
                request -> request.serverSideEncryption(ServerSideEncryption.AWS_KMS)
                        .ssekmsKeyId(keyArn));
    }

    private ObjectReference ofClass(StorageClass storageClass, String key) {
        return put(
                VERSIONED,
                key,
                request -> request.serverSideEncryption(ServerSideEncryption.AES256)
                        .storageClass(storageClass));
    }

    private ObjectReference retained(ObjectLockMode mode, Duration how, String key) {
        return put(
                VERSIONED,
                key,
                request -> request.serverSideEncryption(ServerSideEncryption.AES256)
                        .objectLockMode(mode)
                        .objectLockRetainUntilDate(cloud.time().now().plus(how)));
    }

    private ObjectReference unencrypted(String key) {
        var version = cloud.s3().addUnencrypted(VERSIONED, key, "text".getBytes(StandardCharsets.UTF_8));
        return new ObjectReference(VERSIONED, key, Optional.of(version), "");
    }

    private static ObjectReference listed(ObjectReference object, Latest latest) {
        return new ObjectReference(object.bucket(), object.key(), object.versionId(), "", latest);
    }

    private ObjectReference covered(ObjectReference object) {
        sseS3(object.bucket(), object.key());
        return object;
    }

    private ObjectReference deleted(ObjectReference object) {
        s3.deleteObject(request -> request.bucket(object.bucket()).key(object.key()));
        return object;
    }

    private ObjectReference marker(String key) {
        sseS3(VERSIONED, key);
        var marker =
                s3.deleteObject(request -> request.bucket(VERSIONED).key(key)).versionId();
        return new ObjectReference(VERSIONED, key, Optional.of(marker), "");
    }

    private ObjectReference gone(String key) {
        var object = sseS3(VERSIONED, key);
        s3.deleteObject(request ->
                request.bucket(VERSIONED).key(key).versionId(object.versionId().orElseThrow()));
        return object;
    }

    private ObjectReference held(String key) {
        return put(
                VERSIONED,
                key,
                request -> request.serverSideEncryption(ServerSideEncryption.AES256)
                        .objectLockLegalHoldStatus(ObjectLockLegalHoldStatus.ON));
    }

    private ObjectReference tiered(String tier, String key) {
        var object = ofClass(StorageClass.INTELLIGENT_TIERING, key);
        cloud.s3().archive(VERSIONED, key, tier);
        return object;
    }

    private ObjectReference customerKey(String key) {
        return put(
                VERSIONED,
                key,
                request -> request.sseCustomerAlgorithm("AES256")
                        .sseCustomerKey(Base64.getEncoder().encodeToString(new byte[32]))
                        .sseCustomerKeyMD5("cLyPS3KoaSFGi/joRB3OUQ=="));
    }

    private ObjectReference nullVersion(String key) {
        versioning(SUSPENDED, BucketVersioningStatus.SUSPENDED);
        sseS3(SUSPENDED, key);
        return new ObjectReference(SUSPENDED, key, Optional.of("null"), "");
    }

    private ObjectReference nullVersionFromBefore(String key) {
        var object = nullVersion(key);
        versioning(SUSPENDED, BucketVersioningStatus.ENABLED);
        return object;
    }

    private ObjectReference overwritten(String key) {
        var object = sseS3(PLAIN, key);
        put(
                PLAIN,
                key,
                request -> request.serverSideEncryption(ServerSideEncryption.AES256)
                        .storageClass(StorageClass.STANDARD)
                        .contentType("text/plain"));
        s3.putObject(
                request -> request.bucket(PLAIN).key(key).serverSideEncryption(ServerSideEncryption.AES256),
                RequestBody.fromString("newer"));
        return object;
    }

    private ObjectReference dualLayer(String key) {
        return put(VERSIONED, key, request -> request.serverSideEncryption(ServerSideEncryption.AWS_KMS_DSSE));
    }

    private ObjectReference unreadable(Consumer<String> taken, String key) {
        var own = keys.create();
        var object = under(own, key);
        cloud.advance(Duration.ofMinutes(10)); // S3 forgets its Bucket Key
        taken.accept(own);
        return object;
    }

    Stream<Cell> cells() {
        return Stream.of(
                cell("SSE-S3", key -> sseS3(VERSIONED, key), UPDATED + " 2", COPIED + " 2"),
                cell("SSE-S3 without versions", key -> sseS3(PLAIN, key), UPDATED + " 2", COPIED + " 2"),
                cell(
                        "aws/s3",
                        key -> put(VERSIONED, key, put -> put.serverSideEncryption(ServerSideEncryption.AWS_KMS)),
                        UPDATED + " 2",
                        COPIED + " 2"),
                cell("another KMS key", key -> under(other, key), UPDATED + " 2", COPIED + " 2"),
                cell(
                        "another KMS key, disabled",
                        key -> unreadable(keys::disable, key),
                        "RETRY KMS.DisabledException 2",
                        "RETRY KMS.DisabledException 2"),
                cell(
                        "another KMS key, pending deletion",
                        key -> unreadable(keys::scheduleDeletion, key),
                        "RETRY KMS.KMSInvalidStateException 2",
                        "RETRY KMS.KMSInvalidStateException 2"),
                cell("the target key", key -> under(target, key), "ALREADY_DONE 1", "ALREADY_DONE 1"),
                cell("DSSE-KMS", this::dualLayer, "LEFT DSSE_KMS 1", "LEFT DSSE_KMS 1"),
                cell("SSE-C", this::customerKey, "LEFT SSE_C 2", "LEFT SSE_C 2"),
                cell("unencrypted", key -> listed(unencrypted(key), Latest.YES), COPIED + " 2", COPIED + " 2"),
                cell("unencrypted, by its key alone", key -> unencrypted(key).current(), COPIED + " 2", COPIED + " 2"),
                cell("unencrypted, not known to be current", this::unencrypted, COPIED + " 3", COPIED + " 2"),
                cell(
                        "unencrypted, listed as noncurrent",
                        key -> listed(covered(unencrypted(key)), Latest.NO),
                        "LEFT NOT_CURRENT_VERSION 1",
                        "LEFT NOT_CURRENT_VERSION 1"),
                cell(
                        "unencrypted, covered since it was listed",
                        key -> listed(covered(unencrypted(key)), Latest.YES),
                        "LEFT NOT_CURRENT_VERSION 3",
                        "LEFT NOT_CURRENT_VERSION 1"),
                cell(
                        "unencrypted, under a delete marker",
                        key -> deleted(unencrypted(key)),
                        "LEFT NOT_CURRENT_VERSION 2",
                        "GONE NOT_FOUND 1"),
                cell(
                        "SSE-S3, listed as noncurrent",
                        key -> listed(covered(sseS3(VERSIONED, key)), Latest.NO),
                        UPDATED + " 2",
                        "LEFT NOT_CURRENT_VERSION 1"),
                cell(
                        "SSE-S3, covered since it was listed",
                        key -> listed(covered(sseS3(VERSIONED, key)), Latest.YES),
                        UPDATED + " 3",
                        "LEFT NOT_CURRENT_VERSION 1"),
                cell(
                        "under a delete marker",
                        key -> listed(deleted(sseS3(VERSIONED, key)), Latest.YES),
                        UPDATED + " 3",
                        "GONE NOT_FOUND 1"),
                cell(
                        "covered since its event",
                        key -> covered(sseS3(VERSIONED, key)),
                        UPDATED + " 2",
                        "LEFT NOT_CURRENT_VERSION 1"),
                cell("overwritten since its event", this::overwritten, "GONE OVERWRITTEN 1", "GONE OVERWRITTEN 1"),
                cell("null version", this::nullVersion, UPDATED + " 2", COPIED + " 2"),
                cell(
                        "null version from before versions were kept",
                        this::nullVersionFromBefore,
                        UPDATED + " 2",
                        COPIED + " 2"),
                cell("delete marker", this::marker, "GONE DELETE_MARKER 1", "GONE NOT_FOUND 1"),
                cell("deleted version", this::gone, "GONE NOT_FOUND 1", "GONE NOT_FOUND 1"),
                cell(
                        "governance",
                        key -> retained(ObjectLockMode.GOVERNANCE, Duration.ofDays(1), key),
                        "LEFT LOCKED_GOVERNANCE 1",
                        "LEFT LOCKED_GOVERNANCE 1"),
                cell(
                        "compliance",
                        key -> retained(ObjectLockMode.COMPLIANCE, Duration.ofDays(1), key),
                        "LEFT LOCKED_COMPLIANCE 1",
                        "LEFT LOCKED_COMPLIANCE 1"),
                cell("legal hold", this::held, "LEFT LEGAL_HOLD 1", "LEFT LEGAL_HOLD 1"),
                cell(
                        "retention that has passed",
                        key -> {
                            var object = retained(ObjectLockMode.COMPLIANCE, Duration.ofMinutes(1), key);
                            cloud.advance(Duration.ofMinutes(2));
                            return object;
                        },
                        UPDATED + " 2",
                        COPIED + " 2"),
                cell("GLACIER", key -> ofClass(StorageClass.GLACIER, key), UPDATED + " 2", "LEFT ARCHIVED 1"),
                cell("DEEP_ARCHIVE", key -> ofClass(StorageClass.DEEP_ARCHIVE, key), UPDATED + " 2", "LEFT ARCHIVED 1"),
                cell("GLACIER_IR", key -> ofClass(StorageClass.GLACIER_IR, key), UPDATED + " 2", COPIED + " 2"),
                cell("archive tier", key -> tiered("ARCHIVE_ACCESS", key), UPDATED + " 2", "LEFT ARCHIVED 1"),
                cell("deep archive tier", key -> tiered("DEEP_ARCHIVE_ACCESS", key), UPDATED + " 2", "LEFT ARCHIVED 1"),
                cell(
                        "frequent tier",
                        key -> ofClass(StorageClass.INTELLIGENT_TIERING, key),
                        UPDATED + " 2",
                        COPIED + " 2"));
    }

    private Reencryption reencryption(Mode mode, DualLayerObjects dualLayer) {
        return new Reencryption(
                s3,
                new Settings(mode, PreviousVersions.KEEP, dualLayer, 16),
                cloud.time().clock());
    }

    /** The outcome and the number of requests about the object, those that are remembered by bucket left out. */
    private String reencrypt(Reencryption reencryption, ObjectReference object) {
        var before = cloud.endpoint().calls().size();
        var outcome = reencryption.reencrypt(object, Instant.MAX);
        var requests = cloud.endpoint().calls().stream()
                .skip(before)
                .filter(call -> call.service().equals("s3") && !OF_BUCKETS.contains(call.operation()))
                .count();
        if (outcome instanceof Outcome.Reencrypted) assertUnderTheTarget(object);
        return named(outcome) + " " + requests;
    }

    private static String named(Outcome outcome) {
        return (outcome.name() + " " + outcome.reason()).strip();
    }

    /** The version meant, or the copy that is current now. */
    private void assertUnderTheTarget(ObjectReference object) {
        var meant = s3.headObject(request -> request.bucket(object.bucket())
                .key(object.key())
                .versionId(object.versionId().orElse(null)));
        if (target.equals(meant.ssekmsKeyId())) return;
        var current = s3.headObject(request -> request.bucket(object.bucket()).key(object.key()));
        assertEquals(target, current.ssekmsKeyId());
        assertEquals(meant.contentLength(), current.contentLength());
    }

    @ParameterizedTest
    @MethodSource("cells")
    void everyCellHasItsOutcomeAndItsCost(Cell cell) {
        var update = cell.object().apply("updated " + count++);
        assertEquals(cell.update(), reencrypt(reencryption(Mode.UPDATE, DualLayerObjects.KEEP), update));
        var copy = cell.object().apply("copied " + count++);
        assertEquals(cell.copy(), reencrypt(reencryption(Mode.COPY, DualLayerObjects.KEEP), copy));
    }

    @ParameterizedTest
    @MethodSource("cells")
    void asDryRunEveryCellTellsTheSameOfWhatS3WouldNotRefuse(Cell cell) {
        if (cell.update().startsWith("RETRY")) return;
        var before = cloud.calls("CopyObject") + cloud.calls("UpdateObjectEncryption");
        var told = reencryption(Mode.UPDATE, DualLayerObjects.KEEP)
                .preview(cell.object().apply("preview " + count++));
        assertEquals(cell.update().replaceFirst(" \\d$", ""), named(told));
        assertEquals(before, cloud.calls("CopyObject") + cloud.calls("UpdateObjectEncryption"));
    }

    @Test
    void dualLayerObjectsAreCopiedWhereAsked() {
        for (var mode : Mode.values()) {
            var asked = reencryption(mode, DualLayerObjects.COPY);
            assertEquals(COPIED + " 2", reencrypt(asked, dualLayer("dual " + mode)));
            var covered = covered(dualLayer("dual covered " + mode));
            assertEquals(
                    "LEFT NOT_CURRENT_VERSION " + (mode == Mode.UPDATE ? 2 : 1),
                    reencrypt(asked, covered),
                    "a copy would take the newer upload's place");
        }
    }

    @Test
    void whatUpdateObjectEncryptionRefusesIsCopiedWhereACopyCanServe() {
        cloud.s3().refuseEncryptionUpdates(true);
        try {
            var update = reencryption(Mode.UPDATE, DualLayerObjects.KEEP);
            assertEquals(COPIED + " 3", reencrypt(update, under(other, "refused under another key")));
            assertEquals(COPIED + " 3", reencrypt(update, sseS3(PLAIN, "refused without versions")));
            assertEquals(COPIED + " 4", reencrypt(update, sseS3(VERSIONED, "refused")));
            assertEquals(
                    "LEFT NOT_CURRENT_VERSION 3", reencrypt(update, covered(sseS3(VERSIONED, "refused and covered"))));
            assertEquals("LEFT ARCHIVED 2", reencrypt(update, ofClass(StorageClass.GLACIER, "refused and archived")));
        } finally {
            cloud.s3().refuseEncryptionUpdates(false);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "KMS.DisabledException, 400, RETRY KMS.DisabledException",
        "KMS.KMSInvalidStateException, 400, RETRY KMS.KMSInvalidStateException",
        "KMS.ThrottlingException, 400, RETRY KMS.ThrottlingException",
        "KMS.NotFoundException, 400, REFUSED KMS.NotFoundException",
        "SlowDown, 503, RETRY SlowDown",
        "InternalError, 500, RETRY InternalError",
        "InternalError, 200, RETRY InternalError",
        "PreconditionFailed, 412, RETRY PreconditionFailed",
        "ConditionalRequestConflict, 409, RETRY ConditionalRequestConflict",
        "ExpiredToken, 400, RETRY ExpiredToken",
        "AccessDenied, 403, REFUSED AccessDenied",
        "'', 403, REFUSED HTTP_403",
        "InvalidRequest, 400, REFUSED InvalidRequest",
        "ObjectNotInActiveTierError, 403, LEFT ARCHIVED",
        "NoSuchKey, 404, GONE NOT_FOUND",
        "NoSuchVersion, 404, GONE NOT_FOUND",
        "MethodNotAllowed, 405, GONE DELETE_MARKER"
    })
    void everyRefusalHasItsMeaning(String code, int status, String outcome) {
        var refused = S3Exception.builder()
                .statusCode(status)
                .awsErrorDetails(AwsErrorDetails.builder().errorCode(code).build())
                .build();
        assertEquals(outcome, named(Decision.refused(refused)));
    }

    static Stream<String> keysOfAllKinds() {
        return Stream.of(
                "folder/",
                "a b+c%20d&e=f?g#h",
                "\u00e4 \u00f6/\u65e5\u672c/\ud83d\udd11",
                "a//b",
                "/leading",
                "./here/../there",
                "..a/.b",
                "back\\slash",
                "quote\"'<>",
                "tab\tkey",
                "line\nbreak",
                "Icon\u0003.jpg",
                "\uFFFE",
                "?versionId=x",
                "%2F%25",
                "{}|^~[]`!*();:@,$",
                "long/" + "x".repeat(1019));
    }

    /** CreateMultipartUpload would answer with the key in XML that nobody can read. */
    @Test
    void aKeyThatXmlCannotHoldIsUpdatedButNotCopiedInParts() {
        for (var mode : Mode.values()) {
            var key = "large" + mode + "\u0003";
            var version = cloud.s3().addZeros(VERSIONED, key, (5L << 30) + 1, Map.of(), Map.of());
            var object = new ObjectReference(VERSIONED, key, Optional.of(version), "");
            assertEquals(
                    mode == Mode.UPDATE ? UPDATED + " 2" : "LEFT KEY_NOT_IN_XML 1",
                    reencrypt(reencryption(mode, DualLayerObjects.KEEP), object));
        }
        assertEquals(0, cloud.calls("CreateMultipartUpload"));
    }

    @ParameterizedTest
    @MethodSource("keysOfAllKinds")
    void everyKeyIsUpdatedAndCopied(String key) {
        var empty = RequestBody.empty();
        for (var mode : Mode.values()) {
            s3.putObject(
                    put -> put.bucket(VERSIONED).key(key).serverSideEncryption(ServerSideEncryption.AES256), empty);
            var object = new ObjectReference(VERSIONED, key, Optional.empty(), "");
            var way = mode == Mode.UPDATE ? Way.UPDATE : Way.COPY;
            assertEquals("REENCRYPTED " + way + " 2", reencrypt(reencryption(mode, DualLayerObjects.KEEP), object));
        }
    }
}
