package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.account.Account;
import cloudhsm.pipeline.localcloud.authorization.Identity;
import cloudhsm.pipeline.localcloud.kms.KmsService;
import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The keys that objects are encrypted with. Each version has a data key of its own; that is kept wrapped by a wrapping
 * key: the service's own for SSE-S3, the caller's for SSE-C, and for SSE-KMS one that KMS generated and that is kept
 * only as KMS's ciphertext. With an S3 Bucket Key the wrapping key serves all objects of the bucket for a while, and
 * KMS is not asked meanwhile.
 *
 * <p>DSSE-KMS gets one layer of encryption, not two.
 */
final class DataKeys {
    /**
     * How long S3 uses a Bucket Key before it asks KMS again; AWS says only "time-limited".
     *
     * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html">S3 Bucket Keys</a>
     */
    // Assumed: bucket-key
    static final Duration BUCKET_KEY_LIFETIME = Duration.ofMinutes(5);

    private final Account account;
    private final KmsService kms;
    private final byte[] serviceKey = AesGcm.newKey();
    private final Map<String, Cached> cached = new HashMap<>();

    /**
     * A data key under its wrapping key.
     *
     * @param dataKey wrapped; empty for unencrypted objects
     * @param wrappingKey KMS's ciphertext of the wrapping key; empty where KMS has no part in it
     */
    record Wrapped(byte[] dataKey, byte[] wrappingKey) {}

    /** A wrapped key, and the encryption with the key ARN that KMS resolved the key id to. */
    record Sealed(Encryption encryption, Wrapped key) {}

    /** A wrapping key that need not be asked of KMS until it expires. */
    private record Cached(KmsService.DataKey key, Instant expires) {}

    DataKeys(Account account, KmsService kms) {
        this.account = account;
        this.kms = kms;
    }

    /** A bare key id is one of this account and Region; aliases stay as they are until KMS resolves them. */
    String keyArn(String keyId) {
        return keyId.startsWith("arn:") || keyId.startsWith("alias/") ? keyId : account.arn("kms", "key/" + keyId);
    }

    /**
     * Wraps a data key.
     *
     * @param encryption its key may be an ARN, an id or an alias
     * @param customerKey of SSE-C; otherwise empty
     * @throws AwsException what KMS refused, as S3 words it
     */
    Sealed wrap(Identity caller, S3Request object, Encryption encryption, byte[] customerKey, byte[] dataKey) {
        return switch (encryption.type()) {
            case UNENCRYPTED -> new Sealed(encryption, new Wrapped(new byte[0], new byte[0]));
            case SSE_S3 -> new Sealed(encryption, new Wrapped(AesGcm.encrypt(serviceKey, dataKey), new byte[0]));
            case SSE_C -> new Sealed(encryption, new Wrapped(AesGcm.encrypt(customerKey, dataKey), new byte[0]));
            case SSE_KMS, DSSE_KMS -> {
                var wrapping = wrappingKey(caller, object, encryption);
                yield new Sealed(
                        new Encryption(encryption.type(), wrapping.keyArn(), encryption.bucketKey(), ""),
                        new Wrapped(AesGcm.encrypt(wrapping.plaintext(), dataKey), wrapping.encrypted()));
            }
        };
    }

    private KmsService.DataKey wrappingKey(Identity caller, S3Request object, Encryption encryption) {
        Supplier<KmsService.DataKey> asked = () -> askKms(() -> kms.generateDataKey(
                caller, encryption.keyArn(), context(object, encryption.bucketKey()), account.host("s3")));
        if (!encryption.bucketKey()) return asked.get();
        // Per requester, so that each one's right to use the key is asked of KMS at least once.
        var name = String.join(" ", "encrypt", object.bucket(), encryption.keyArn(), caller.arn());
        return cached(name, asked);
    }

    /** @throws AwsException what KMS refused, as S3 words it */
    byte[] unwrap(Identity caller, S3Request object, Encryption encryption, byte[] customerKey, Wrapped wrapped) {
        return switch (encryption.type()) {
            case UNENCRYPTED -> new byte[0];
            case SSE_S3 -> AesGcm.decrypt(serviceKey, wrapped.dataKey());
            case SSE_C -> AesGcm.decrypt(customerKey, wrapped.dataKey());
            case SSE_KMS, DSSE_KMS -> {
                Supplier<KmsService.DataKey> asked = () -> new KmsService.DataKey(
                        encryption.keyArn(),
                        askKms(() -> kms.decrypt(
                                caller,
                                wrapped.wrappingKey(),
                                context(object, encryption.bucketKey()),
                                account.host("s3"))),
                        wrapped.wrappingKey());
                var wrapping = encryption.bucketKey()
                        ? cached(
                                "decrypt " + HexFormat.of().formatHex(wrapped.wrappingKey()) + " " + caller.arn(),
                                asked)
                        : asked.get();
                yield AesGcm.decrypt(wrapping.plaintext(), wrapped.dataKey());
            }
        };
    }

    private KmsService.DataKey cached(String name, Supplier<KmsService.DataKey> asked) {
        var now = account.time().now();
        cached.values().removeIf(entry -> !now.isBefore(entry.expires()));
        var known = cached.get(name);
        if (known != null) return known.key();
        var key = asked.get();
        cached.put(name, new Cached(key, now.plus(BUCKET_KEY_LIFETIME)));
        return key;
    }

    /**
     * Puts a data key under another KMS key; the data key itself stays.
     *
     * @param to SSE-KMS
     */
    Sealed rewrap(Identity caller, S3Request object, Encryption from, Wrapped wrapped, Encryption to) {
        if (from.type() == Encryption.Type.SSE_KMS && !from.bucketKey() && !to.bucketKey()) {
            var wrappingKey = askKms(() -> kms.reEncrypt(
                    caller,
                    wrapped.wrappingKey(),
                    context(object, false),
                    to.keyArn(),
                    context(object, false),
                    account.host("s3")));
            return new Sealed(to, new Wrapped(wrapped.dataKey(), wrappingKey));
        }
        var dataKey = unwrap(caller, object, from, new byte[0], wrapped);
        try {
            return wrap(caller, object, to, new byte[0], dataKey);
        } finally {
            Arrays.fill(dataKey, (byte) 0);
        }
    }

    /** The ARN of the AWS managed key {@code aws/s3}. */
    String awsManagedKey() {
        return askKms(() -> kms.awsManagedKey("alias/aws/s3"));
    }

    private static Map<String, String> context(S3Request object, boolean bucketKey) {
        return Map.of("aws:s3:arn", bucketKey ? object.bucketArn() : object.objectArn());
    }

    /** KMS's refusals reach S3's callers as HTTP 400 with the prefix {@code KMS.}; missing rights as AccessDenied. */
    private static <T> T askKms(Supplier<T> call) {
        try {
            return call.get();
        } catch (AwsException refused) {
            if (refused.code().equals("AccessDeniedException")) throw S3Errors.accessDenied(refused.getMessage());
            throw AwsException.badRequest("KMS." + refused.code(), refused.getMessage());
        }
    }
}
