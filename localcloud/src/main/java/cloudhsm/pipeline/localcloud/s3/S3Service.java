package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.events.EventBridgeService;
import cloudhsm.pipeline.localcloud.kms.KmsService;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.sns.SnsService;
import cloudhsm.pipeline.localcloud.sqs.SqsService;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import cloudhsm.pipeline.localcloud.wire.Service;
import cloudhsm.pipeline.localcloud.wire.Violation;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Amazon S3, really encrypting: bytes on disk are ciphertext. Path-style and virtual-host-style addresses. */
public final class S3Service implements Service {
    /** Browsers' uploads, an operation that S3's model does not have. */
    private static final String POST_OBJECT = "PostObject";

    private record Operation(String name, Function<S3Request, AwsResponse> answer) {}

    private final Map<String, Operation> byRoute = new HashMap<>();
    private final Map<String, Operation> byName = new HashMap<>();
    private final Account account;
    private final Buckets buckets;
    private final ObjectStore store;
    private final EventSender events;
    private final CopyOperations copies;
    private final EncryptionUpdates encryptionUpdates;

    public S3Service(Account account, KmsService kms, SqsService sqs, SnsService sns, EventBridgeService eventBridge) {
        this.account = account;
        buckets = new Buckets(account);
        store = new ObjectStore(account, new DataKeys(account, kms));
        events = new EventSender(account, sqs, sns, eventBridge);
        var objects = new ObjectOperations(account, buckets, store, events);
        copies = new CopyOperations(buckets, store, objects, events);
        encryptionUpdates = new EncryptionUpdates(account, buckets, objects, store.dataKeys());
        registerBuckets();
        registerConfiguration();
        registerObjects(objects);
        registerLocksAndTags(objects);
        var posts = new PostOperations(buckets, store, objects, events);
        on(POST_OBJECT, "POST bucket ", posts::postObject);
        registerMultipart(new MultipartOperations(account, buckets, store, objects, copies, events));
    }

    private void on(String name, String route, Function<S3Request, AwsResponse> answer) {
        var operation = new Operation(name, answer);
        byRoute.put(route, operation);
        byName.put(name, operation);
    }

    private void registerBuckets() {
        var operations = new BucketOperations(account, buckets);
        on("ListBuckets", "GET service ", operations::listBuckets);
        on("CreateBucket", "PUT bucket ", operations::createBucket);
        on("HeadBucket", "HEAD bucket ", operations::headBucket);
        on("DeleteBucket", "DELETE bucket ", operations::deleteBucket);
        on("GetBucketLocation", "GET bucket location", operations::getBucketLocation);
        on("GetBucketAcl", "GET bucket acl", operations::getBucketAcl);
        var listings = new Listings(buckets);
        on("ListObjects", "GET bucket ", listings::listObjects);
        on("ListObjectsV2", "GET bucket list-type", listings::listObjectsV2);
        on("ListObjectVersions", "GET bucket versions", listings::listObjectVersions);
    }

    private void registerConfiguration() {
        var settings = new BucketConfiguration(buckets);
        on("PutBucketEncryption", "PUT bucket encryption", settings::putBucketEncryption);
        on("GetBucketEncryption", "GET bucket encryption", settings::getBucketEncryption);
        on("DeleteBucketEncryption", "DELETE bucket encryption", settings::deleteBucketEncryption);
        on("PutBucketVersioning", "PUT bucket versioning", settings::putBucketVersioning);
        on("GetBucketVersioning", "GET bucket versioning", settings::getBucketVersioning);
        on("PutPublicAccessBlock", "PUT bucket publicAccessBlock", settings::putPublicAccessBlock);
        on("GetPublicAccessBlock", "GET bucket publicAccessBlock", settings::getPublicAccessBlock);
        on("DeletePublicAccessBlock", "DELETE bucket publicAccessBlock", settings::deletePublicAccessBlock);
        on("PutBucketPolicy", "PUT bucket policy", settings::putBucketPolicy);
        on("GetBucketPolicy", "GET bucket policy", settings::getBucketPolicy);
        on("DeleteBucketPolicy", "DELETE bucket policy", settings::deleteBucketPolicy);
        on("PutBucketOwnershipControls", "PUT bucket ownershipControls", settings::putBucketOwnershipControls);
        on("GetBucketOwnershipControls", "GET bucket ownershipControls", settings::getBucketOwnershipControls);
        on("DeleteBucketOwnershipControls", "DELETE bucket ownershipControls", settings::deleteBucketOwnershipControls);
        on("PutBucketLifecycleConfiguration", "PUT bucket lifecycle", settings::putBucketLifecycleConfiguration);
        on("GetBucketLifecycleConfiguration", "GET bucket lifecycle", settings::getBucketLifecycleConfiguration);
        on("DeleteBucketLifecycle", "DELETE bucket lifecycle", settings::deleteBucketLifecycle);
        var notifications = new NotificationOperations(account, buckets, events);
        on(
                "PutBucketNotificationConfiguration",
                "PUT bucket notification",
                notifications::putBucketNotificationConfiguration);
        on(
                "GetBucketNotificationConfiguration",
                "GET bucket notification",
                notifications::getBucketNotificationConfiguration);
    }

