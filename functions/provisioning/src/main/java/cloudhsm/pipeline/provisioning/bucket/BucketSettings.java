package cloudhsm.pipeline.provisioning.bucket;

import cloudhsm.pipeline.provisioning.lambda.Json;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.NotificationConfiguration;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.s3.model.OwnershipControls;
import software.amazon.awssdk.services.s3.model.OwnershipControlsRule;
import software.amazon.awssdk.services.s3.model.PublicAccessBlockConfiguration;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionByDefault;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionConfiguration;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;
import software.amazon.awssdk.utils.builder.CopyableBuilder;
import software.amazon.awssdk.utils.builder.ToCopyableBuilder;

/**
 * What the pipeline sets on a bucket: who owns its objects, public access, versions, default encryption, policy,
 * notifications. Each is read first and changed only where it is not as wanted; what was found on an adopted bucket is
 * put back where nobody has changed it since.
 *
 * @param partition of AWS, as in ARNs
 * @param account the bucket's owner
 */
public record BucketSettings(S3Client s3, String partition, String account, String bucket) {
    private static final PublicAccessBlockConfiguration NO_PUBLIC_ACCESS = PublicAccessBlockConfiguration.builder()
            .blockPublicAcls(true)
            .ignorePublicAcls(true)
            .blockPublicPolicy(true)
            .restrictPublicBuckets(true)
            .build();

    private static final OwnershipControls NO_ACLS = OwnershipControls.builder()
            .rules(OwnershipControlsRule.builder()
                    .objectOwnership(ObjectOwnership.BUCKET_OWNER_ENFORCED)
                    .build())
            .build();

    /** A notification to EventBridge has no members. */
    private static final ObjectWriter WRITER = Json.MAPPER.writer().without(SerializationFeature.FAIL_ON_EMPTY_BEANS);

    /**
     * One of them.
     *
     * @param now empty where it is not set
     */
    private record Setting<T>(String name, Optional<T> now, Consumer<T> put, Runnable remove) {
        /** Returns whether it had to be changed. */
        boolean become(T wanted) {
            if (now.equals(Optional.of(wanted))) return false;
            put.accept(wanted);
            return true;
        }

        /** As it was found, where it is as the pipeline has left it. Returns what stays otherwise. */
        Optional<String> giveBack(Optional<T> found, Predicate<T> isOurs) {
            if (now.equals(found)) return Optional.empty();
            if (now.filter(isOurs).isEmpty()) return Optional.of("its " + name + ", which somebody has changed since");
            found.ifPresentOrElse(put, remove);
            return Optional.empty();
        }
    }

    /** No ACLs, no public access, every version kept. Returns whether anything had to be changed. */
    boolean secure() {
        var acls = ownership().become(NO_ACLS);
        var publicAccess = publicAccess().become(NO_PUBLIC_ACCESS);
        var versions = versioning().become(BucketVersioningStatus.ENABLED);
        return acls || publicAccess || versions;
    }

    /**
     * Has S3 encrypt under the key what is uploaded without asking for another encryption. By ARN, as an alias would be
     * looked up in the account of whoever uploads. What the bucket refuses (SSE-C) it goes on to refuse.
     *
     * @param keyArn "" for SSE-S3
     * @return whether that had to be changed
     */
    public boolean encryptUnder(String keyArn) {
        var encryption = encryption();
        var wanted = ServerSideEncryptionByDefault.builder()
                .sseAlgorithm(keyArn.isEmpty() ? ServerSideEncryption.AES256 : ServerSideEncryption.AWS_KMS)
                .kmsMasterKeyID(keyArn.isEmpty() ? null : keyArn)
                .build();
        var rule = encryption.now().stream()
                .flatMap(now -> now.rules().stream())
                .findFirst()
                .map(ServerSideEncryptionRule::toBuilder)
                .orElseGet(ServerSideEncryptionRule::builder)
                .applyServerSideEncryptionByDefault(wanted)
                .bucketKeyEnabled(!keyArn.isEmpty())
                .build();
        return encryption.become(
                ServerSideEncryptionConfiguration.builder().rules(rule).build());
    }

    /** TLS only, beside every statement that there is. Returns whether that had to be changed. */
    boolean requireTls() {
        var policy = policy();
        var wanted = BucketPolicy.merged(policy.now(), bucketArn());
        return !BucketPolicy.same(policy.now(), wanted) && policy.become(wanted);
    }

