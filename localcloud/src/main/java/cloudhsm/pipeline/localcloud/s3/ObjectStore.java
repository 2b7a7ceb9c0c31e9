package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/** Puts versions into buckets and takes them out: what lies on disk is ciphertext under the version's data key. */
final class ObjectStore {
    private static final Set<String> STORAGE_CLASSES = Set.of(
            "STANDARD",
            "REDUCED_REDUNDANCY",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER",
            "DEEP_ARCHIVE",
            "GLACIER_IR");

    /** Stands for a file of zero bytes, as many as the version's size says, that takes no room on disk. */
    static final Path ZEROS = Path.of("zeros");

    /** The most zero bytes that are made up for a reader. */
    private static final long MOST_ZEROS_READ = 64L << 20;

    private final Account account;
    private final DataKeys dataKeys;
    private final Path directory;
    private final AtomicLong bytesWritten = new AtomicLong();

    /**
     * What an upload says beside its bytes.
     *
     * @param headers the object's own: Content-Type, x-amz-meta-…
     * @param customerKey of SSE-C; otherwise empty
     * @param checksums base64 by algorithm
     * @param partSizes in bytes; empty unless it is a multipart upload
     * @param etag of a multipart upload; "" for S3 to choose
     */
    record Upload(
            Map<String, String> headers,
            String storageClass,
            Map<String, String> tags,
            AccessControl acl,
            ObjectVersion.Lock lock,
            Encryption encryption,
            byte[] customerKey,
            Map<String, String> checksums,
            List<Long> partSizes,
            String etag) {
        Upload withChecksums(Map<String, String> others) {
            return new Upload(headers, storageClass, tags, acl, lock, encryption, customerKey, others, partSizes, etag);
        }
    }

    ObjectStore(Account account, DataKeys dataKeys) {
        this.account = account;
        this.dataKeys = dataKeys;
        this.directory = account.directory().resolve("s3");
    }

    DataKeys dataKeys() {
        return dataKeys;
    }

    /** @throws AwsException InvalidStorageClass */
    static String storageClass(S3Request request) {
        var name = request.header("x-amz-storage-class").orElse("STANDARD");
        if (STORAGE_CLASSES.contains(name)) return name;
        throw AwsException.badRequest("InvalidStorageClass", "The storage class you specified is not valid");
    }

    /**
     * Encrypts the bytes and makes them the current version.
     *
     * @throws AwsException what KMS refused; nothing is stored then
     */
    ObjectVersion store(S3Request request, Bucket bucket, byte[] body, Upload upload) {
        var dataKey = AesGcm.newKey();
        var sealed = dataKeys.wrap(request.caller(), request, upload.encryption(), upload.customerKey(), dataKey);
        var plain = sealed.encryption().type() == Encryption.Type.UNENCRYPTED;
        var file = write(plain ? body : AesGcm.encrypt(dataKey, body));
        Arrays.fill(dataKey, (byte) 0);
        var etag = upload.etag().isEmpty() ? etag(body, sealed.encryption()) : upload.etag();
        return keep(request, bucket, body.length, etag, file, sealed, upload);
    }

    /**
     * Makes so many zero bytes the current version; they take no room on disk.
     *
     * @param upload with checksums
     * @throws AwsException what KMS refused; nothing is stored then
     */
    ObjectVersion storeZeros(S3Request request, Bucket bucket, long size, Upload upload) {
        var sealed =
                dataKeys.wrap(request.caller(), request, upload.encryption(), upload.customerKey(), AesGcm.newKey());
        var etag = upload.etag().isEmpty() ? etagOfZeros(sealed.encryption()) : upload.etag();
        return keep(request, bucket, size, etag, ZEROS, sealed, upload);
    }

    /** Counts simulated bytes as written. */
    void writeZeros(long size) {
        bytesWritten.addAndGet(size);
    }

