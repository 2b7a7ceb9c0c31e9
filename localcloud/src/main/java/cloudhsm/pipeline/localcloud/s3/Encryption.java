package cloudhsm.pipeline.localcloud.s3;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How a version is encrypted.
 *
 * @param keyArn of SSE-KMS and DSSE-KMS; otherwise ""
 * @param bucketKey whether its data key is wrapped by an S3 Bucket Key
 * @param customerKeyMd5 of SSE-C: base64; otherwise ""
 */
record Encryption(Type type, String keyArn, boolean bucketKey, String customerKeyMd5) {
    /** S3's kinds of encryption at rest; objects without any are older than January 2023. */
    enum Type {
        UNENCRYPTED(""),
        SSE_S3("AES256"),
        SSE_KMS("aws:kms"),
        DSSE_KMS("aws:kms:dsse"),
        SSE_C("");

        private final String header;

        Type(String header) {
            this.header = header;
        }

        /** The value of {@code x-amz-server-side-encryption}; "" for those that have none. */
        String header() {
            return header;
        }

        boolean usesKms() {
            return this == SSE_KMS || this == DSSE_KMS;
        }
    }

    static final Encryption SSE_S3 = new Encryption(Type.SSE_S3, "", false, "");
    static final Encryption UNENCRYPTED = new Encryption(Type.UNENCRYPTED, "", false, "");

    static Encryption kms(String keyArn, boolean bucketKey) {
        return new Encryption(Type.SSE_KMS, keyArn, bucketKey, "");
    }

    static Encryption dsse(String keyArn) {
        return new Encryption(Type.DSSE_KMS, keyArn, false, "");
    }

    static Encryption customerKey(String md5) {
        return new Encryption(Type.SSE_C, "", false, md5);
    }

    /** The headers that answers about the version carry. */
    Map<String, String> headers() {
        var headers = new LinkedHashMap<String, String>();
        if (!type.header().isEmpty()) headers.put("x-amz-server-side-encryption", type.header());
        if (type.usesKms()) headers.put("x-amz-server-side-encryption-aws-kms-key-id", keyArn);
        if (bucketKey) headers.put("x-amz-server-side-encryption-bucket-key-enabled", "true");
        if (type == Type.SSE_C) {
            headers.put("x-amz-server-side-encryption-customer-algorithm", "AES256");
            headers.put("x-amz-server-side-encryption-customer-key-MD5", customerKeyMd5);
        }
        return headers;
    }
}