    /**
     * Announces uploads to the queue, beside every notification that there is.
     *
     * @return whether that had to be changed
     * @throws S3Exception InvalidArgument where S3 does not accept the notifications
     */
    boolean announceUploads(String queueArn) {
        var now = notification();
        if (BucketNotification.hasOurs(now, queueArn)) return false;
        announce(BucketNotification.merged(now, queueArn));
        return true;
    }

    /** Announces uploads to whom the owner has configured, and to nobody else. */
    public void announceNoUploads() {
        var now = notification();
        var others = BucketNotification.withoutOurs(now);
        if (!now.equals(others)) announce(others);
    }

    private NotificationConfiguration notification() {
        return BucketNotification.of(
                s3.getBucketNotificationConfiguration(get -> get.bucket(bucket).expectedBucketOwner(account)));
    }

    /** S3 replaces it whole. */
    private void announce(NotificationConfiguration wanted) {
        s3.putBucketNotificationConfiguration(
                put -> put.bucket(bucket).expectedBucketOwner(account).notificationConfiguration(wanted));
    }

    /** All of it as S3 says it, by S3's own names; what is not set is absent. */
    JsonNode found() {
        var found = Json.MAPPER.createObjectNode();
        ownership().now().ifPresent(now -> found.set("OwnershipControls", tree(now)));
        publicAccess().now().ifPresent(now -> found.set("PublicAccessBlock", tree(now)));
        versioning().now().ifPresent(now -> found.put("Versioning", now.toString()));
        encryption().now().ifPresent(now -> found.set("Encryption", tree(now)));
        policy().now().ifPresent(now -> found.put("Policy", now));
        found.set("Notification", tree(notification()));
        return found;
    }

    /**
     * The key that the bucket's objects were put under by default, as the bucket names it.
     *
     * @param found what {@link #found} has said
     * @return empty where that was SSE-S3
     */
    public static Optional<String> formerKey(JsonNode found) {
        return read(found, "Encryption", ServerSideEncryptionConfiguration.serializableBuilderClass())
                .flatMap(BucketSettings::key);
    }

    /**
     * An adopted bucket takes new objects as before, and announces them as before.
     *
     * @param found what {@link #found} has said before anything was changed
     * @param keyIds of the deployment
     * @return what is not as it was found, and why
     */
    public List<String> giveBackUploads(JsonNode found, List<String> keyIds) {
        announceNoUploads();
        Predicate<ServerSideEncryptionConfiguration> isOurs = encryption -> key(encryption)
                .filter(key -> keyIds.stream().anyMatch(id -> key.endsWith("/" + id)))
                .isPresent();
        var before = read(found, "Encryption", ServerSideEncryptionConfiguration.serializableBuilderClass());
        if (before.filter(isOurs).isEmpty())
            return encryption().giveBack(before, isOurs).stream().toList();
        encryptUnder("");
        return List.of("its default encryption, SSE-S3 now: it was under the deployment's key before");
    }

    /**
     * All else of an adopted bucket, once its objects do not need it any more.
     *
     * @param found what {@link #found} has said before anything was changed
     * @return what is not as it was found, and why
     */
    public List<String> giveBackAccess(JsonNode found) {
        var publicAccess = publicAccess()
                .giveBack(
                        read(found, "PublicAccessBlock", PublicAccessBlockConfiguration.serializableBuilderClass()),
                        NO_PUBLIC_ACCESS::equals);
        var policy = giveBackPolicy(Optional.ofNullable(found.path("Policy").textValue()));
        var ownership = ownership()
                .giveBack(
                        read(found, "OwnershipControls", OwnershipControls.serializableBuilderClass()),
                        NO_ACLS::equals);
        var before = found.path("Versioning").asText(BucketVersioningStatus.SUSPENDED.toString());
        var versioning = versioning()
                .giveBack(Optional.of(BucketVersioningStatus.fromValue(before)), BucketVersioningStatus.ENABLED::equals)
                .or(() -> found.has("Versioning")
                        ? Optional.empty()
                        : Optional.of("its versions, suspended: S3 does not go back to having none"));
        return Stream.of(publicAccess, policy, ownership, versioning)
                .flatMap(Optional::stream)
                .toList();
    }

    /** The statement that requires TLS goes, whatever else has been changed. */
    private Optional<String> giveBackPolicy(Optional<String> found) {
        var policy = policy();
        var now = policy.now();
        if (now.isEmpty() || now.equals(found) || BucketPolicy.same(now, BucketPolicy.merged(found, bucketArn()))) {
            return policy.giveBack(found, any -> true);
        }
        BucketPolicy.withoutOurs(now.get()).ifPresentOrElse(policy::become, policy.remove());
        return Optional.of("its policy, which somebody has changed since, but for the statement " + BucketPolicy.SID);
    }

