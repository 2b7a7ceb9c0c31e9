package cloudhsm.pipeline.runlocal.rehearse;

import cloudhsm.pipeline.runlocal.doctor.Api;
import cloudhsm.pipeline.runlocal.doctor.Aws;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/** The ways in which objects come into the rehearsal's bucket, and what they ask for. */
final class Uploads implements AutoCloseable {
    static final Map<String, String> METADATA = Map.of("rehearsed", "yes");

    private static final String TAGS = "rehearsed=yes";

    /** The least that S3 takes for a part that is not the last. */
    private static final int PART = 5 << 20;

    private static final Duration URL_LIFETIME = Duration.ofMinutes(5);

    private final Aws aws;
    private final S3Client s3;
    private final S3Presigner presigner;
    private final String bucket;
    private final Map<Asked, String> keys;

    /** How an object comes. */
    enum Way {
        PUT,
        MULTIPART,
        COPY,
        PRESIGNED_URL
    }

    /** Which encryption an upload asks for. */
    enum Asked {
        /** The bucket's default. */
        NOTHING(null),
        SSE_S3(ServerSideEncryption.AES256),
        ANOTHER_KEY(ServerSideEncryption.AWS_KMS),
        DSSE_KMS(ServerSideEncryption.AWS_KMS_DSSE),
        /** And no Bucket Key, so that S3 has to ask KMS. */
        TARGET_KEY(ServerSideEncryption.AWS_KMS);

        private final ServerSideEncryption encryption;

        Asked(ServerSideEncryption encryption) {
            this.encryption = encryption;
        }

        private Boolean bucketKey() {
            return this == TARGET_KEY ? false : null;
        }
    }

    /** One object that has come. */
    record Uploaded(String step, String key, byte[] content, String versionId, String etag) {}

    Uploads(Aws aws, S3Client s3, String bucket, String targetKeyArn, String otherKeyArn) {
        this.aws = aws;
        this.s3 = s3;
        this.bucket = bucket;
        presigner = aws.presigner();
        keys = Map.of(Asked.ANOTHER_KEY, otherKeyArn, Asked.DSSE_KMS, otherKeyArn, Asked.TARGET_KEY, targetKeyArn);
    }

    /** The key of every object that a rehearsal may have made. */
    static List<String> objectKeys() {
        var names = new ArrayList<String>();
        for (var way : Way.values()) {
            for (var asked : Asked.values()) names.add(name(way, asked));
        }
        return names;
    }

    private static String name(Way way, Asked asked) {
        return (way + "-" + asked).toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** What is done, in words. */
    static String step(Way way, Asked asked) {
        var how = switch (way) {
            case PUT -> "PUT";
            case MULTIPART -> "multipart upload";
            case COPY -> "copy";
            case PRESIGNED_URL -> "presigned URL";
        };
        return how
                + switch (asked) {
                    case NOTHING -> ", no encryption named";
                    case SSE_S3 -> ", SSE-S3";
                    case ANOTHER_KEY -> ", another KMS key";
                    case DSSE_KMS -> ", DSSE-KMS";
                    case TARGET_KEY -> ", the target key";
                };
    }

    /** @throws software.amazon.awssdk.core.exception.SdkException what S3 refused */
    Uploaded upload(Way way, Asked asked) {
        var key = name(way, asked);
        var step = step(way, asked);
        var content = ("The content of " + key + ".").getBytes(StandardCharsets.UTF_8);
        return switch (way) {
            case PUT -> {
                var answer = s3.putObject(put(key, asked), RequestBody.fromBytes(content));
                yield new Uploaded(step, key, content, answer.versionId(), answer.eTag());
            }
            case MULTIPART -> inParts(step, key, asked);
            case COPY -> copy(step, key, asked);
            case PRESIGNED_URL -> {
                var presigned = presigner.presignPutObject(
                        request -> request.signatureDuration(URL_LIFETIME).putObjectRequest(put(key, asked)));
                var answer = aws.presigned(Api.S3, "PutObject", presigned.httpRequest(), content);
                yield new Uploaded(
                        step,
                        key,
                        content,
                        answer.firstMatchingHeader("x-amz-version-id").orElse(""),
                        answer.firstMatchingHeader("ETag").orElse(""));
            }
        };
    }

    private Consumer<PutObjectRequest.Builder> put(String key, Asked asked) {
        return request -> request.bucket(bucket)
                .key(key)
                .metadata(METADATA)
                .tagging(TAGS)
                .serverSideEncryption(asked.encryption)
                .ssekmsKeyId(keys.get(asked))
                .bucketKeyEnabled(asked.bucketKey());
    }

    private Uploaded inParts(String step, String key, Asked asked) {
        var content = new byte[PART + 1];
        Arrays.fill(content, (byte) 'x');
        var upload = s3.createMultipartUpload(request -> request.bucket(bucket)
                        .key(key)
                        .metadata(METADATA)
                        .tagging(TAGS)
                        .serverSideEncryption(asked.encryption)
                        .ssekmsKeyId(keys.get(asked)))
                .uploadId();
        var parts = new ArrayList<CompletedPart>();
        for (int from = 0; from < content.length; from += PART) {
            var number = parts.size() + 1;
            var part = Arrays.copyOfRange(content, from, Math.min(from + PART, content.length));
            var etag = s3.uploadPart(
                            request -> request.bucket(bucket)
                                    .key(key)
                                    .uploadId(upload)
                                    .partNumber(number),
                            RequestBody.fromBytes(part))
                    .eTag();
            parts.add(CompletedPart.builder().partNumber(number).eTag(etag).build());
        }
        var answer = s3.completeMultipartUpload(request ->
                request.bucket(bucket).key(key).uploadId(upload).multipartUpload(completed -> completed.parts(parts)));
        return new Uploaded(step, key, content, answer.versionId(), answer.eTag());
    }

    /** Of what came by PUT under SSE-S3. */
    private Uploaded copy(String step, String key, Asked asked) {
        var source = name(Way.PUT, Asked.SSE_S3);
        var answer = s3.copyObject(request -> request.sourceBucket(bucket)
                .sourceKey(source)
                .destinationBucket(bucket)
                .destinationKey(key)
                .serverSideEncryption(asked.encryption)
                .ssekmsKeyId(keys.get(asked)));
        var content = ("The content of " + source + ".").getBytes(StandardCharsets.UTF_8);
        return new Uploaded(
                step,
                key,
                content,
                answer.versionId(),
                answer.copyObjectResult().eTag());
    }

    @Override
    public void close() {
        presigner.close();
    }
}
