package cloudhsm.pipeline.provisioning.bucket;

import cloudhsm.pipeline.provisioning.cluster.Clusters;
import cloudhsm.pipeline.provisioning.deployment.Deployment;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Question;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.util.Optional;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketAlreadyExistsException;
import software.amazon.awssdk.services.s3.model.BucketAlreadyOwnedByYouException;
import software.amazon.awssdk.services.s3.model.BucketNamespace;
import software.amazon.awssdk.services.s3.model.CreateBucketConfiguration;
import software.amazon.awssdk.services.s3.model.ObjectOwnership;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.Tag;

/**
 * Makes the bucket, or adopts one of the account, and secures it: default encryption under the key, versioning, no
 * public access, no ACLs, TLS only, and uploads announced to the re-encryptor. What an adopted bucket's owner has
 * configured besides – other policy statements, other notifications, tags – stays.
 */
public final class SecureBucket extends StageHandler<SecureBucket.Input> {
    /**
     * @param adopt whether a bucket that is there already may be taken over
     * @param keyArn also tells the account and the Region the bucket must be in
     */
    public record Input(String deployment, String bucket, boolean adopt, String keyArn) {
        private String arnPart(int index) {
            return keyArn.split(":", 6)[index];
        }

        String region() {
            return arnPart(3);
        }

        String account() {
            return arnPart(4);
        }

        private String keyId() {
            return keyArn.substring(keyArn.indexOf('/') + 1);
        }
    }

    /**
     * @param created whether the pipeline made the bucket, in this execution or an earlier one
     * @param changed whether this stage had to change anything
     */
    public record Output(String bucket, boolean created, boolean changed) {}

    private final S3Client s3;
    private final Deployments deployments;
    private final BucketScope scope;
    private final String queueArn;

    /** Called by Lambda, once per execution environment. */
    public SecureBucket() {
        this(
                Aws.s3(),
                Deployments.ofFunction(),
                BucketScope.ofFunction(),
                Aws.environment("QUEUE_ARN"),
                StageRuntime.ofFunction());
    }

    SecureBucket(S3Client s3, Deployments deployments, BucketScope scope, String queueArn, StageRuntime runtime) {
        super(Input.class, runtime);
        this.s3 = s3;
        this.deployments = deployments;
        this.scope = scope;
        this.queueArn = queueArn;
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var record = deployments.find(input.deployment());
        if (record.isEmpty()) return unknown(input);
        if (!record.get().made(Made.KEY).contains(input.keyId())) return keyNotOurs(input);
        var outOfScope = scope.problem(input.bucket());
        if (outOfScope.isPresent()) return refused(input, outOfScope.get());
        var unusable = createUnlessThere(input);
        if (unusable.isPresent()) return unusable.get();
        var isProven = !record.get().unprovenBuckets().contains(input.bucket());
        if (isProven) deployments.unproven(input.deployment(), input.bucket());
        var settings = settings(input);
        var changed = settings.secure();
        changed |= settings.encryptUnder(input.keyArn());
        changed |= settings.requireTls();
        try {
            changed |= settings.announceUploads(queueArn);
        } catch (S3Exception refused) {
            if (!BucketSettings.isError(refused, "InvalidArgument")) throw refused;
            return notificationRefused(input, refused);
        }
        if (isProven && !changed) deployments.unchanged(input.deployment(), input.bucket());
        return new Outcome.Done(
                new Output(input.bucket(), record(input).made(Made.BUCKET).contains(input.bucket()), changed));
    }

    private Optional<Outcome> createUnlessThere(Input input) {
        try {
            var bucket = s3.headBucket(request -> request.bucket(input.bucket()).expectedBucketOwner(input.account()));
            return input.region().equals(bucket.bucketRegion())
                    ? adoptUnlessOurs(input)
                    : Optional.of(inOtherRegion(input, bucket.bucketRegion()));
        } catch (S3Exception failure) {
            return switch (failure.statusCode()) {
                case 404 -> create(input);
                case 301 ->
                    Optional.of(inOtherRegion(
                            input,
                            failure.awsErrorDetails()
                                    .sdkHttpResponse()
                                    .firstMatchingHeader("x-amz-bucket-region")
                                    .orElse("another Region")));
                case 403 -> Optional.of(notOurs(input));
                default -> throw failure;
            };
        }
    }

    /** A bucket that carries the open intent was made by a function that died before it could remember it. */
    private Optional<Outcome> adoptUnlessOurs(Input input) {
        var record = record(input);
        if (record.hasBucket(input.bucket())) return Optional.empty();
        if (record.intent(Made.BUCKET)
                .filter(intent -> tag(input, Deployments.INTENT_TAG).equals(Optional.of(intent)))
                .isPresent()) {
            settle(Question.TAGS_OF_A_NEW_RESOURCE, "bucket: shown");
            deployments.made(input.deployment(), Made.BUCKET, input.bucket());
            return Optional.empty();
        }
        if (!input.adopt()) return Optional.of(notAdopted(input));
        var other = deployments.otherWithBucket(input.bucket(), input.deployment());
        if (other.isPresent()) {
            return Optional.of(refused(
                    input,
                    "is the bucket of the deployment \"" + other.get().name() + "\"; tear that deployment down first"));
        }
        deployments.adopted(input.deployment(), input.bucket(), settings(input).found());
        return Optional.empty();
    }

