package cloudhsm.pipeline.runlocal.bench;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.EncodingType;
import software.amazon.awssdk.services.s3.model.ObjectEncryption;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;
import software.amazon.awssdk.services.s3.model.UpdateObjectEncryptionRequest;

/**
 * A bucket of objects that are not under its default key: every other one under SSE-S3, the rest under another KMS
 * key. Sizes spread evenly over their orders of magnitude. Bytes of the larger objects are simulated: to copy them costs
 * the embedded S3 nothing, which is in favour of those who copy.
 */
final class SampleBucket {
    private static final int SMALLEST = 1 << 10;

    private final String name;
    private final String keyArn;
    private final Map<String, String> etags;
    private final List<String> keys;

    private SampleBucket(String name, String keyArn, Map<String, String> etags) {
        this.name = name;
        this.keyArn = keyArn;
        this.etags = etags;
        keys = List.copyOf(etags.keySet());
    }

    /**
     * Makes and fills the bucket; the same number of objects gives the same keys and sizes.
     *
     * @param sizes of the objects
     */
    static SampleBucket fill(LocalCloud cloud, String name, int objects, Sizes sizes, Keys keys) {
        create(cloud, name, keys);
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            var random = new Random(objects);
            for (int i = 0; i < objects; i++) {
                var key = key(i);
                var size = (long) (SMALLEST * Math.pow((double) sizes.largest() / SMALLEST, random.nextDouble()));
                if (size > sizes.largestReal()) cloud.s3().addZeros(name, key, size, Map.of(), Map.of());
                else s3.putObject(underTheServicesKey(name, key), RequestBody.fromBytes(new byte[(int) size]));
                if (i % 2 == 1) s3.updateObjectEncryption(underAnotherKey(name, key, keys.other()));
            }
            var etags = new LinkedHashMap<String, String>();
            s3.listObjectsV2Paginator(list -> list.bucket(name).encodingType(EncodingType.URL))
                    .contents()
                    .forEach(object -> etags.put(object.key(), object.eTag().replace("\"", "")));
            return new SampleBucket(name, keys.target(), etags);
        }
    }

    /**
     * @param largest object, in bytes; the smallest has 1 KiB
     * @param largestReal object whose bytes are there, in bytes; those of larger ones are simulated
     */
    record Sizes(long largest, long largestReal) {
        /** Where sizes do not matter. */
        static final Sizes SIMULATED = new Sizes(8 << 20, 0);
    }

    /** Makes a bucket of objects of 1 KiB under SSE-S3 that take no room on disk. */
    static void fillWithZeros(LocalCloud cloud, String name, int objects, Keys keys) {
        create(cloud, name, keys);
        for (int i = 0; i < objects; i++) cloud.s3().addZeros(name, key(i), SMALLEST, Map.of(), Map.of());
    }

    private static void create(LocalCloud cloud, String name, Keys keys) {
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            s3.createBucket(create -> create.bucket(name));
            s3.putBucketEncryption(encryption -> encryption
                    .bucket(name)
                    .serverSideEncryptionConfiguration(configuration ->
                            configuration.rules(ServerSideEncryptionRule.builder()
                                    .bucketKeyEnabled(true)
                                    .applyServerSideEncryptionByDefault(
                                            standard -> standard.sseAlgorithm(ServerSideEncryption.AWS_KMS)
                                                    .kmsMasterKeyID(keys.target()))
                                    .build())));
        }
    }

    private static String key(int index) {
        return "data/%02d/object-%06d.bin".formatted(index % 100, index);
    }

    private static PutObjectRequest underTheServicesKey(String bucket, String key) {
        return PutObjectRequest.builder()
                .bucket(bucket)
                .key(key)
                .serverSideEncryption(ServerSideEncryption.AES256)
                .build();
    }

    private static UpdateObjectEncryptionRequest underAnotherKey(String bucket, String key, String keyArn) {
        return UpdateObjectEncryptionRequest.builder()
                .bucket(bucket)
                .key(key)
                .objectEncryption(
                        ObjectEncryption.fromSsekms(kms -> kms.kmsKeyArn(keyArn).bucketKeyEnabled(true)))
                .build();
    }

    /**
     * Two KMS keys of the account, by ARN.
     *
     * @param target that all objects belong under
     * @param other that some are under
     */
    record Keys(String target, String other) {
        static Keys create(LocalCloud cloud) {
            return new Keys(create(cloud, "benchmark: target"), create(cloud, "benchmark: other"));
        }

        private static String create(LocalCloud cloud, String description) {
            return cloud.endpoint()
                    .call(
                            cloud.iam().administrator(),
                            "kms",
                            "CreateKey",
                            Json.object().put("Description", description))
                    .path("KeyMetadata")
                    .path("Arn")
                    .asText();
        }
    }

    String name() {
        return name;
    }

    String keyArn() {
        return keyArn;
    }

    List<String> keys() {
        return keys;
    }

    /** @throws IllegalStateException where an object is not under the bucket's key */
    void requireAllUnderTheKey(LocalCloud cloud) {
        try (var s3 = cloud.client(S3Client.builder().forcePathStyle(true))) {
            for (var key : keys) {
                var object = s3.headObject(head -> head.bucket(name).key(key));
                if (!keyArn.equals(object.ssekmsKeyId())) {
                    throw new IllegalStateException("s3://" + name + "/" + key + " is not under " + keyArn);
                }
            }
        }
    }

    /** An S3 event as it lies in the queue, for one of the bucket's objects. */
    String event(String key) {
        var event = Json.object()
                .put("eventVersion", "2.3")
                .put("eventSource", "aws:s3")
                .put("awsRegion", keyArn.split(":")[3])
                .put("eventName", "ObjectCreated:Put");
        var s3 = event.putObject("s3").put("s3SchemaVersion", "1.0");
        s3.putObject("bucket").put("name", name).put("arn", "arn:aws:s3:::" + name);
        s3.putObject("object").put("key", key).put("versionId", "null").put("eTag", etags.get(key));
        var message = Json.object();
        message.putArray("Records").add(event);
        return Json.text(message);
    }
}