    private ObjectVersion keep(
            S3Request request,
            Bucket bucket,
            long size,
            String etag,
            Path file,
            DataKeys.Sealed sealed,
            Upload upload) {
        var version = new ObjectVersion(
                request.key(),
                newVersionId(bucket),
                account.time().now(),
                new ObjectVersion.Content(
                        size,
                        etag,
                        upload.headers(),
                        upload.storageClass(),
                        upload.checksums(),
                        upload.partSizes(),
                        file));
        version.encryption = sealed.encryption();
        version.dataKey = sealed.key();
        version.tags = Map.copyOf(upload.tags());
        version.acl = upload.acl();
        version.lock = upload.lock();
        add(bucket, version);
        return version;
    }

    /** MD5 of the data only with SSE-S3; otherwise something that merely differs. */
    String etag(byte[] body, Encryption encryption) {
        var md5 = encryption.type() == Encryption.Type.SSE_S3 || encryption.type() == Encryption.Type.UNENCRYPTED;
        return md5 ? Checksums.md5Hex(body) : account.hex(32);
    }

    private String etagOfZeros(Encryption encryption) {
        if (encryption.type() == Encryption.Type.SSE_S3) throw S3Errors.notImplemented("MD5 of simulated bytes");
        return account.hex(32);
    }

    String newVersionId(Bucket bucket) {
        return bucket.versioning == Bucket.Versioning.ENABLED ? account.base32(32) : "null";
    }

    /** Where versioning is off or suspended, a new version replaces the one without id. */
    void add(Bucket bucket, ObjectVersion version) {
        if (version.versionId.equals("null"))
            bucket.version(version.key, "null").ifPresent(old -> remove(bucket, old));
        bucket.add(version);
    }

    void remove(Bucket bucket, ObjectVersion version) {
        bucket.remove(version);
        if (!version.isDeleteMarker()) delete(version.content.file());
    }

    /**
     * The version's bytes.
     *
     * @param object names the version's bucket and key
     * @param customerKey of SSE-C; otherwise empty
     * @throws AwsException what KMS refused
     */
    byte[] read(S3Request object, ObjectVersion version, byte[] customerKey) {
        if (version.encryption.type() == Encryption.Type.UNENCRYPTED) return readFile(version.content.file());
        var dataKey = dataKeys.unwrap(object.caller(), object, version.encryption, customerKey, version.dataKey);
        if (version.content.isZeros()) return zeros(version.content.size());
        return AesGcm.decrypt(dataKey, readFile(version.content.file()));
    }

    /**
     * {@link #read} without the bytes.
     *
     * @throws AwsException what KMS refused
     */
    void requireReadable(S3Request object, ObjectVersion version, byte[] customerKey) {
        if (version.encryption.type() == Encryption.Type.UNENCRYPTED) return;
        dataKeys.unwrap(object.caller(), object, version.encryption, customerKey, version.dataKey);
    }

    private static byte[] zeros(long size) {
        if (size <= MOST_ZEROS_READ) return new byte[(int) size];
        throw S3Errors.notImplemented("reading " + size + " simulated bytes");
    }

    /**
     * The version that the request is about.
     *
     * @throws AwsException NoSuchKey, NoSuchVersion, MethodNotAllowed for a delete marker
     */
    static ObjectVersion version(Bucket bucket, String key, Optional<String> versionId) {
        if (versionId.isEmpty()) {
            var current = bucket.current(key).orElseThrow(() -> S3Errors.noSuchKey(key));
            if (current.isDeleteMarker()) throw S3Errors.deleted(key, current.versionId);
            return current;
        }
        var version =
                bucket.version(key, versionId.get()).orElseThrow(() -> S3Errors.noSuchVersion(key, versionId.get()));
        if (version.isDeleteMarker()) throw S3Errors.deleteMarker(version.versionId);
        return version;
    }

    long bytesWritten() {
        return bytesWritten.get();
    }

    Path write(byte[] bytes) {
        bytesWritten.addAndGet(bytes.length);
        try {
            if (!Files.isDirectory(directory)) Files.createDirectories(directory);
            return Files.write(directory.resolve(account.hex(32)), bytes);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    static byte[] readFile(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    static void delete(Path file) {
        if (file.equals(ZEROS)) return;
        try {
            Files.deleteIfExists(file);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }
}
