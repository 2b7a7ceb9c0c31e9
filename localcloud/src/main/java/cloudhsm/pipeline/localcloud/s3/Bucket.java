package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.authorization.PolicyDocument;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** One bucket: its configuration and the versions of its objects. */
final class Bucket {
    /** Default encryption. The key is what the configuration says: an ARN, an id, an alias, or "" for aws/s3. */
    record DefaultEncryption(Encryption.Type type, String keyId, boolean bucketKey) {
        static final DefaultEncryption SSE_S3 = new DefaultEncryption(Encryption.Type.SSE_S3, "", false);
    }

    /** The four settings of Block Public Access. */
    record PublicAccessBlock(
            boolean blockPublicAcls,
            boolean ignorePublicAcls,
            boolean blockPublicPolicy,
            boolean restrictPublicBuckets) {}

    /** A bucket policy as it was sent, and as it is understood. */
    record Policy(String text, PolicyDocument document) {}

    enum Versioning {
        NEVER_ENABLED,
        ENABLED,
        SUSPENDED
    }

    final String name;
    final Instant created;
    Versioning versioning = Versioning.NEVER_ENABLED;
    DefaultEncryption encryption = DefaultEncryption.SSE_S3;

    /** Since April 2026 new buckets refuse uploads with SSE-C until that is allowed by PutBucketEncryption. */
    boolean blocksCustomerKeys = true;

    /** New buckets block all public access since April 2023. */
    Optional<PublicAccessBlock> publicAccessBlock = Optional.of(new PublicAccessBlock(true, true, true, true));

    Optional<Policy> policy = Optional.empty();
    Optional<String> objectOwnership = Optional.of("BucketOwnerEnforced");
    Map<String, String> tags = Map.of();
    Notifications notifications = Notifications.NONE;

    /** The lifecycle configuration as it was sent; kept and given back, not acted on. */
    Optional<String> lifecycle = Optional.empty();

    boolean objectLock;
    Optional<ObjectLocks.DefaultRetention> defaultRetention = Optional.empty();

    /** By key; the newest version first. */
    final TreeMap<String, Deque<ObjectVersion>> objects = new TreeMap<>(Bucket::inOrder);

    final Map<String, MultipartUpload> uploads = new LinkedHashMap<>();

    Bucket(String name, Instant created) {
        this.name = name;
        this.created = created;
    }

    /** S3 lists keys in the order of their UTF-8, which is that of their code points. */
    static int inOrder(String one, String other) {
        int shorter = Math.min(one.length(), other.length());
        for (int i = 0; i < shorter; i++) {
            var a = one.charAt(i);
            var b = other.charAt(i);
            if (a == b) continue;
            if (Character.isSurrogate(a) != Character.isSurrogate(b)) return Character.isSurrogate(a) ? 1 : -1;
            return Character.compare(a, b);
        }
        return Integer.compare(one.length(), other.length());
    }

    /** Whether objects have ACLs of their own: without ownership controls, and unless the bucket's owner owns them all. */
    boolean allowsAcls() {
        return !objectOwnership.equals(Optional.of("BucketOwnerEnforced"));
    }

    boolean everVersioned() {
        return versioning != Versioning.NEVER_ENABLED;
    }

    Deque<ObjectVersion> versions(String key) {
        return objects.getOrDefault(key, new ArrayDeque<>());
    }

    /** The current version, delete marker or not. */
    Optional<ObjectVersion> current(String key) {
        return Optional.ofNullable(versions(key).peekFirst());
    }

    Optional<ObjectVersion> version(String key, String versionId) {
        return versions(key).stream()
                .filter(version -> version.versionId.equals(versionId))
                .findFirst();
    }

    void add(ObjectVersion version) {
        objects.computeIfAbsent(version.key, any -> new ArrayDeque<>()).addFirst(version);
    }

    void remove(ObjectVersion version) {
        var versions = versions(version.key);
        versions.remove(version);
        if (versions.isEmpty()) objects.remove(version.key);
    }
}
