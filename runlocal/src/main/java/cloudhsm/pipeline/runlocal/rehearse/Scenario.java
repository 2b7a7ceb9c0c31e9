package cloudhsm.pipeline.runlocal.rehearse;

import cloudhsm.pipeline.runlocal.doctor.Aws;
import cloudhsm.pipeline.runlocal.doctor.AwsFailure;
import cloudhsm.pipeline.runlocal.rehearse.Uploads.Asked;
import cloudhsm.pipeline.runlocal.rehearse.Uploads.Uploaded;
import cloudhsm.pipeline.runlocal.rehearse.Uploads.Way;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketAlreadyOwnedByYouException;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.Event;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.QueueConfiguration;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.s3.model.ServerSideEncryptionRule;
import software.amazon.awssdk.services.s3.model.Tag;

/**
 * The rehearsal on one AWS, the real one or the embedded one: makes a bucket under a key that is disabled, as a key store
 * that is away would have it, uploads, enables the key, uploads in every way, and looks at what the deployed function
 * makes of each. It removes nothing; that is {@link CleanUp}'s.
 */
final class Scenario {
    /** How long one thing is waited for on AWS. */
    static final Duration MOST = Duration.ofMinutes(5);

    private static final Duration POLL = Duration.ofSeconds(2);

    /** For how long the key stays away: three attempts of the function. */
    private static final Duration OUTAGE = Duration.ofSeconds(45);

    private static final String REFUSED = "KMS.DisabledException";

    private final Aws aws;
    private final S3Client s3;
    private final Target target;
    private final Ledger ledger;
    private final Duration most;
    private final BooleanSupplier stopped;
    private final Consumer<Observation> listener;
    private final List<Observation> observations = new ArrayList<>();

    private String bucket = "";
    private String targetKey = "";
    private String otherKey = "";

    /** What is being done, for the message where it fails. */
    private String doing = "";

    /**
     * @param ledger where what is made is written down; has begun
     * @param most how long one thing is waited for
     * @param stopped asked between any two steps: whether somebody wants the end
     * @param listener hears of each observation at once
     */
    Scenario(
            Aws aws,
            S3Client s3,
            Target target,
            Ledger ledger,
            Duration most,
            BooleanSupplier stopped,
            Consumer<Observation> listener) {
        this.aws = aws;
        this.s3 = s3;
        this.target = target;
        this.ledger = ledger;
        this.most = most;
        this.stopped = stopped;
        this.listener = listener;
    }