    private void registerObjects(ObjectOperations objects) {
        on("PutObject", "PUT object ", objects::putObject);
        on("GetObject", "GET object ", objects::getObject);
        on("HeadObject", "HEAD object ", objects::headObject);
        on("DeleteObject", "DELETE object ", objects::deleteObject);
        on("DeleteObjects", "POST bucket delete", objects::deleteObjects);
        on("GetObjectAttributes", "GET object attributes", objects::getObjectAttributes);
        on("GetObjectAcl", "GET object acl", objects::getObjectAcl);
        on("PutObjectAcl", "PUT object acl", objects::putObjectAcl);
        on("RestoreObject", "POST object restore", new Restorations(account, buckets, objects)::restoreObject);
        on("CopyObject", "PUT object copy", copies::copyObject);
        on("UpdateObjectEncryption", "PUT object encryption", encryptionUpdates::updateObjectEncryption);
    }

    private void registerLocksAndTags(ObjectOperations objects) {
        var locks = new ObjectLocks(account, buckets, objects);
        on("PutObjectLockConfiguration", "PUT bucket object-lock", locks::putObjectLockConfiguration);
        on("GetObjectLockConfiguration", "GET bucket object-lock", locks::getObjectLockConfiguration);
        on("PutObjectRetention", "PUT object retention", locks::putObjectRetention);
        on("GetObjectRetention", "GET object retention", locks::getObjectRetention);
        on("PutObjectLegalHold", "PUT object legal-hold", locks::putObjectLegalHold);
        on("GetObjectLegalHold", "GET object legal-hold", locks::getObjectLegalHold);
        var tags = new Tags(buckets, objects);
        on("PutBucketTagging", "PUT bucket tagging", tags::putBucketTagging);
        on("GetBucketTagging", "GET bucket tagging", tags::getBucketTagging);
        on("DeleteBucketTagging", "DELETE bucket tagging", tags::deleteBucketTagging);
        on("PutObjectTagging", "PUT object tagging", tags::putObjectTagging);
        on("GetObjectTagging", "GET object tagging", tags::getObjectTagging);
        on("DeleteObjectTagging", "DELETE object tagging", tags::deleteObjectTagging);
    }

    private void registerMultipart(MultipartOperations multipart) {
        on("CreateMultipartUpload", "POST object uploads", multipart::createMultipartUpload);
        on("UploadPart", "PUT object uploadId", multipart::uploadPart);
        on("UploadPartCopy", "PUT object part-copy", multipart::uploadPartCopy);
        on("CompleteMultipartUpload", "POST object uploadId", multipart::completeMultipartUpload);
        on("AbortMultipartUpload", "DELETE object uploadId", multipart::abortMultipartUpload);
        on("ListParts", "GET object uploadId", multipart::listParts);
        on("ListMultipartUploads", "GET bucket uploads", multipart::listMultipartUploads);
    }

    @Override
    public String signingName() {
        return "s3";
    }

    @Override
    public Set<String> operations() {
        return byName.keySet().stream()
                .filter(name -> !name.equals(POST_OBJECT))
                .collect(Collectors.toUnmodifiableSet());
    }

    @Override
    public String operation(AwsRequest request) {
        var route = S3Request.of(request).route();
        var operation = byRoute.get(route);
        if (operation == null) throw S3Errors.notImplemented(route.strip());
        return operation.name();
    }

    @Override
    public AwsResponse handle(String operation, ObjectNode input, AwsRequest request) {
        return byName.get(operation).answer().apply(S3Request.of(request));
    }

    @Override
    public AwsException refusal(List<Violation> violations) {
        return S3Errors.violated(violations.getFirst());
    }

    @Override
    public AwsResponse error(AwsException error, AwsRequest request) {
        if (error.code().equals(S3Errors.BARE)) return AwsResponse.empty(error.status());
        var unknownKey = error.code().equals("UnrecognizedClientException");
        var answer = XmlText.error()
                .put("Code", unknownKey ? "InvalidAccessKeyId" : error.code())
                .put(
                        "Message",
                        unknownKey
                                ? "The AWS Access Key Id you provided does not exist in our records."
                                : error.getMessage());
        var headers = new HashMap<String, String>();
        error.members().forEach((name, value) -> {
            if (name.startsWith("x-amz-") || name.equals("Allow")) headers.put(name, value.toString());
            else answer.put(name, value);
        });
        return answer.put("RequestId", request.requestId()).response(error.status(), headers);
    }

