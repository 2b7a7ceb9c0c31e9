package cloudhsm.pipeline.runlocal.cli;

import cloudhsm.pipeline.localcloud.LocalCloud;
import cloudhsm.pipeline.localcloud.protocol.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;

/** Uploads files as a user would, through an ordinary S3 client, and follows them under the key. */
final class Uploads implements AutoCloseable {
    /** How long the re-encryptor may take in simulated time; it needs seconds. */
    private static final Duration BUDGET = Duration.ofMinutes(10);

    private final LocalCloud cloud;
    private final String bucket;
    private final String keyArn;
    private final S3Client s3;

    Uploads(LocalCloud cloud, String bucket, String keyArn) {
        this.cloud = cloud;
        this.bucket = bucket;
        this.keyArn = keyArn;
        s3 = cloud.client(S3Client.builder().forcePathStyle(true));
    }

    /**
     * Uploads every file below the directory; every other one asks for SSE-S3 or for another KMS key, so that the
     * re-encryptor has work.
     *
     * @throws IllegalStateException if an object is not under the key in time, or changed in any other way
     */
    List<UploadedObject> of(Path directory) throws IOException {
        var files = files(directory);
        var before = new ArrayList<HeadObjectResponse>();
        var otherKey = files.size() > 3 ? anotherKey() : "";
        for (int i = 0; i < files.size(); i++) {
            var key = key(directory, files.get(i));
            s3.putObject(upload(key, i, otherKey), RequestBody.fromFile(files.get(i)));
            before.add(s3.headObject(head -> head.bucket(bucket).key(key)));
        }
        awaitAll(files.stream().map(file -> key(directory, file)).toList());
        var uploaded = new ArrayList<UploadedObject>();
        for (int i = 0; i < files.size(); i++) {
            var key = key(directory, files.get(i));
            var after = s3.headObject(head -> head.bucket(bucket).key(key));
            requireOnlyTheKeyChanged(key, before.get(i), after);
            uploaded.add(new UploadedObject(
                    key,
                    after.contentLength(),
                    encryption(before.get(i)),
                    encryption(after),
                    after.ssekmsKeyId() == null ? "" : after.ssekmsKeyId()));
        }
        return uploaded;
    }

    private static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        }
    }

    private static String key(Path directory, Path file) {
        return directory.relativize(file).toString().replace('\\', '/');
    }

    private PutObjectRequest upload(String key, int index, String otherKey) {
        var request = PutObjectRequest.builder()
                .bucket(bucket)
                .key(key)
                .metadata(Map.of("uploaded-by", "run-local"))
                .tagging("origin=run-local");
        if (index % 4 == 1) request.serverSideEncryption(ServerSideEncryption.AES256);
        if (index % 4 == 3)
            request.serverSideEncryption(ServerSideEncryption.AWS_KMS).ssekmsKeyId(otherKey);
        return request.build();
    }

    private String anotherKey() {
        var created = cloud.endpoint()
                .call(
                        cloud.iam().administrator(),
                        "kms",
                        "CreateKey",
                        Json.object().put("Description", "Another key than the target, named in uploads"));
        return created.path("KeyMetadata").path("Arn").asText();
    }

    private void awaitAll(List<String> keys) {
        var deadline = cloud.time().now().plus(BUDGET);
        while (!keys.stream().allMatch(this::isUnderTheKey)) {
            if (cloud.time().now().isAfter(deadline)) {
                var late = keys.stream().filter(key -> !isUnderTheKey(key)).toList();
                throw new IllegalStateException("Not under " + keyArn + " within " + BUDGET.toMinutes() + " min: "
                        + late + ". Next: look at the log of the re-encryption function and its queue.");
            }
            cloud.advance(Duration.ofSeconds(1));
        }
    }

    private boolean isUnderTheKey(String key) {
        return keyArn.equals(s3.headObject(head -> head.bucket(bucket).key(key)).ssekmsKeyId());
    }

    private static String encryption(HeadObjectResponse head) {
        return head.ssekmsKeyId() != null ? head.ssekmsKeyId() : head.serverSideEncryptionAsString();
    }

    private void requireOnlyTheKeyChanged(String key, HeadObjectResponse before, HeadObjectResponse after) {
        var tags =
                s3.getObjectTagging(tagging -> tagging.bucket(bucket).key(key)).tagSet();
        if (!before.eTag().equals(after.eTag())
                || !before.versionId().equals(after.versionId())
                || !before.metadata().equals(after.metadata())
                || tags.size() != 1) {
            throw new IllegalStateException(
                    "s3://" + bucket + "/" + key + " changed in more than its key: ETag, version, metadata or tags");
        }
    }

    /** The first bytes on disk in hexadecimal. @throws IllegalStateException if the file's plaintext is among them */
    String bytesOnDisk(Path directory, UploadedObject object) throws IOException {
        var versionId =
                s3.headObject(head -> head.bucket(bucket).key(object.key())).versionId();
        var onDisk = Files.readAllBytes(cloud.s3().ciphertextFile(bucket, object.key(), versionId));
        var plain = Files.readAllBytes(directory.resolve(object.key()));
        var probe = HexFormat.of().formatHex(plain, 0, Math.min(plain.length, 24));
        if (plain.length >= 8 && HexFormat.of().formatHex(onDisk).contains(probe)) {
            throw new IllegalStateException("s3://" + bucket + "/" + object.key() + " lies on disk in plaintext");
        }
        return HexFormat.of().formatHex(onDisk, 0, Math.min(onDisk.length, 12));
    }

    @Override
    public void close() {
        s3.close();
    }
}
