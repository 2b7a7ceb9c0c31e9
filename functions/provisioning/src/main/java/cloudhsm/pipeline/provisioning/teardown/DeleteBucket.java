package cloudhsm.pipeline.provisioning.teardown;

import cloudhsm.pipeline.provisioning.lambda.Aws;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import cloudhsm.pipeline.provisioning.stage.Resource;
import cloudhsm.pipeline.provisioning.stage.StageHandler;
import cloudhsm.pipeline.provisioning.stage.StageRuntime;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Deletes the emptied bucket. One that holds locked objects stays, and they are listed. */
public final class DeleteBucket extends StageHandler<DeleteBucket.Input> {
    /**
     * @param deleted how many versions and delete markers EmptyBucket has deleted
     * @param locked what Object Lock holds, the first of them
     * @param lockedCount how many there are
     */
    public record Input(String bucket, long deleted, List<String> locked, int lockedCount) {
        public Input {
            locked = List.copyOf(locked);
        }
    }

    private final S3Client s3;
    private final Clock clock;

    /** Called by Lambda, once per execution environment. */
    public DeleteBucket() {
        this(Aws.s3(), StageRuntime.ofFunction());
    }

    DeleteBucket(S3Client s3, StageRuntime runtime) {
        super(Input.class, runtime);
        this.s3 = s3;
        this.clock = runtime.clock();
    }

    @Override
    protected Outcome run(Input input, Optional<Resource> awaited) {
        var objects = input.deleted() + " versions and delete markers of s3://" + input.bucket();
        if (input.lockedCount() > 0) {
            return new Outcome.Done(new Removal(clock.instant(), List.of(objects), List.of(kept(input))));
        }
        try {
            s3.deleteBucket(request -> request.bucket(input.bucket()));
        } catch (NoSuchBucketException gone) {
            // That is what was wanted.
        } catch (S3Exception refused) {
            if (!"BucketNotEmpty".equals(refused.awsErrorDetails().errorCode())) throw refused;
            return new Outcome.Failed(
                    "BUCKET_NOT_EMPTY",
                    "s3://" + input.bucket() + " was emptied and is not empty: somebody uploads to it. Next: stop the"
                            + " uploads, then start a new execution.");
        }
        return Removal.done(clock.instant(), List.of(objects, "s3://" + input.bucket()));
    }

    private static String kept(Input input) {
        return "s3://" + input.bucket() + ", because Object Lock holds " + input.lockedCount()
                + " of its versions; they become unreadable with the key. The first of them: "
                + String.join(", ", input.locked());
    }
}
