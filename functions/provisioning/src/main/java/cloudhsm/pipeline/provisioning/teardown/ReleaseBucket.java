package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.bucket.BucketSettings;
import cloudhsm.pipeline.provisioning.deployment.Deployments;
import cloudhsm.pipeline.provisioning.deployment.Made;
import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Execution;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;

/**
 * Lets a bucket that stays live without the key: new objects go under the other key, or under SSE-S3, and uploads are
 * no longer announced to the re-encryptor. An adopted bucket gets back what was found on it, where nobody has changed it
 * since: first where new objects go and who hears of them, all else once its objects are returned. Objects are not
 * touched here.
 */
public final class ReleaseBucket extends StageHandler<ReleaseBucket.Input> {
    /**
     * @param execution ARN of the execution
     * @param returnTo ARN of the key for new objects of a bucket that the pipeline made; "" for SSE-S3
     * @param returned whether the objects are where they stay, so that an adopted bucket can have everything back
     */
    public record Input(String execution, String deployment, String bucket, String returnTo, boolean returned) {}

    /** @param kept what an adopted bucket does not get back, and why */
    public record Output(Instant at, List<String> removed, List<String> kept) {}

    private final S3Client s3;
    private final Deployments deployments;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public ReleaseBucket() {
        this(Aws.s3(), Deployments.ofFunction(), StageRuntime.ofFunction());
    }

    ReleaseBucket(S3Client s3, Deployments deployments, StageRuntime runtime) {
        super(Input.class, runtime);
        this.s3 = s3;
        this.deployments = deployments;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        try {
            var changed = release(input);
            var removed =
                    input.returned() ? "the pipeline's settings of s3://" : "the notification of uploads to s3://";
            return done(
                    List.of(removed + input.bucket()),
                    changed.stream()
                            .map(setting -> "s3://" + input.bucket() + ": " + setting)
                            .toList());
        } catch (NoSuchBucketException gone) {
            return done(List.of(), List.of());
        }
    }

    private Outcome done(List<String> removed, List<String> kept) {
        return new Outcome.Done(new Output(clock.instant(), removed, kept));
    }

    private List<String> release(Input input) {
        var execution = Execution.of(input.execution());
        var settings = new BucketSettings(s3, execution.partition(), execution.account(), input.bucket());
        var record = deployments.find(input.deployment()).orElseThrow();
        if (!record.adoptedBuckets().contains(input.bucket())) {
            settings.encryptUnder(input.returnTo());
            settings.announceNoUploads();
            return List.of();
        }
        var found = deployments.found(input.deployment(), input.bucket());
        return input.returned()
                ? settings.giveBackAccess(found)
                : settings.giveBackUploads(found, record.made(Made.KEY));
    }
}