    private BucketSettings settings(Input input) {
        return new BucketSettings(s3, input.arnPart(1), input.account(), input.bucket());
    }

    private Deployment record(Input input) {
        return deployments.find(input.deployment()).orElseThrow();
    }

    private Optional<Outcome> create(Input input) {
        var intent = deployments.intend(input.deployment(), Made.BUCKET);
        try {
            s3.createBucket(request -> request.bucket(input.bucket())
                    .bucketNamespace(namespace(input))
                    .objectOwnership(ObjectOwnership.BUCKET_OWNER_ENFORCED)
                    .createBucketConfiguration(configuration(input, intent)));
        } catch (BucketAlreadyOwnedByYouException meanwhile) {
            return adoptUnlessOurs(input);
        } catch (BucketAlreadyExistsException taken) {
            return Optional.of(notOurs(input));
        }
        deployments.made(input.deployment(), Made.BUCKET, input.bucket());
        return Optional.empty();
    }

    /** Null for a name that is of no account's namespace. */
    private static BucketNamespace namespace(Input input) {
        return BucketName.isInNamespace(input.bucket(), input.account(), input.region())
                ? BucketNamespace.ACCOUNT_REGIONAL
                : null;
    }

    /** Names the Region, but for the one that must not be named. */
    private static CreateBucketConfiguration configuration(Input input, String intent) {
        return CreateBucketConfiguration.builder()
                .locationConstraint(input.region().equals("us-east-1") ? null : input.region())
                .tags(tag(Clusters.DEPLOYMENT_TAG, input.deployment()), tag(Deployments.INTENT_TAG, intent))
                .build();
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }

    private Optional<String> tag(Input input, String key) {
        return BucketSettings.unless(
                        "NoSuchTagSet",
                        () -> s3.getBucketTagging(
                                request -> request.bucket(input.bucket()).expectedBucketOwner(input.account())))
                .flatMap(tagging -> tagging.tagSet().stream()
                        .filter(tag -> key.equals(tag.key()))
                        .map(Tag::value)
                        .findFirst());
    }

    private static Outcome inOtherRegion(Input input, String region) {
        return new Outcome.Failed(
                "BUCKET_IN_OTHER_REGION",
                "Bucket " + input.bucket() + " is in " + region + ", the key in " + input.region()
                        + "; S3 needs both in one Region. Nothing was changed. Next: choose a bucket of "
                        + input.region() + " or a new name in buckets; then start a new execution.");
    }

    private static Outcome unknown(Input input) {
        return new Outcome.Failed(
                "DEPLOYMENT_UNKNOWN",
                "There is no deployment \"" + input.deployment() + "\" whose bucket " + input.bucket()
                        + " could become. Nothing was changed. Next: give the name that a provisioning execution was"
                        + " given in \"deployment\".");
    }

    private static Outcome keyNotOurs(Input input) {
        return new Outcome.Failed(
                "KEY_NOT_OURS",
                "Key " + input.keyArn() + " was not made for the deployment \"" + input.deployment() + "\", so bucket "
                        + input.bucket() + " is not put under it. Nothing was changed. Next: give the keyArn of that"
                        + " deployment's provisioning.");
    }

    /** @param why with what to do about it */
    private static Outcome refused(Input input, String why) {
        return new Outcome.Failed(
                "BUCKET_REFUSED",
                "Bucket " + input.bucket() + " " + why + ". Nothing was changed. Next: after that, start a new"
                        + " execution.");
    }

    private static Outcome notAdopted(Input input) {
        return new Outcome.Failed(
                "BUCKET_NOT_ADOPTED",
                "Bucket " + input.bucket() + " is there already, and was not made for the deployment \""
                        + input.deployment() + "\". Nothing was changed. Next: to put it under the deployment's key,"
                        + " give {\"name\": \"" + input.bucket()
                        + "\", \"adopt\": true} in buckets, or choose another name"
                        + " there; then start a new execution.");
    }

    private static Outcome notOurs(Input input) {
        return new Outcome.Failed(
                "BUCKET_NOT_OURS",
                "The name " + input.bucket() + " is taken by another account, or this account may not look at the"
                        + " bucket. Nothing was changed. Next: choose another name in buckets; then start a new"
                        + " execution.");
    }

    private Outcome notificationRefused(Input input, S3Exception refused) {
        return new Outcome.Failed(
                "NOTIFICATION_REFUSED",
                "S3 does not accept the notification of uploads to " + input.bucket() + " for " + queueArn
                        + ". S3 says: \"" + refused.awsErrorDetails().errorMessage()
                        + "\". The bucket is encrypted by default, but uploads that ask for another encryption would"
                        + " not be found. Its notifications were not changed. Next: if S3 says that configurations"
                        + " overlap, turn on EventBridge for the bucket, have a rule send \"Object Created\" to whoever"
                        + " hears of new objects today, and remove the bucket's own notification of s3:ObjectCreated"
                        + " events, to a topic as well; if S3 cannot validate a destination, remove the notification"
                        + " whose destination is gone, or let S3 send to it; then start a new execution.");
    }
}