    /**
     * Where the object version's ciphertext lies on disk, to look at from outside.
     *
     * @param versionId null for the current version; "null" for the one without an id
     * @throws AwsException NoSuchBucket, NoSuchKey, NoSuchVersion
     */
    public Path ciphertextFile(String bucket, String key, String versionId) {
        return account.time()
                .locked(() -> ObjectStore.version(bucket(bucket), key, Optional.ofNullable(versionId))
                        .content
                        .file());
    }

    /** Bytes of object data that S3 has written so far, copies and simulated ones included. */
    public long bytesWritten() {
        return store.bytesWritten();
    }

    private Bucket bucket(String name) {
        var bucket = buckets.byName().get(name);
        if (bucket == null) throw S3Errors.noSuchBucket(name);
        return bucket;
    }

    /**
     * Puts an object into the bucket as it was stored before January 2023, when S3 did not yet encrypt everything. No
     * client can make such an object any more; no event tells of it.
     *
     * @return its version id; "null" without versioning
     */
    public String addUnencrypted(String bucketName, String key, byte[] body) {
        return account.time().locked(() -> {
            var bucket = bucket(bucketName);
            var version = new ObjectVersion(
                    key,
                    store.newVersionId(bucket),
                    account.time().now(),
                    new ObjectVersion.Content(
                            body.length,
                            Checksums.md5Hex(body),
                            Map.of(),
                            "STANDARD",
                            Map.of(),
                            List.of(),
                            store.write(body)));
            store.add(bucket, version);
            return version.versionId;
        });
    }

    /**
     * Adds a bucket with a name that nobody gets any more: with a prefix or suffix that was reserved later, or as only
     * us-east-1 took it before March 2018, with capitals, underscores and up to 255 characters.
     *
     * @throws IllegalArgumentException where the account's Region never took such a name
     */
    public void addLegacyBucket(String name) {
        var names = buckets.areGlobal() ? "[A-Za-z0-9._-]{3,255}" : "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]";
        if (!name.matches(names)) {
            throw new IllegalArgumentException(account.region() + " never took the bucket name " + name);
        }
        account.time()
                .locked(() -> buckets.byName()
                        .put(name, new Bucket(name, account.time().now())));
    }

    /**
     * Puts a large object into the bucket, encrypted with SSE-S3, as a multipart upload with a CRC64NVME checksum does.
     * Its bytes are zeros and take no room; reading them is left out, copying them is not. No event tells of it.
     *
     * @param headers the object's own, for example {@code Content-Type} and {@code x-amz-meta-…}
     * @return its version id; "null" without versioning
     */
    public String addZeros(
            String bucketName, String key, long size, Map<String, String> headers, Map<String, String> tags) {
        return account.time().locked(() -> {
            var bucket = bucket(bucketName);
            var administrator = account.iam().administrator();
            var request = new AwsRequest(
                    "s3", "PUT", "/" + bucketName, Map.of(), Map.of(), new byte[0], administrator, account.hex(16));
            var upload = new ObjectStore.Upload(
                    headers,
                    "STANDARD",
                    tags,
                    AccessControl.PRIVATE,
                    ObjectVersion.Lock.NONE,
                    Encryption.SSE_S3,
                    new byte[0],
                    Map.of(Checksums.DEFAULT, Checksums.ofZeros(Checksums.DEFAULT, size)),
                    List.of(size),
                    account.hex(32) + "-1");
            return store.storeZeros(new S3Request(request, bucketName, key), bucket, size, upload).versionId;
        });
    }

    /**
     * Moves the current version of an object of INTELLIGENT_TIERING into an archive tier, as S3 does after 90 days
     * without access where that is configured. Nothing reads or copies it there.
     *
     * @param tier ARCHIVE_ACCESS or DEEP_ARCHIVE_ACCESS
     */
    public void archive(String bucketName, String key, String tier) {
        account.time().locked(() -> {
            ObjectStore.version(bucket(bucketName), key, Optional.empty()).archiveStatus = tier;
        });
    }

    /** S3 delivers events at least once: while this is on, each comes twice, and in no certain order. */
    public void deliverEventsTwice(boolean twice) {
        events.sendTwice(twice);
    }

    /** While this is on, UpdateObjectEncryption is refused, as it may be for keys that it does not serve. */
    public void refuseEncryptionUpdates(boolean all) {
        encryptionUpdates.refuse(all);
    }

    /** The next CopyObject fails after S3 has begun its answer: status 200, an error in the body, nothing copied. */
    public void failNextCopyAfterStatus200() {
        copies.failNext();
    }
}