    private static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private Stopped() {
            super("stopped", null, false, false);
        }
    }

    /** Everything, to the first thing that AWS refuses; what was refused is the last observation. */
    List<Observation> run() {
        try {
            make();
            outage();
            everyWay();
        } catch (AwsFailure refused) {
            observe(doing, "failed: " + refused.getMessage(), Duration.ZERO, false, refused.next());
        } catch (SdkException refused) {
            observe(doing, "failed: " + Refusals.sentence(refused), Duration.ZERO, false, Refusals.next(refused));
        } catch (UncheckedIOException unwritten) {
            observe(
                    doing,
                    "failed: " + ledger.file() + " cannot be written: " + unwritten.getMessage(),
                    Duration.ZERO,
                    false,
                    "make room for it, or give another file with --record");
        } catch (Stopped stop) {
            observe(doing, "stopped", Duration.ZERO, false, "run it again; what was made is removed");
        }
        return observations;
    }

    private void step(String what) {
        doing = what;
        if (stopped.getAsBoolean()) throw new Stopped();
    }

    private void pause() {
        aws.pause(POLL);
        if (stopped.getAsBoolean()) throw new Stopped();
    }

    private void observe(String step, String saw, Duration waited, boolean right, String next) {
        var observation = new Observation(step, saw, waited.toSeconds(), right, next);
        observations.add(observation);
        listener.accept(observation);
    }

    private void make() {
        bucket = ledger.made().orElseThrow().bucket();
        step("bucket");
        try {
            s3.createBucket(request -> {
                request.bucket(bucket);
                if (target.region().equals("us-east-1")) return; // the one that must not be named
                request.createBucketConfiguration(configuration -> configuration.locationConstraint(target.region()));
            });
        } catch (BucketAlreadyOwnedByYouException again) {
            // The client asked again when it had no answer; nobody else knows the name.
        }
        s3.putBucketVersioning(request -> request.bucket(bucket)
                .versioningConfiguration(versioning -> versioning.status(BucketVersioningStatus.ENABLED)));
        step("keys");
        var keys = new Keys(aws);
        targetKey = keys.create(ledger, target.caller(), RehearsalKey.TARGET);
        otherKey = keys.create(ledger, target.caller(), RehearsalKey.OTHER);
        keys.disable(targetKey);
        step("bucket's default key");
        s3.putBucketEncryption(request -> request.bucket(bucket)
                .serverSideEncryptionConfiguration(encryption -> encryption.rules(ServerSideEncryptionRule.builder()
                        .bucketKeyEnabled(true)
                        .applyServerSideEncryptionByDefault(by ->
                                by.sseAlgorithm(ServerSideEncryption.AWS_KMS).kmsMasterKeyID(targetKey))
                        .build())));
        step("announcement of uploads");
        s3.putBucketNotificationConfiguration(request -> request.bucket(bucket)
                .notificationConfiguration(notification -> notification.queueConfigurations(QueueConfiguration.builder()
                        .queueArn(target.queueArn())
                        .events(Event.S3_OBJECT_CREATED)
                        .build())));
        observe(doing, "the queue takes them", Duration.ZERO, true, "");
    }

    /** The key is disabled before its first use, so that no Bucket Key of S3 can stand in for it. */
    private void outage() {
        try (var uploads = uploads()) {
            step("key disabled: an upload under it");
            refusal(uploads);
            step("key disabled: an upload under SSE-S3");
            var uploaded = uploads.upload(Way.PUT, Asked.SSE_S3);
            for (var waited = Duration.ZERO; waited.compareTo(OUTAGE) < 0; waited = waited.plus(POLL)) pause();
            var head = head(uploaded);
            var waits = !isUnderTarget(head);
            var kept = changes(uploaded, head);
            observe(
                    doing,
                    waits && kept.isEmpty()
                            ? "waits, readable and unchanged"
                            : "is under " + named(head) + ", changed: " + kept,
                    OUTAGE,
                    waits && kept.isEmpty(),
                    "see whether S3 uses a Bucket Key although its KMS key is disabled; nothing is lost by it");
            step("key enabled again: the same upload");
            new Keys(aws).enable(targetKey);
            await(List.of(
                    new Uploaded(doing, uploaded.key(), uploaded.content(), uploaded.versionId(), uploaded.etag())));
        }
    }

    private void refusal(Uploads uploads) {
        var saw = "";
        var waited = Duration.ZERO;
        while (true) {
            var passes = true;
            try {
                uploads.upload(Way.PUT, Asked.TARGET_KEY);
                saw = "is taken";
            } catch (S3Exception refused) {
                saw = "is refused with " + Refusals.code(refused);
                passes = saw.contains(" KMS.") && !saw.endsWith(REFUSED); // KMS learns of a new key everywhere
            }
            if (!passes || waited.compareTo(most) >= 0) break;
            pause();
            waited = waited.plus(POLL);
        }
        observe(
                doing,
                saw,
                waited,
                saw.endsWith(REFUSED),
                "look whether the key is disabled; with another refusal than " + REFUSED
                        + " the function may not know an outage for what it is");
    }

    private void everyWay() {
        try (var uploads = uploads()) {
            var uploaded = new ArrayList<Uploaded>();
            // First, so that it has been looked at when all others are done.
            step(Uploads.step(Way.PUT, Asked.DSSE_KMS));
            var dual = uploads.upload(Way.PUT, Asked.DSSE_KMS);
            if (target.copiesDualLayerObjects()) uploaded.add(dual);
            for (var way : Way.values()) {
                for (var asked : List.of(Asked.SSE_S3, Asked.ANOTHER_KEY)) {
                    step(Uploads.step(way, asked));
                    uploaded.add(uploads.upload(way, asked));
                }
            }
            step(Uploads.step(Way.PUT, Asked.NOTHING));
            uploaded.add(uploads.upload(Way.PUT, Asked.NOTHING));
            await(uploaded);
            if (!target.copiesDualLayerObjects()) left(dual);
        }
    }

    private Uploads uploads() {
        return new Uploads(aws, s3, bucket, targetKey, otherKey);
    }

    /** With DualLayerObjects=KEEP nothing happens to it. */
    private void left(Uploaded dual) {
        step(dual.step());
        var head = head(dual);
        var right = !isUnderTarget(head) && changes(dual, head).isEmpty();
        observe(
                dual.step(),
                right ? "left under " + named(head) : "is under " + named(head) + ", changed: " + changes(dual, head),
                Duration.ZERO,
                right,
                "the stack says DualLayerObjects=KEEP; look at the log of " + target.function());
    }

    private void await(List<Uploaded> uploaded) {
        var rest = new ArrayList<>(uploaded);
        for (var waited = Duration.ZERO; ; waited = waited.plus(POLL)) {
            for (var each : List.copyOf(rest)) {
                step(each.step());
                var head = head(each);
                if (!isUnderTarget(head)) continue;
                rest.remove(each);
                tell(each, head, waited);
            }
            if (rest.isEmpty()) return;
            if (waited.compareTo(most) >= 0) break;
            pause();
        }
        for (var late : rest) {
            observe(
                    late.step(),
                    "still under " + named(head(late)) + " after " + most.toMinutes() + " minutes",
                    most,
                    false,
                    "look in the log of " + target.function() + " for " + late.key()
                            + "; no line at all says that S3, the queue or its event source mapping is where it rests"
                            + " (docs/runbook.md, Uploads wait)");
        }
    }

    private void tell(Uploaded uploaded, HeadObjectResponse head, Duration waited) {
        var same = uploaded.versionId().equals(head.versionId());
        var how = uploaded.step().equals(Uploads.step(Way.PUT, Asked.NOTHING))
                ? "from the start"
                : same ? "by UpdateObjectEncryption, the same version" : "by a copy, a new version";
        var changed = changes(uploaded, head);
        observe(
                uploaded.step(),
                "under the target key " + how
                        + (changed.isEmpty() ? ", all else unchanged" : ", changed: " + String.join(", ", changed)),
                waited,
                changed.isEmpty(),
                "keep what you have; do not provision before it is known why");
    }

    /** What is not as it was uploaded, but for the encryption; a copy has another version and may have another ETag. */
    private List<String> changes(Uploaded uploaded, HeadObjectResponse head) {
        var changed = new ArrayList<String>();
        if (uploaded.versionId().equals(head.versionId()) && !uploaded.etag().equals(head.eTag())) changed.add("ETag");
        if (!head.metadata().equals(Uploads.METADATA)) changed.add("metadata");
        var tags = s3.getObjectTagging(request -> request.bucket(bucket).key(uploaded.key()))
                .tagSet();
        if (!tags.equals(List.of(Tag.builder().key("rehearsed").value("yes").build()))) changed.add("tags");
        var content = s3.getObjectAsBytes(request -> request.bucket(bucket).key(uploaded.key()));
        if (!Arrays.equals(uploaded.content(), content.asByteArrayUnsafe())) changed.add("content");
        return changed;
    }

    private HeadObjectResponse head(Uploaded uploaded) {
        return s3.headObject(request -> request.bucket(bucket).key(uploaded.key()));
    }

    private boolean isUnderTarget(HeadObjectResponse head) {
        return head.serverSideEncryption() == ServerSideEncryption.AWS_KMS && targetKey.equals(head.ssekmsKeyId());
    }

    private String named(HeadObjectResponse head) {
        if (isUnderTarget(head)) return "the target key";
        return switch (head.serverSideEncryption()) {
            case AES256 -> "SSE-S3";
            case AWS_KMS -> "another KMS key";
            case AWS_KMS_DSSE -> "DSSE-KMS";
            case null, default -> "an encryption that is not known here: " + head.serverSideEncryptionAsString();
        };
    }
}
