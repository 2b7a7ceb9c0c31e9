package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.bucket.BucketNotification;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionByDefault;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;

/**
 * Lets a bucket that stays live without the key: new objects go under the other key, or under SSE-S3, and uploads are
 * no longer announced to the re-encryptor. Its objects are not touched here.
 */
public final class ReleaseBucket extends StageHandler<ReleaseBucket.Input> {
    /** @param returnTo ARN of the key for new objects; "" for SSE-S3 */
    public record Input(String bucket, String returnTo) {
        public Input {
            Objects.requireNonNull(bucket, "bucket");
            returnTo = Objects.requireNonNullElse(returnTo, "");
        }
    }

    private final S3Client s3;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public ReleaseBucket() {
        this(Aws.s3(), StageRuntime.ofFunction());
    }

    ReleaseBucket(S3Client s3, StageRuntime runtime) {
        super(Input.class, runtime);
        this.s3 = s3;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        try {
            setDefaultEncryption(input);
            removeNotification(input.bucket());
        } catch (NoSuchBucketException gone) {
            return Removal.done(clock.instant(), List.of());
        }
        return Removal.done(clock.instant(), List.of("the notification of uploads to s3://" + input.bucket()));
    }

    private void setDefaultEncryption(Input input) {
        var encryption = input.returnTo().isEmpty()
                ? ServerSideEncryptionByDefault.builder().sseAlgorithm(ServerSideEncryption.AES256)
                : ServerSideEncryptionByDefault.builder()
                        .sseAlgorithm(ServerSideEncryption.AWS_KMS)
                        .kmsMasterKeyID(input.returnTo());
        var rule = ServerSideEncryptionRule.builder()
                .applyServerSideEncryptionByDefault(encryption.build())
                .bucketKeyEnabled(!input.returnTo().isEmpty())
                .build();
        s3.putBucketEncryption(request -> request.bucket(input.bucket())
                .serverSideEncryptionConfiguration(configuration -> configuration.rules(rule)));
    }

    private void removeNotification(String bucket) {
        var existing = s3.getBucketNotificationConfiguration(request -> request.bucket(bucket));
        s3.putBucketNotificationConfiguration(
                request -> request.bucket(bucket).notificationConfiguration(BucketNotification.withoutOurs(existing)));
    }
}