    private Setting<OwnershipControls> ownership() {
        return new Setting<>(
                "object ownership",
                unless(
                        "OwnershipControlsNotFoundError",
                        () -> s3.getBucketOwnershipControls(
                                        get -> get.bucket(bucket).expectedBucketOwner(account))
                                .ownershipControls()),
                wanted -> s3.putBucketOwnershipControls(
                        put -> put.bucket(bucket).expectedBucketOwner(account).ownershipControls(wanted)),
                () -> s3.deleteBucketOwnershipControls(
                        delete -> delete.bucket(bucket).expectedBucketOwner(account)));
    }

    private Setting<PublicAccessBlockConfiguration> publicAccess() {
        return new Setting<>(
                "public access",
                unless(
                        "NoSuchPublicAccessBlockConfiguration",
                        () -> s3.getPublicAccessBlock(get -> get.bucket(bucket).expectedBucketOwner(account))
                                .publicAccessBlockConfiguration()),
                wanted -> s3.putPublicAccessBlock(
                        put -> put.bucket(bucket).expectedBucketOwner(account).publicAccessBlockConfiguration(wanted)),
                () -> s3.deletePublicAccessBlock(delete -> delete.bucket(bucket).expectedBucketOwner(account)));
    }

    /** Never removed: a bucket that has had versions is suspended at most. */
    private Setting<BucketVersioningStatus> versioning() {
        return new Setting<>(
                "versioning",
                Optional.ofNullable(
                        s3.getBucketVersioning(get -> get.bucket(bucket).expectedBucketOwner(account))
                                .status()),
                wanted -> s3.putBucketVersioning(put -> put.bucket(bucket)
                        .expectedBucketOwner(account)
                        .versioningConfiguration(versions -> versions.status(wanted))),
                () -> {});
    }

    private Setting<ServerSideEncryptionConfiguration> encryption() {
        return new Setting<>(
                "default encryption",
                unless(
                        "ServerSideEncryptionConfigurationNotFoundError",
                        () -> s3.getBucketEncryption(get -> get.bucket(bucket).expectedBucketOwner(account))
                                .serverSideEncryptionConfiguration()),
                wanted -> s3.putBucketEncryption(put ->
                        put.bucket(bucket).expectedBucketOwner(account).serverSideEncryptionConfiguration(wanted)),
                () -> s3.deleteBucketEncryption(delete -> delete.bucket(bucket).expectedBucketOwner(account)));
    }

    private Setting<String> policy() {
        return new Setting<>(
                "policy",
                unless(
                        "NoSuchBucketPolicy",
                        () -> s3.getBucketPolicy(get -> get.bucket(bucket).expectedBucketOwner(account))
                                .policy()),
                wanted -> s3.putBucketPolicy(
                        put -> put.bucket(bucket).expectedBucketOwner(account).policy(wanted)),
                () -> s3.deleteBucketPolicy(delete -> delete.bucket(bucket).expectedBucketOwner(account)));
    }

    private static Optional<String> key(ServerSideEncryptionConfiguration encryption) {
        return encryption.rules().stream()
                .flatMap(rule -> Stream.ofNullable(rule.applyServerSideEncryptionByDefault()))
                .flatMap(standard -> Stream.ofNullable(standard.kmsMasterKeyID()))
                .findFirst();
    }

    private String bucketArn() {
        return "arn:" + partition + ":s3:::" + bucket;
    }

    private static JsonNode tree(ToCopyableBuilder<?, ?> setting) {
        try {
            return Json.MAPPER.readTree(WRITER.writeValueAsString(setting.toBuilder()));
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static <B extends CopyableBuilder<B, T>, T extends ToCopyableBuilder<B, T>> Optional<T> read(
            JsonNode found, String name, Class<? extends B> builder) {
        try {
            if (!found.has(name)) return Optional.empty();
            return Optional.of(Json.MAPPER.treeToValue(found.get(name), builder).build());
        } catch (JsonProcessingException damaged) {
            throw new IllegalStateException("What was found on an adopted bucket is damaged: " + name, damaged);
        }
    }

    /** What S3 answers; empty where it answers that this is not set. */
    static <T> Optional<T> unless(String absent, Supplier<T> read) {
        try {
            return Optional.of(read.get());
        } catch (S3Exception failure) {
            if (isError(failure, absent)) return Optional.empty();
            throw failure;
        }
    }

    static boolean isError(S3Exception failure, String code) {
        return failure.awsErrorDetails() != null
                && code.equals(failure.awsErrorDetails().errorCode());
    }
}
