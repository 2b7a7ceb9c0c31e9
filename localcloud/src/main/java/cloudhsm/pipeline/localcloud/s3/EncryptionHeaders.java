package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.protocol.AwsException;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The request headers about encryption. */
final class EncryptionHeaders {
    private static final String ALGORITHM = "x-amz-server-side-encryption";
    private static final String KEY_ID = ALGORITHM + "-aws-kms-key-id";
    private static final String BUCKET_KEY = ALGORITHM + "-bucket-key-enabled";
    private static final String CUSTOMER = ALGORITHM + "-customer-";
    private static final String COPY_SOURCE_CUSTOMER = "x-amz-copy-source-server-side-encryption-customer-";

    private EncryptionHeaders() {}

    /**
     * The encryption that an upload asks for, or else the bucket's default.
     *
     * @param keys for the ARN of aws/s3, which stands for "aws:kms" without a key id
     */
    static Encryption ofUpload(S3Request request, Bucket bucket, DataKeys keys) {
        if (request.hasHeader(ALGORITHM + "-context")) throw S3Errors.notImplemented(ALGORITHM + "-context");
        var algorithm = request.header(ALGORITHM);
        var customerKey = customerKey(request, CUSTOMER);
        if (customerKey.isPresent()) {
            if (algorithm.isPresent()) {
                throw S3Errors.invalidArgument(
                        ALGORITHM,
                        algorithm.get(),
                        "Server Side Encryption with Customer provided key is incompatible with the encryption method"
                                + " specified");
            }
            if (bucket.blocksCustomerKeys) {
                throw S3Errors.accessDenied("Access Denied: the bucket " + bucket.name
                        + " blocks uploads encrypted with customer-provided keys (SSE-C)");
            }
            return Encryption.customerKey(Checksums.base64(Checksums.digest("MD5", customerKey.get())));
        }
        if (algorithm.isEmpty()) return byDefault(request, bucket, keys);
        return switch (algorithm.get()) {
            case "AES256" -> {
                request.header(KEY_ID).ifPresent(EncryptionHeaders::refuseKeyId);
                yield Encryption.SSE_S3;
            }
            case "aws:kms" ->
                Encryption.kms(
                        request.header(KEY_ID).map(keys::keyArn).orElseGet(keys::awsManagedKey),
                        bucketKey(request, bucket));
            case "aws:kms:dsse" -> {
                if (request.header(BUCKET_KEY).filter("true"::equals).isPresent()) {
                    throw S3Errors.invalidArgument(
                            BUCKET_KEY, "true", "Bucket Key is not supported with the encryption method specified");
                }
                yield Encryption.dsse(request.header(KEY_ID).map(keys::keyArn).orElseGet(keys::awsManagedKey));
            }
            default ->
                throw S3Errors.invalidArgument(
                        ALGORITHM, algorithm.get(), "The encryption method specified is not supported");
        };
    }

    private static Encryption byDefault(S3Request request, Bucket bucket, DataKeys keys) {
        request.header(KEY_ID).ifPresent(EncryptionHeaders::refuseKeyId);
        var standard = bucket.encryption;
        if (!standard.type().usesKms()) return Encryption.SSE_S3;
        var keyArn = standard.keyId().isEmpty() ? keys.awsManagedKey() : keys.keyArn(standard.keyId());
        return standard.type() == Encryption.Type.DSSE_KMS
                ? Encryption.dsse(keyArn)
                : Encryption.kms(keyArn, bucketKey(request, bucket));
    }

    private static void refuseKeyId(String keyId) {
        throw S3Errors.invalidArgument(
                KEY_ID,
                keyId,
                "Server Side Encryption with AWS KMS managed key requires HTTP header " + ALGORITHM + " : aws:kms");
    }

    private static boolean bucketKey(S3Request request, Bucket bucket) {
        return request.header(BUCKET_KEY).map(Boolean::parseBoolean).orElse(bucket.encryption.bucketKey());
    }

    /** What policies see of an upload's encryption. */
    static Map<String, String> conditions(S3Request request, Encryption encryption) {
        var conditions = new HashMap<String, String>();
        request.header(ALGORITHM).ifPresent(algorithm -> conditions.put("s3:" + ALGORITHM, algorithm));
        if (encryption.type().usesKms()) conditions.put(Buckets.KMS_KEY_ID, encryption.keyArn());
        request.header(CUSTOMER + "algorithm")
                .ifPresent(algorithm -> conditions.put("s3:" + CUSTOMER + "algorithm", algorithm));
        request.header("x-amz-storage-class").ifPresent(name -> conditions.put("s3:x-amz-storage-class", name));
        return conditions;
    }

    /** The key of SSE-C that an upload carries; empty array where it carries none. */
    static byte[] customerKeyOfUpload(S3Request request) {
        return customerKey(request, CUSTOMER).orElse(new byte[0]);
    }

    /**
     * The key of SSE-C to read what is encrypted so; an empty array for everything else.
     *
     * @param copySource whether to look at the headers about a copy's source
     * @throws AwsException InvalidRequest, AccessDenied where the headers do not fit the encryption
     */
    static byte[] customerKeyToRead(S3Request request, Encryption encryption, boolean copySource) {
        var key = customerKey(request, copySource ? COPY_SOURCE_CUSTOMER : CUSTOMER);
        if (encryption.type() != Encryption.Type.SSE_C) {
            if (key.isPresent()) {
                throw S3Errors.invalidRequest("The encryption parameters are not applicable to this object.");
            }
            return new byte[0];
        }
        var given = key.orElseThrow(
                () -> S3Errors.invalidRequest("The object was stored using a form of Server Side Encryption. The"
                        + " correct parameters must be provided to retrieve the object."));
        if (!encryption.customerKeyMd5().equals(Checksums.base64(Checksums.digest("MD5", given)))) {
            throw S3Errors.accessDenied("Access Denied");
        }
        return given;
    }

    /** @throws AwsException InvalidArgument: reading names no key, S3 knows it */
    static void refuseOnRead(S3Request request) {
        for (var header : new String[] {ALGORITHM, KEY_ID, BUCKET_KEY}) {
            request.header(header).ifPresent(value -> {
                throw S3Errors.invalidArgument(header, value, header + " header is not supported for this operation.");
            });
        }
    }

    private static Optional<byte[]> customerKey(S3Request request, String prefix) {
        var algorithm = request.header(prefix + "algorithm");
        var key = request.header(prefix + "key");
        var md5 = request.header(prefix + "key-md5");
        if (algorithm.isEmpty() && key.isEmpty() && md5.isEmpty()) return Optional.empty();
        if (!algorithm.equals(Optional.of("AES256"))) {
            throw S3Errors.invalidArgument(
                    prefix + "algorithm", algorithm.orElse("null"), "The requested encryption algorithm is not valid.");
        }
        try {
            var bytes = Base64.getDecoder().decode(key.orElse(""));
            if (bytes.length == 32 && md5.equals(Optional.of(Checksums.base64(Checksums.digest("MD5", bytes))))) {
                return Optional.of(bytes);
            }
        } catch (IllegalArgumentException noBase64) {
            // Refused below.
        }
        throw S3Errors.invalidArgument(
                prefix + "key",
                "",
                "The secret key was invalid for the specified algorithm, or its MD5 did not match.");
    }
}
