package cloudhsm.pipeline.provisioning.teardown;

import static cloudhsm.pipeline.provisioning.TestAccount.done;
import static cloudhsm.pipeline.provisioning.TestAccount.failed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import cloudhsm.pipeline.provisioning.TestAccount;
import cloudhsm.pipeline.provisioning.stage.Outcome;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;

/** What the runbook advises about a bucket that does not go, followed literally. */
class TeardownAdviceTest {
    private static final String BUCKET = "cloudhsm-demo-bucket";

    private final TestAccount aws = new TestAccount();

    @BeforeEach
    void createBucket() {
        aws.s3.createBucket(request -> request.bucket(BUCKET)
                .createBucketConfiguration(location -> location.locationConstraint("eu-central-1")));
        put("first");
    }

    @AfterEach
    void close() {
        aws.close();
    }

    private void put(String key) {
        aws.s3.putObject(request -> request.bucket(BUCKET).key(key), RequestBody.fromString("text"));
    }

    private Outcome empty() {
        return new EmptyBucket(aws.s3, aws.runtime).run(new EmptyBucket.Input(BUCKET, "DELETE", 0), Optional.empty());
    }

    private Outcome delete(EmptyBucket.Output emptied) {
        return new DeleteBucket(aws.s3, aws.runtime)
                .run(new DeleteBucket.Input(BUCKET, emptied.deleted(), emptied.locked(), 0), Optional.empty());
    }

    private void isGone() {
        assertThrows(NoSuchBucketException.class, () -> aws.s3.headBucket(request -> request.bucket(BUCKET)));
    }

    @Test
    void onceNobodyUploadsANewTeardownDeletesTheBucket() {
        var emptied = done(empty(), EmptyBucket.Output.class);
        put("late");
        assertEquals("BUCKET_NOT_EMPTY", failed(delete(emptied)).reason());
        done(delete(done(empty(), EmptyBucket.Output.class)), Removal.class);
        isGone();
    }

    @Test
    void onceThePolicyAllowsItEveryVersionIsDeleted() {
        aws.s3.putBucketPolicy(request -> request.bucket(BUCKET).policy("""
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
             "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"], "Resource": "arn:aws:s3:::%s/*"}]}\
            """.formatted(BUCKET)));
        assertEquals("OBJECT_NOT_DELETED", failed(empty()).reason());
        aws.s3.deleteBucketPolicy(request -> request.bucket(BUCKET));
        done(delete(done(empty(), EmptyBucket.Output.class)), Removal.class);
        isGone();
    }
}
